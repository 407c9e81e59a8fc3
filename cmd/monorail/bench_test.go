package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"strings"
	"testing"

	"github.com/mongo-monorail/monorail/monorailtest"
)

// measures are those of the table, in its order.
var measures = []string{"P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "P10"}

// TestBench measures one round at servers of its own.
func TestBench(t *testing.T) {
	var stdout, stderr strings.Builder
	if status := run(t.Context(), []string{"bench", "--rounds", "1"}, &stdout, &stderr); status != exitOK {
		t.Fatalf("exit status %d\n%s%s", status, stdout.String(), stderr.String())
	}
	for _, measure := range measures {
		// One line in the table, and one that says what it means, at least.
		if n := strings.Count(stdout.String(), "\n"+measure+" "); n < 2 {
			t.Errorf("%d lines of %s in\n%s", n, measure, stdout.String())
		}
	}
}

// benchAt runs the command at uri and returns the lines of its JSON.
func benchAt(t *testing.T, uri string) []map[string]any {
	t.Helper()
	var stdout, stderr strings.Builder
	if status := run(t.Context(), []string{"bench", "--uri", uri, "--rounds", "2", "--json"}, &stdout, &stderr); status != exitOK {
		t.Fatalf("exit status %d\n%s%s", status, stdout.String(), stderr.String())
	}
	var rows []map[string]any
	for lines := bufio.NewScanner(strings.NewReader(stdout.String())); lines.Scan(); {
		row := make(map[string]any)
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

// leavesNothing fails if a database of the command is left at uri.
func leavesNothing(t *testing.T, uri string) {
	t.Helper()
	if left := databasesOf(t, uri, "monorail_bench_"); len(left) > 0 {
		t.Errorf("databases %v are left", left)
	}
}

// TestBenchAtURI checks every line of what programs read.
func TestBenchAtURI(t *testing.T) {
	server := monorailtest.NewServer()
	t.Cleanup(server.Close)
	seen := make(map[string]bool)
	for _, row := range benchAt(t, server.URI()) {
		seen[row["measure"].(string)] = true
		least, median, most := row["least"].(float64), row["median"].(float64), row["most"].(float64)
		if least > median || median > most || row["unit"] == nil && least <= 0 {
			t.Errorf("%v: median %v, least %v, most %v", row["title"], median, least, most)
		}
		if row["meaning"] == "" || len(row["parts"].([]any)) != 2 || row["rounds"] != 2.0 {
			t.Errorf("incomplete: %v", row)
		}
		if (row["goal"] == nil) != (row["verdict"] == nil) {
			t.Errorf("a goal without verdict, or the reverse: %v", row)
		}
	}
	for _, measure := range measures {
		if !seen[measure] {
			t.Errorf("%s is missing", measure)
		}
	}
	leavesNothing(t, server.URI())
}

// TestBenchMayNotDropDatabases runs with the rights of the role readWrite, which has no dropDatabase.
func TestBenchMayNotDropDatabases(t *testing.T) {
	server := monorailtest.NewServer(monorailtest.WithUser("root", "secret"),
		monorailtest.WithUser("writer", "secret", "find", "insert", "update", "createIndex", "createCollection", "dropCollection"))
	t.Cleanup(server.Close)
	as := func(user string) string {
		return strings.Replace(server.URI(), "mongodb://", "mongodb://"+user+":secret@", 1)
	}
	benchAt(t, as("writer"))
	leavesNothing(t, as("root"))
}

// TestBenchAtMongos checks that what does not apply is said.
func TestBenchAtMongos(t *testing.T) {
	server := monorailtest.NewServer(monorailtest.WithMongos())
	t.Cleanup(server.Close)
	for _, row := range benchAt(t, server.URI()) {
		why, skipped := row["not_measured"].(string)
		if row["measure"] == "P6" != skipped || skipped && !strings.Contains(why, "SetMergeWritesThroughMongos") {
			t.Errorf("%v: %v", row["title"], why)
		}
		if !strings.HasPrefix(row["server"].(string), "a mongos ") {
			t.Errorf("the server is %v", row["server"])
		}
	}
}

// TestBenchErrors checks that what is wrong with a deployment is said.
func TestBenchErrors(t *testing.T) {
	reader := monorailtest.NewServer(monorailtest.WithUser("reader", "secret", "find"))
	t.Cleanup(reader.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "mongodb://" + listener.Addr().String() + "/?serverSelectionTimeoutMS=100"
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ uri, want string }{
		"no server":  {nobody, "server selection"},
		"no rights":  {strings.Replace(reader.URI(), "mongodb://", "mongodb://reader:secret@", 1), "readWriteAnyDatabase"},
		"no user":    {reader.URI() + "/?serverSelectionTimeoutMS=100", "authentication"},
		"no address": {"mongodb://", "host"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			status := run(t.Context(), []string{"bench", "--uri", c.uri}, &stdout, &stderr)
			if status != exitFailed || !strings.Contains(stderr.String(), c.want) || stdout.Len() > 0 {
				t.Errorf("exit status %d, printed %q and %q, want %q in it", status, stdout.String(), stderr.String(), c.want)
			}
		})
	}
}

// interruptor interrupts when it is told that the measuring begins.
type interruptor struct {
	strings.Builder
	interrupt func()
}

func (i *interruptor) Write(b []byte) (int, error) {
	if strings.HasPrefix(string(b), "measuring,") {
		i.interrupt()
	}
	return i.Builder.Write(b)
}

// TestInterruptedBenchDropsItsDatabase ends a run in its midst.
func TestInterruptedBenchDropsItsDatabase(t *testing.T) {
	server := monorailtest.NewServer()
	t.Cleanup(server.Close)
	ctx, interrupt := context.WithCancel(t.Context())
	var before []string
	stderr := &interruptor{interrupt: func() {
		before = databasesOf(t, server.URI(), "monorail_bench_")
		interrupt()
	}}
	var stdout strings.Builder
	status := run(ctx, []string{"bench", "--uri", server.URI()}, &stdout, stderr)
	if status != exitInterrupted || !strings.Contains(stderr.String(), "interrupted") || stdout.Len() > 0 {
		t.Errorf("exit status %d, printed %q and %q", status, stdout.String(), stderr.String())
	}
	if left := databasesOf(t, server.URI(), "monorail_bench_"); len(before) != 1 || len(left) != 0 {
		t.Errorf("databases %v during the run and %v after, want one and none", before, left)
	}
}
