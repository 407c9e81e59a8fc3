package integration

import (
	"bytes"
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// forgotten calls f in a goroutine that has ended when it returns, so that no stack keeps what f forgot.
func forgotten(f func()) {
	var group sync.WaitGroup
	group.Go(f)
	group.Wait()
}

// collected runs the garbage collector until the event has come.
func collected[E any](t testing.TB, events <-chan E) E {
	t.Helper()
	var got E
	servertest.Eventually(t, func() string {
		runtime.GC()
		select {
		case got = <-events:
			return ""
		default:
			return "what was forgotten is never found"
		}
	})
	return got
}

func TestLeakGivesTheSocketBack(t *testing.T) {
	s := servertest.Start(t)
	// What outlives the handle must not keep it reachable: the context it was started with, a cursor
	// that was opened in it, the client.
	parent, cancel := context.WithCancel(context.Background())
	defer cancel()
	var cursor *mongo.Cursor
	docs := []any{bson.D{{Key: "_id", Value: 1}}, bson.D{{Key: "_id", Value: 2}}, bson.D{{Key: "_id", Value: 3}}}
	for _, leak := range []struct {
		name string
		auto bool
		f    func(t testing.TB, c *servertest.Client, coll *mongo.Collection)
	}{
		{"a request", false, func(t testing.TB, c *servertest.Client, coll *mongo.Collection) {
			ctx, _ := c.StartRequest(parent, monorail.RequestOptions().SetName("forgotten"))
			check(t, c.Unacknowledged(coll).InsertOne(ctx, bson.D{{Key: "_id", Value: 4}}))
		}},
		{"a request with an open cursor", false, func(t testing.TB, c *servertest.Client, coll *mongo.Collection) {
			ctx, _ := c.StartRequest(parent, monorail.RequestOptions().SetName("forgotten"))
			check(t, c.Unacknowledged(coll).InsertOne(ctx, bson.D{{Key: "_id", Value: 4}}))
			var err error
			cursor, err = coll.Find(ctx, bson.D{}, options.Find().SetBatchSize(1))
			check(t, err)
		}},
		{"a nested request", false, func(t testing.TB, c *servertest.Client, coll *mongo.Collection) {
			outer, request := c.StartRequest(parent, monorail.RequestOptions().SetName("forgotten"))
			ctx, _ := c.StartRequest(outer)
			check(t, c.Unacknowledged(coll).InsertOne(ctx, bson.D{{Key: "_id", Value: 4}}))
			check(t, request.End())
		}},
		{"a scope", true, func(t testing.TB, c *servertest.Client, coll *mongo.Collection) {
			ctx, end := c.NewScope(parent)
			check(t, c.Unacknowledged(coll).InsertOne(ctx, bson.D{{Key: "_id", Value: 4}}))
			_ = end
		}},
	} {
		t.Run(leak.name, func(t *testing.T) {
			leaks := make(chan *monorail.RequestLeakedEvent, 1)
			ended := make(chan *monorail.RequestEndedEvent, 10)
			var log bytes.Buffer
			c := s.Connect(t, nil, monorail.Options().
				SetAutoStartRequest(leak.auto).
				SetCaptureStacks(true).
				SetFlushInterval(0).
				SetLogger(slog.New(slog.NewTextHandler(&log, nil))).
				SetMonitor(&monorail.Monitor{
					Leaked: func(e *monorail.RequestLeakedEvent) { leaks <- e },
					Ended:  func(e *monorail.RequestEndedEvent) { ended <- e },
				}))
			coll := c.Database(s.Database(t)).Collection("c")
			_, err := coll.InsertMany(context.Background(), docs)
			check(t, err)
			forgotten(func() { leak.f(t, c, coll) })
			if len(ended) != 0 {
				t.Fatal("the request ended before it was forgotten")
			}

			e := collected(t, leaks)
			if e.Address == "" || e.ConnectionID == "" || e.Age <= 0 || e.Automatic != leak.auto {
				t.Errorf("the leak is told as %+v", e)
			}
			if !leak.auto && e.Name != "forgotten" {
				t.Errorf("the leaked request is named %q", e.Name)
			}
			if !strings.Contains(e.Stack.String(), "integration.TestLeakGivesTheSocketBack") {
				t.Errorf("the leak does not tell where it was started:\n%s", e.Stack)
			}
			if end := <-ended; end.RequestID != e.RequestID || end.Err != nil {
				t.Errorf("after the leak: %+v", end)
			}
			if n := c.Pool.CheckedOut(); n != 0 {
				t.Errorf("%d connections are checked out, want 0", n)
			}
			// What was held was sent.
			n, err := coll.CountDocuments(context.Background(), bson.D{{Key: "_id", Value: 4}})
			check(t, err)
			if n != 1 {
				t.Error("the write that the leaked request held is lost")
			}
			if got := c.Stats(); got.Leaks != 1 || got.Open != 0 || got.Ended != got.Started {
				t.Errorf("statistics: %+v", got)
			}
			if line := log.String(); strings.Count(line, "level=WARN") != 1 || !strings.Contains(line, "request leaked") {
				t.Errorf("the log has %q", line)
			}
			if cursor != nil { // it goes on in the pool
				var all []bson.D
				check(t, cursor.All(context.Background(), &all))
				if len(all) != 4 {
					t.Errorf("the cursor of the leaked request has %d documents, want 4", len(all))
				}
				cursor = nil
			}
		})
	}
}

// TestNoLeakWhereTheContextIsHeld: a request, or a scope, whose context somebody still has is in use,
// and one that ended, or whose context did, has not leaked.
func TestNoLeakWhereTheContextIsHeld(t *testing.T) {
	s := servertest.Start(t)
	leaks := make(chan string, 10)
	c := s.Connect(t, nil, monorail.Options().SetMonitor(&monorail.Monitor{
		Leaked: func(e *monorail.RequestLeakedEvent) { leaks <- e.Name },
	}))
	var held context.Context
	forgotten(func() {
		var request *monorail.Request
		held, _ = c.StartRequest(context.Background(), monorail.RequestOptions().SetName("held"))
		check(t, c.Ping(held, nil))

		var ctx context.Context
		ctx, request = c.StartRequest(context.Background(), monorail.RequestOptions().SetName("ended"))
		check(t, c.Ping(ctx, nil))
		check(t, request.End())

		cancelled, cancel := context.WithCancel(context.Background())
		ctx, _ = c.StartRequest(cancelled, monorail.RequestOptions().SetName("cancelled"))
		check(t, c.Ping(ctx, nil))
		cancel()
		servertest.Eventually(t, func() string {
			if c.Pool.CheckedOut() != 1 {
				return "the cancelled request does not end"
			}
			return ""
		})
	})
	// One that did leak, to know when the collector has been everywhere.
	forgotten(func() { _, _ = c.StartRequest(context.Background(), monorail.RequestOptions().SetName("leaked")) })
	if name := collected(t, leaks); name != "leaked" {
		t.Errorf("request %q is told as leaked", name)
	}
	runtime.GC()
	check(t, c.Ping(held, nil))
	check(t, c.Request(held).End())
	select {
	case name := <-leaks:
		t.Errorf("request %q is told as leaked", name)
	default:
	}
}

// TestDisconnectWaitsForLeaks: the end of a leaked request is one of the client's goroutines.
func TestDisconnectWaitsForLeaks(t *testing.T) {
	s := servertest.Start(t)
	found, goOn := make(chan struct{}, 1), make(chan struct{})
	var pool servertest.Pool
	c, err := monorail.Connect(options.Client().ApplyURI(s.URI).SetPoolMonitor(pool.Monitor()),
		monorail.Options().SetMonitor(&monorail.Monitor{
			Leaked: func(*monorail.RequestLeakedEvent) { found <- struct{}{}; <-goOn },
		}))
	check(t, err)
	forgotten(func() {
		ctx, _ := c.StartRequest(context.Background())
		check(t, c.Ping(ctx, nil))
	})
	collected(t, found)
	done := make(chan error, 1)
	go func() { done <- c.Disconnect(servertest.Context(t)) }()
	servertest.Eventually(t, func() string { // Disconnect has ended the request, and waits
		if n := pool.CheckedOut(); n != 0 {
			return "Disconnect ends nothing"
		}
		return ""
	})
	select {
	case <-done:
		t.Error("Disconnect has left a goroutine behind")
	default:
	}
	close(goOn)
	check(t, <-done)
	if got := c.Stats(); got.Started != got.Ended || got.Open != 0 {
		t.Errorf("statistics: %+v", got)
	}
}

// TestPanicAndGoexitGiveTheSocketBack: WithRequest ends its request whichever way the function ends.
func TestPanicAndGoexitGiveTheSocketBack(t *testing.T) {
	s := servertest.Start(t)
	for name, leave := range map[string]func(){"panic": func() { panic("away") }, "Goexit": runtime.Goexit} {
		c := s.Connect(t, nil)
		forgotten(func() {
			defer func() { _ = recover() }()
			_ = c.WithRequest(context.Background(), func(ctx context.Context) error {
				check(t, c.Ping(ctx, nil))
				if n := c.Pool.CheckedOut(); n != 1 {
					t.Errorf("%s: %d connections are checked out in the request, want 1", name, n)
				}
				leave()
				return nil
			})
		})
		if n := c.Pool.CheckedOut(); n != 0 {
			t.Errorf("%s: %d connections are checked out, want 0", name, n)
		}
		if got := c.Stats(); got.Open != 0 || got.Ended != 1 || got.Leaks != 0 {
			t.Errorf("%s: %+v", name, got)
		}
		check(t, c.Ping(context.Background(), nil))
	}
}
