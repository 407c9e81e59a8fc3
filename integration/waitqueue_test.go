package integration

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// waits keeps what a Monitor's Waiting saw, and lets a test wait for it.
type waits chan *monorail.RequestWaitingEvent

func newWaits() waits { return make(waits, 100) }

func (w waits) monitor() *monorail.Monitor {
	return &monorail.Monitor{Waiting: func(e *monorail.RequestWaitingEvent) { w <- e }}
}

func (w waits) next(t testing.TB) *monorail.RequestWaitingEvent {
	t.Helper()
	select {
	case e := <-w:
		return e
	case <-time.After(servertest.Timeout):
		t.Fatal("nobody waits for a connection")
		return nil
	}
}

// pinned starts a request that holds its socket.
func pinned(t testing.TB, c *servertest.Client, name string) (context.Context, *monorail.Request) {
	t.Helper()
	ctx, request := c.StartRequest(servertest.Context(t), monorail.RequestOptions().SetName(name))
	check(t, c.Ping(ctx, nil))
	return ctx, request
}

// TestFullPoolTellsWhoHoldsIt is a program that would wait for ever for its own socket.
func TestFullPoolTellsWhoHoldsIt(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, options.Client().SetMaxPoolSize(1), monorail.Options().
		SetWaitQueueTimeout(30*time.Millisecond).SetCaptureStacks(true))
	requestCtx, request := pinned(t, c, "visit")
	ctx := context.Background()
	told := func(what string, err error) {
		t.Helper()
		var full *monorail.WaitQueueError
		switch {
		case !errors.Is(err, monorail.ErrWaitQueueTimeout) || !errors.As(err, &full):
			t.Fatalf("%s gives %v, want ErrWaitQueueTimeout", what, err)
		case !mongo.IsTimeout(err) || !errors.As(err, new(topology.WaitQueueTimeoutError)):
			t.Errorf("%s gives %v, which the driver's users do not take for a timeout", what, err)
		case errors.Is(err, monorail.ErrTooManyWaiting):
			t.Errorf("%s says that it was refused", what)
		case full.Address != request.Info().Address || full.MaxPoolSize != 1 || full.Held != 1 || full.Waiting != 0 || full.Waited < 30*time.Millisecond:
			t.Errorf("%s gives %+v", what, full)
		case full.Oldest == nil || full.Oldest.Name != "visit" || full.Oldest.RequestID != request.Info().ID ||
			full.Oldest.ConnectionID != request.Info().ConnectionID || full.Oldest.Age <= 0:
			t.Errorf("%s gives the oldest holder %+v", what, full.Oldest)
		}
		for _, want := range []string{"MaxPoolSize is 1", "requests hold 1", `"visit"`, "integration.pinned", "raise MaxPoolSize", "request's context"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s gives an error without %q: %v", what, want, err)
			}
		}
	}
	told("an operation outside", c.Ping(ctx, nil))
	other, second := c.StartRequest(ctx)
	told("a second request", c.Ping(other, nil))
	coll := c.Database(s.Database(t)).Collection("c")
	told("an unacknowledged write in it", c.Unacknowledged(coll).InsertOne(other, bson.D{}))
	check(t, c.Ping(requestCtx, nil)) // a request that has its socket never waits

	check(t, request.End())
	check(t, c.Ping(other, nil)) // its request went on
	check(t, second.End())
	if got := c.Stats(); got.WaitTimeouts != 3 || got.Waiting != 0 || len(got.Servers) != 0 {
		t.Errorf("afterwards: %+v", got)
	}
	usable(t, c, coll)
}

// TestFullPoolWaitsAsTheContextAllows: the context ends the wait before the timeout does, and its end is
// the driver's own error when it was cancelled.
func TestFullPoolWaitsAsTheContextAllows(t *testing.T) {
	s := servertest.Start(t)
	w := newWaits()
	c := s.Connect(t, options.Client().SetMaxPoolSize(1), monorail.Options().SetMonitor(w.monitor()))
	_, request := pinned(t, c, "holder")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := c.Ping(ctx, nil); !errors.Is(err, monorail.ErrWaitQueueTimeout) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("when the deadline passes: %v, want ErrWaitQueueTimeout and context.DeadlineExceeded", err)
	}
	e := w.next(t)
	if e.RequestID != 0 || e.MaxPoolSize != 1 || e.Held != 1 || e.Waiting != 1 || e.Refused || e.Oldest == nil || e.Oldest.Name != "holder" {
		t.Errorf("the monitor saw %+v", e)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Ping(cancelled, nil) }()
	w.next(t)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || errors.Is(err, monorail.ErrWaitQueueTimeout) {
		t.Errorf("when it was cancelled: %v, want context.Canceled and no timeout", err)
	}
	// Who waits gets the socket that the end of a request frees.
	go func() { done <- c.Ping(context.Background(), nil) }()
	w.next(t)
	check(t, request.End())
	check(t, <-done)
}

func TestMaxWaiting(t *testing.T) {
	s := servertest.Start(t)
	w := newWaits()
	c := s.Connect(t, options.Client().SetMaxPoolSize(1), monorail.Options().SetMaxWaiting(2).SetMonitor(w.monitor()))
	_, request := pinned(t, c, "holder")
	var group sync.WaitGroup
	errs := make([]error, 2)
	group.Go(func() { errs[0] = c.Ping(context.Background(), nil) })
	w.next(t)
	group.Go(func() {
		errs[1] = c.WithRequest(context.Background(), func(ctx context.Context) error { return c.Ping(ctx, nil) })
	})
	if e := w.next(t); e.Waiting != 2 || e.RequestID == 0 {
		t.Errorf("the second that waits: %+v", e)
	}
	err := c.Ping(context.Background(), nil)
	var full *monorail.WaitQueueError
	if !errors.Is(err, monorail.ErrTooManyWaiting) || !errors.As(err, &full) || full.Waiting != 2 || full.Oldest == nil || !full.Refused {
		t.Errorf("the third gives %v, want ErrTooManyWaiting", err)
	}
	if errors.Is(err, monorail.ErrWaitQueueTimeout) || mongo.IsTimeout(err) || mongo.IsNetworkError(err) {
		t.Errorf("a refusal counts as a timeout: %v", err)
	}
	if e := w.next(t); !e.Refused || e.Waiting != 2 {
		t.Errorf("the monitor saw %+v, want a refusal", e)
	}
	if got := c.Stats(); got.Waiting != 2 || got.Refusals != 1 || len(got.Servers) != 1 || got.Servers[0].Waiting != 2 {
		t.Errorf("statistics: %+v", got)
	}
	check(t, request.End())
	group.Wait()
	check(t, errors.Join(errs...))
	if got := c.Stats(); got.Waiting != 0 {
		t.Errorf("%d wait at the end", got.Waiting)
	}
}

// TestNobodyMayWait: with a limit of 0 a full pool refuses, and one that is not full opens a connection.
func TestNobodyMayWait(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, options.Client().SetMaxPoolSize(2), monorail.Options().SetMaxWaiting(0))
	_, first := pinned(t, c, "first")
	_, second := pinned(t, c, "second")
	if err := c.Ping(context.Background(), nil); !errors.Is(err, monorail.ErrTooManyWaiting) {
		t.Errorf("on a full pool: %v, want ErrTooManyWaiting", err)
	}
	check(t, second.End())
	check(t, c.Ping(context.Background(), nil))
	check(t, first.End())
}

// TestWaitersAreServedInOrder: who waited first has the socket first.
func TestWaitersAreServedInOrder(t *testing.T) {
	s := servertest.Start(t)
	w := newWaits()
	c := s.Connect(t, options.Client().SetMaxPoolSize(1), monorail.Options().SetMonitor(w.monitor()))
	_, request := pinned(t, c, "holder")
	const waiters = 5
	served := make(chan int, waiters)
	var group sync.WaitGroup
	for i := range waiters {
		group.Go(func() {
			err := c.WithRequest(context.Background(), func(ctx context.Context) error {
				if err := c.Ping(ctx, nil); err != nil {
					return err
				}
				served <- i // while it holds the only socket
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		w.next(t) // the next one queues behind it
	}
	check(t, request.End())
	group.Wait()
	for want := range waiters {
		if got := <-served; got != want {
			t.Errorf("waiter %d was served at place %d", got, want)
		}
	}
}

// TestPoolWithoutRequestsIsTheDrivers: while no request holds a socket, a full pool's error and events
// are the driver's.
func TestPoolWithoutRequestsIsTheDrivers(t *testing.T) {
	s := servertest.StartWithFaults(t)
	w := newWaits()
	c := s.Connect(t, options.Client().SetMaxPoolSize(1), monorail.Options().
		SetWaitQueueTimeout(time.Nanosecond).SetMaxWaiting(0).SetMonitor(w.monitor()))
	coll := c.Database(s.Database(t)).Collection("c")
	check(t, c.Ping(context.Background(), nil))
	s.Faults.Stall()
	done := make(chan error, 1)
	go func() { done <- c.Ping(context.Background(), nil) }()
	servertest.Eventually(t, func() string {
		if c.Pool.CheckedOut() != 1 {
			return "no operation uses the only connection"
		}
		return ""
	})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err := coll.CountDocuments(ctx, bson.D{})
	if !errors.As(err, new(topology.WaitQueueTimeoutError)) || errors.As(err, new(*monorail.WaitQueueError)) {
		t.Errorf("a full pool without requests gives %v, want the driver's own error", err)
	}
	// A request is Monorail's, and is refused.
	err = c.WithRequest(context.Background(), func(ctx context.Context) error { return c.Ping(ctx, nil) })
	if !errors.Is(err, monorail.ErrTooManyWaiting) {
		t.Errorf("a request on the full pool gives %v, want ErrTooManyWaiting", err)
	}
	s.Faults.Resume()
	check(t, <-done)
	if e := w.next(t); e.RequestID == 0 || len(w) != 0 {
		t.Errorf("the monitor saw %+v and %d more, want the request's refusal alone", e, len(w))
	}
}

// TestNoLimitOfSockets: MaxPoolSize 0 is no limit.
func TestNoLimitOfSockets(t *testing.T) {
	const requests = 500
	s := servertest.Start(t)
	c := s.Connect(t, options.Client().SetMaxPoolSize(0).SetMaxConnecting(20), monorail.Options().SetMaxWaiting(0))
	ctx, cancel := context.WithTimeout(context.Background(), 3*servertest.Timeout)
	defer cancel()
	open := make([]*monorail.Request, requests)
	var group sync.WaitGroup
	for i := range open {
		var requestCtx context.Context
		requestCtx, open[i] = c.StartRequest(ctx)
		group.Go(func() {
			if err := c.Ping(requestCtx, nil); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := c.Pool.CheckedOut(); n != requests {
		t.Errorf("%d connections are checked out, want %d", n, requests)
	}
	if got := c.Stats(); got.Open != requests || got.Pinned != requests || len(got.Servers) != 1 || got.Servers[0].Sockets != requests {
		t.Errorf("statistics: %d open, %d pinned, servers %+v", got.Open, got.Pinned, got.Servers)
	}
	for _, request := range open {
		group.Go(func() {
			if err := request.End(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := c.Pool.CheckedOut(); n != 0 {
		t.Errorf("%d connections are checked out at the end, want 0", n)
	}
}

// TestWaitingMonitorThatPanics: neither a panic nor an exit of the goroutine in Waiting costs the pool a
// connection, and both go on in the operation.
func TestWaitingMonitorThatPanics(t *testing.T) {
	s := servertest.Start(t)
	var misbehave atomic.Pointer[func()]
	waiting := make(chan struct{}, 10)
	c := s.Connect(t, options.Client().SetMaxPoolSize(1), monorail.Options().SetMonitor(&monorail.Monitor{
		Waiting: func(*monorail.RequestWaitingEvent) {
			waiting <- struct{}{}
			if f := misbehave.Load(); f != nil {
				(*f)()
			}
		},
	}))
	for name, f := range map[string]func(){"panic": func() { panic("monitor") }, "exit": runtime.Goexit} {
		misbehave.Store(&f)
		_, request := pinned(t, c, name)
		returned := false
		var recovered any
		var group sync.WaitGroup
		group.Go(func() {
			defer func() { recovered = recover() }()
			_ = c.Ping(context.Background(), nil)
			returned = true
		})
		<-waiting
		check(t, request.End())
		group.Wait()
		if returned || name == "panic" && recovered != "monitor" {
			t.Errorf("%s: the operation returned: %t, recovered: %v", name, returned, recovered)
		}
		misbehave.Store(nil)
		check(t, c.Ping(servertest.Context(t), nil))
		if n := c.Pool.CheckedOut(); n != 0 {
			t.Errorf("%s: %d connections are checked out, want 0", name, n)
		}
	}
}
