package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// journal keeps what a Monitor was told, in its order.
type journal struct {
	// mu guards the fields below.
	mu     sync.Mutex
	names  []string
	events []any
}

func (j *journal) add(name string, e any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.names = append(j.names, name)
	j.events = append(j.events, e)
}

// told returns the names of the events, and forgets them.
func (j *journal) told() (string, []any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	names, events := strings.Join(j.names, " "), j.events
	j.names, j.events = nil, nil
	return names, events
}

func (j *journal) monitor() *monorail.Monitor {
	return &monorail.Monitor{
		Started: func(e *monorail.RequestStartedEvent) { j.add("started", e) },
		Pinned:  func(e *monorail.RequestPinnedEvent) { j.add("pinned", e) },
		Flushed: func(e *monorail.RequestFlushedEvent) { j.add("flushed", e) },
		Broken:  func(e *monorail.RequestBrokenEvent) { j.add("broken", e) },
		Renewed: func(e *monorail.RequestRenewedEvent) { j.add("renewed", e) },
		Ended:   func(e *monorail.RequestEndedEvent) { j.add("ended", e) },
		Leaked:  func(e *monorail.RequestLeakedEvent) { j.add("leaked", e) },
		Waiting: func(e *monorail.RequestWaitingEvent) { j.add("waiting", e) },
	}
}

func TestMonitorTellsTheLifeOfARequest(t *testing.T) {
	s := servertest.StartWithFaults(t)
	var j journal
	c := s.Connect(t, nil, monorail.Options().SetFlushInterval(0).SetMonitor(j.monitor()))
	ctx := context.Background()
	coll := c.Database(s.Database(t)).Collection("c")
	expect := func(want string) []any {
		t.Helper()
		names, events := j.told()
		if names != want {
			t.Fatalf("the monitor was told %q, want %q", names, want)
		}
		return events
	}

	requestCtx, request := c.StartRequest(ctx, monorail.RequestOptions().SetName("visit"))
	started := expect("started")[0].(*monorail.RequestStartedEvent)
	if started.RequestID != request.Info().ID || started.Name != "visit" || started.Automatic || started.Stack != nil ||
		!started.StartedAt.Equal(request.Info().StartedAt) {
		t.Errorf("started: %+v, of %+v", started, request.Info())
	}

	// The first operation pins, and takes what is held along: one write call.
	_, err := coll.InsertOne(requestCtx, bson.D{{Key: "_id", Value: 1}})
	check(t, err)
	events := expect("pinned flushed")
	first := events[0].(*monorail.RequestPinnedEvent)
	info := request.Info()
	if first.RequestID != info.ID || first.Address != info.Address || first.ConnectionID != info.ConnectionID ||
		*first.ServerConnectionID != *info.ServerConnectionID || first.Epoch != 0 || first.Duration <= 0 {
		t.Errorf("pinned: %+v, of %+v", first, info)
	}
	const writes = 3
	for range writes {
		check(t, c.Unacknowledged(coll).UpdateOne(requestCtx, bson.D{{Key: "_id", Value: 1}}, inc))
	}
	expect("")
	held := request.Info().HeldBytes
	check(t, request.Flush(ctx))
	flushed := expect("flushed")[0].(*monorail.RequestFlushedEvent)
	if flushed.Messages != writes || flushed.Bytes != held || flushed.ConnectionID != info.ConnectionID || flushed.Duration <= 0 {
		t.Errorf("flushed: %+v, want %d messages and %d bytes", flushed, writes, held)
	}

	// A nested handle is the same request.
	_, nested := c.StartRequest(requestCtx)
	check(t, nested.End())
	expect("")

	s.Faults.HangUpOnUnacknowledged(onSocket(t, request))
	check(t, c.Unacknowledged(coll).UpdateOne(requestCtx, bson.D{{Key: "_id", Value: 1}}, inc))
	broke := coll.FindOne(requestCtx, bson.D{}).Err()
	var broken *monorail.BrokenError
	if !errors.As(broke, &broken) {
		t.Fatalf("a hang-up gives %v", broke)
	}
	s.Faults.ClearFaults()
	names, events := j.told()
	if names != "flushed broken" && names != "broken" { // the kernel may know of it already
		t.Errorf("a break is told as %q", names)
	}
	if e := events[len(events)-1].(*monorail.RequestBrokenEvent); e.Err != broken || e.ConnectionID != info.ConnectionID {
		t.Errorf("broken: %+v, want %v", e, broken)
	}
	if got := c.Stats(); got.Open != 1 || got.Broken != 1 || got.Pinned != 0 || got.Breaks != 1 || got.Renewals != 0 || len(got.Servers) != 0 {
		t.Errorf("statistics of a broken request: %+v", got)
	}

	check(t, request.Renew(ctx))
	if e := expect("renewed")[0].(*monorail.RequestRenewedEvent); e.Epoch != 1 || e.Lost != broken {
		t.Errorf("renewed: %+v", e)
	}
	check(t, c.Ping(requestCtx, nil))
	if e := expect("pinned flushed")[0].(*monorail.RequestPinnedEvent); e.Epoch != 1 || e.ConnectionID == info.ConnectionID {
		t.Errorf("pinned again: %+v", e)
	}
	check(t, c.Unacknowledged(coll).UpdateOne(requestCtx, bson.D{{Key: "_id", Value: 1}}, inc))
	check(t, request.End())
	ended := expect("flushed ended")[1].(*monorail.RequestEndedEvent)
	if ended.RequestID != info.ID || ended.Epoch != 1 || ended.Duration <= 0 || ended.Err != nil || ended.Unconfirmed != 1 {
		t.Errorf("ended: %+v", ended)
	}
	check(t, request.End())
	expect("")
	got := c.Stats()
	if got.Started != 1 || got.Ended != 1 || got.Open != 0 || got.Breaks != 1 || got.Renewals != 1 ||
		got.UnacknowledgedStatements != writes+2 || got.WriteCalls < 5 || got.Bytes < int64(held) {
		t.Errorf("statistics at the end: %+v", got)
	}
}

// TestMonitorOrder: whatever the goroutines of a request do, its events come one after the other, Started
// first and Ended last, each once.
func TestMonitorOrder(t *testing.T) {
	s := servertest.Start(t)
	type life struct {
		names   []string
		running bool
	}
	var mu sync.Mutex // guards lives
	lives := map[int64]*life{}
	enter := func(id int64, name string) {
		mu.Lock()
		l := lives[id]
		if l == nil {
			l = &life{}
			lives[id] = l
		}
		if l.running {
			t.Errorf("request %d: %s is told while another event is", id, name)
		}
		l.running = true
		l.names = append(l.names, name)
		mu.Unlock()

		mu.Lock()
		l.running = false
		mu.Unlock()
	}
	c := s.Connect(t, nil, monorail.Options().SetAutoStartRequest(true).SetMonitor(&monorail.Monitor{
		Started: func(e *monorail.RequestStartedEvent) { enter(e.RequestID, "started") },
		Pinned:  func(e *monorail.RequestPinnedEvent) { enter(e.RequestID, "pinned") },
		Flushed: func(e *monorail.RequestFlushedEvent) { enter(e.RequestID, "flushed") },
		Ended:   func(e *monorail.RequestEndedEvent) { enter(e.RequestID, "ended") },
	}))
	const scopes, goroutines = 20, 4
	for range scopes {
		ctx, end := c.NewScope(context.Background())
		var group sync.WaitGroup
		for range goroutines {
			group.Go(func() {
				if err := c.Ping(ctx, nil); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		end()
	}
	mu.Lock()
	defer mu.Unlock()
	if len(lives) != scopes {
		t.Errorf("%d requests are told, want %d", len(lives), scopes)
	}
	for id, l := range lives {
		all := strings.Join(l.names, " ")
		if !strings.HasPrefix(all, "started pinned flushed") || !strings.HasSuffix(all, "flushed ended") ||
			strings.Count(all, "started") != 1 || strings.Count(all, "ended") != 1 || strings.Count(all, "pinned") != 1 {
			t.Errorf("request %d: %s", id, all)
		}
	}
}

// TestMonitorMayCallTheClient: the functions hold no lock, not even of the request that they are about.
func TestMonitorMayCallTheClient(t *testing.T) {
	s := servertest.Start(t)
	var c *servertest.Client
	var requestCtx context.Context
	var calls []string
	call := func(name string) {
		calls = append(calls, name)
		c.Stats()
		if err := c.Ping(context.Background(), nil); err != nil {
			t.Errorf("in %s, outside: %v", name, err)
		}
		if requestCtx == nil {
			return // StartRequest has not returned
		}
		r := c.Request(requestCtx)
		if err := c.Ping(requestCtx, nil); name != "ended" && err != nil {
			t.Errorf("in %s, in the request: %v", name, err)
		}
		_ = r.End()
	}
	c = s.Connect(t, nil, monorail.Options().SetMonitor(&monorail.Monitor{
		Started: func(*monorail.RequestStartedEvent) { call("started") },
		Pinned:  func(*monorail.RequestPinnedEvent) { call("pinned") },
		Ended:   func(*monorail.RequestEndedEvent) { call("ended") },
	}))
	var request *monorail.Request
	requestCtx, request = c.StartRequest(context.Background())
	_ = c.Ping(requestCtx, nil) // the monitor ends the request in the middle of it
	check(t, request.End())
	if got := strings.Join(calls, " "); got != "started pinned ended" {
		t.Errorf("the monitor was told %q", got)
	}
	if n := c.Pool.CheckedOut(); n != 0 {
		t.Errorf("%d connections are checked out, want 0", n)
	}
}

// TestMonitorMayEndWhatEnds: a request or scope that a context has ended may be ended once more by the
// function that is told so.
func TestMonitorMayEndWhatEnds(t *testing.T) {
	s := servertest.Start(t)
	var again func() error
	ended := make(chan error, 1) // the monitor sends once for each request
	c := s.Connect(t, nil, monorail.Options().SetAutoStartRequest(true).SetMonitor(&monorail.Monitor{
		Ended: func(*monorail.RequestEndedEvent) { ended <- again() },
	}))
	await := func(what string) {
		t.Helper()
		select {
		case err := <-ended:
			check(t, err)
		case <-time.After(servertest.Timeout):
			t.Fatalf("%s: the monitor waits for its own end", what)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	requestCtx, request := c.StartRequest(ctx)
	again = request.End
	check(t, c.Ping(requestCtx, nil))
	cancel()
	await("End")
	scopeCtx, end := c.NewScope(context.Background())
	again = func() error { return c.EndScope(scopeCtx) }
	check(t, c.Ping(scopeCtx, nil))
	go end()
	await("EndScope")
	end() // waits for the other one
}

// TestMonitorThatPanics: a panic in a function goes up its goroutine, and costs no socket.
func TestMonitorThatPanics(t *testing.T) {
	s := servertest.StartWithFaults(t)
	for _, when := range []string{"started", "pinned", "flushed", "broken", "ended"} {
		panicIn := func(name string) {
			if name == when {
				panic("monitor: " + name)
			}
		}
		c := s.Connect(t, nil, monorail.Options().SetFlushInterval(0).SetMonitor(&monorail.Monitor{
			Started: func(*monorail.RequestStartedEvent) { panicIn("started") },
			Pinned:  func(*monorail.RequestPinnedEvent) { panicIn("pinned") },
			Flushed: func(*monorail.RequestFlushedEvent) { panicIn("flushed") },
			Broken:  func(*monorail.RequestBrokenEvent) { panicIn("broken") },
			Ended:   func(*monorail.RequestEndedEvent) { panicIn("ended") },
		}))
		panics := 0
		try := func(f func()) {
			defer func() {
				switch p := recover(); {
				case p == nil:
				case p == "monitor: "+when:
					panics++
				default:
					panic(p)
				}
			}()
			f()
		}
		var ctx context.Context
		var request *monorail.Request
		try(func() { ctx, request = c.StartRequest(context.Background()) })
		if request != nil {
			try(func() { _ = c.Ping(ctx, nil) })
			try(func() { _ = c.Ping(ctx, nil) })
			if when == "broken" {
				s.Faults.Reset(connectionOf(request))
				try(func() { _ = c.Ping(ctx, nil) })
			}
			try(func() { _ = request.End() })
		}
		if panics == 0 {
			t.Errorf("%s: no panic came through", when)
		}
		if n := c.Pool.CheckedOut(); n != 0 {
			t.Errorf("%s: %d connections are checked out, want 0", when, n)
		}
		check(t, c.Ping(servertest.Context(t), nil))
	}
}

// TestLogger: the levels and attributes that SetLogger documents.
func TestLogger(t *testing.T) {
	s := servertest.StartWithFaults(t)
	var log bytes.Buffer
	handler := slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})
	c := s.Connect(t, nil, monorail.Options().SetFlushInterval(0).SetLogger(slog.New(handler)))
	coll := c.Database(s.Database(t)).Collection("c")
	for _, unacknowledged := range []bool{false, true} {
		log.Reset()
		ctx, request := c.StartRequest(context.Background(), monorail.RequestOptions().SetName("visit"))
		check(t, c.Ping(ctx, nil))
		s.Faults.CutReply(10, onSocket(t, request))
		level, unconfirmed := "INFO", 0
		if unacknowledged {
			level, unconfirmed = "WARN", 1
			check(t, c.Unacknowledged(coll).InsertOne(ctx, bson.D{}))
		}
		if err := c.Ping(ctx, nil); !errors.Is(err, monorail.ErrRequestBroken) {
			t.Fatalf("half a reply gives %v", err)
		}
		s.Faults.ClearFaults()
		check(t, request.Renew(context.Background()))
		check(t, request.End())
		about := fmt.Sprintf("request=%d name=visit", request.Info().ID)
		for i, want := range [][]string{
			{"level=DEBUG", `msg="request started"`, about},
			{"level=" + level, `msg="request broken`, about, fmt.Sprintf("unconfirmed=%d", unconfirmed), "error=", "address=", "connection=", "server_connection=", "epoch=0"},
			{"level=INFO", `msg="request renewed"`, about, "epoch=1", fmt.Sprintf("unconfirmed=%d", unconfirmed)},
			{"level=DEBUG", `msg="request ended"`, about, "duration="},
		} {
			line, _ := log.ReadString('\n')
			for _, part := range want {
				if !strings.Contains(line, part) {
					t.Errorf("line %d is %q, want %q in it", i, line, part)
				}
			}
		}
		if log.Len() > 0 {
			t.Errorf("more lines: %s", &log)
		}
	}
}
