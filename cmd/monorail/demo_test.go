package main

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail/monorailtest"
)

// databases returns the names of the demo's databases at uri.
func databases(t *testing.T, uri string) []string { return databasesOf(t, uri, "monorail_demo_") }

// databasesOf returns the names of the databases at uri that begin with prefix.
func databasesOf(t *testing.T, uri, prefix string) []string {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(context.WithoutCancel(t.Context())) }()
	names, err := client.ListDatabaseNames(t.Context(), bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	var own []string
	for _, name := range names {
		if strings.HasPrefix(name, prefix) {
			own = append(own, name)
		}
	}
	return own
}

// TestDemo runs the whole demo on its own busy server.
func TestDemo(t *testing.T) {
	var stdout, stderr strings.Builder
	if status := run(t.Context(), []string{"demo", "--count", "50"}, &stdout, &stderr); status != exitOK {
		t.Fatalf("exit status %d\n%s%s", status, stdout.String(), stderr.String())
	}
	for _, w := range ways {
		if !strings.Contains(stdout.String(), "("+w.letter+") "+w.name) || !strings.Contains(stderr.String(), "50 of 50") {
			t.Errorf("(%s) is missing in\n%s%s", w.letter, stdout.String(), stderr.String())
		}
	}
}

// TestDemoJSON runs the demo on a given server, with a network in between.
func TestDemoJSON(t *testing.T) {
	server := monorailtest.NewServer()
	defer server.Close()
	var stdout, stderr strings.Builder
	args := []string{"demo", "--uri", server.URI(), "--rtt", "2ms", "--count", "60", "--visitors", "3", "--json"}
	if status := run(t.Context(), args, &stdout, &stderr); status != exitOK {
		t.Fatalf("exit status %d\n%s%s", status, stdout.String(), stderr.String())
	}
	// What a visit costs on the wire: (c) sends both messages in one write call and waits once.
	trips := map[string]float64{"a": 2, "b": 1, "c": 1, "d": 1}
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	if len(lines) != len(ways) {
		t.Fatalf("%d lines, want one per way:\n%s", len(lines), stdout.String())
	}
	for i, line := range lines {
		var r jsonResult
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Way != ways[i].letter || r.Visits != 60 || r.Lost != 0 || ways[i].right && r.Stale != 0 {
			t.Errorf("line %d: %s", i+1, line)
		}
		if r.RoundTripsPerVisit != trips[r.Way] {
			t.Errorf("(%s) took %v round trips per visit, want %v", r.Way, r.RoundTripsPerVisit, trips[r.Way])
		}
		if r.P50 < 2000*trips[r.Way] {
			t.Errorf("(%s) took %v µs, less than %v round trips of 2 ms", r.Way, r.P50, trips[r.Way])
		}
	}
	if left := databases(t, server.URI()); len(left) != 0 {
		t.Errorf("the demo left %v behind", left)
	}
}

// spoiledStore is the right store, but for the calls that skip names: their writes are not made.
type spoiledStore struct {
	*driverStore
	calls atomic.Int64
	skip  func(call int64) bool
}

func (s *spoiledStore) visit(ctx context.Context, v visit) (int64, error) {
	if s.skip(s.calls.Add(1)) {
		return pageViews(ctx, s.counts, v.region)
	}
	return s.driverStore.visit(ctx, v)
}

func spoiledWay(right bool, skip func(call int64) bool) way {
	return way{letter: "a", name: "spoiled", right: right, open: func(ctx context.Context, d *dialer, uri, database string) (store, error) {
		s, err := openAcknowledged(ctx, d, uri, database)
		if err != nil {
			return nil, err
		}
		return &spoiledStore{driverStore: s.(*driverStore), skip: skip}, nil
	}}
}

func TestDemoFailsWhenARightWayLosesVisits(t *testing.T) {
	server := monorailtest.NewServer()
	defer server.Close()
	for _, right := range []bool{true, false} {
		var stdout, stderr strings.Builder
		w := spoiledWay(right, func(call int64) bool { return call == 7 })
		status := demoCommand(t.Context(), []way{w}, []string{"--uri", server.URI(), "--count", "50", "--json"}, &stdout, &stderr)
		var r jsonResult
		if err := json.Unmarshal([]byte(stdout.String()), &r); err != nil {
			t.Fatalf("%v\n%s%s", err, stdout.String(), stderr.String())
		}
		if r.Lost != 1 || r.Stale == 0 {
			t.Errorf("lost %d, stale %d; want 1 lost, and stale totals", r.Lost, r.Stale)
		}
		if want := map[bool]int{true: exitFailed, false: exitOK}[right]; status != want {
			t.Errorf("right way %v: exit status %d, want %d", right, status, want)
		}
	}
}

func TestInterruptedDemoDropsItsDatabase(t *testing.T) {
	server := monorailtest.NewServer()
	defer server.Close()
	for _, w := range ways {
		ctx, interrupt := context.WithCancel(t.Context())
		seen := false // whether the database was there before the interruption; set by one call alone
		interrupted := w
		interrupted.open = func(ctx context.Context, d *dialer, uri, database string) (store, error) {
			s, err := w.open(ctx, d, uri, database)
			return &interruptingStore{store: s, after: 20, interrupt: func() {
				seen = len(databases(t, server.URI())) == 1
				interrupt()
			}}, err
		}
		var stdout, stderr strings.Builder
		status := demoCommand(ctx, []way{interrupted}, []string{"--uri", server.URI(), "--count", "1000000"}, &stdout, &stderr)
		if status != exitInterrupted || stdout.Len() > 0 || !strings.Contains(stderr.String(), "interrupted") {
			t.Errorf("(%s) exit status %d, printed %q and %q", w.letter, status, stdout.String(), stderr.String())
		}
		if left := databases(t, server.URI()); !seen || len(left) != 0 {
			t.Errorf("(%s) database there before: %v, and after: %v", w.letter, seen, left)
		}
	}
}

// interruptingStore calls interrupt once, in the visit after the first after visits.
type interruptingStore struct {
	store
	calls     atomic.Int64
	after     int64
	interrupt func()
}

func (s *interruptingStore) visit(ctx context.Context, v visit) (int64, error) {
	if s.calls.Add(1) == s.after+1 {
		s.interrupt()
	}
	return s.store.visit(ctx, v)
}
