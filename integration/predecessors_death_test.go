package integration

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// TestBreakFreesItsSlot has a pool of one: what a broken request has lost, another can take at once.
func TestBreakFreesItsSlot(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, options.Client().SetMaxPoolSize(1))
	ctx := servertest.Context(t)
	for range 3 { // a slot that is counted wrong once is not noticed
		requestCtx, request := c.StartRequest(ctx)
		check(t, c.Ping(requestCtx, nil))
		s.Faults.Reset(connectionOf(request))
		if err := c.Ping(requestCtx, nil); !errors.Is(err, monorail.ErrRequestBroken) {
			t.Fatalf("on a reset connection: %v, want a broken request", err)
		}
		if n := c.Pool.CheckedOut(); n != 0 {
			t.Errorf("a broken request holds %d connections", n)
		}
		servertest.Eventually(t, func() string { // the driver has cleared its pool
			otherCtx, other := c.StartRequest(ctx)
			defer other.End()
			if err := c.Ping(otherCtx, nil); err != nil {
				return err.Error()
			}
			if n := c.Pool.CheckedOut(); n != 1 {
				t.Errorf("%d connections are held by one request", n)
			}
			return ""
		})
		if err := c.Ping(requestCtx, nil); !errors.Is(err, monorail.ErrRequestBroken) || !c.InRequest(requestCtx) {
			t.Errorf("later, with connections to be had: %v, want a broken request", err)
		}
		if err := request.End(); !errors.Is(err, monorail.ErrRequestBroken) {
			t.Errorf("End gives %v", err)
		}
	}
}

// TestBreakTouchesNoOtherRequest: the driver clears its pool when one socket dies, and the requests
// that have theirs go on. At their end, the pool's successors take over.
func TestBreakTouchesNoOtherRequest(t *testing.T) {
	const requests = 10
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	contexts, handles, sockets := make([]context.Context, requests), make([]*monorail.Request, requests), make(map[string]bool)
	for i := range requests {
		contexts[i], handles[i] = c.StartRequest(ctx)
		sockets[pinged(contexts[i], t, c)] = true
	}
	s.Faults.Reset(connectionOf(handles[0]))
	if err := c.Ping(contexts[0], nil); !errors.Is(err, monorail.ErrRequestBroken) {
		t.Errorf("on the reset connection: %v, want a broken request", err)
	}
	if n := c.Pool.Cleared(); n != 1 {
		t.Errorf("the pool was cleared %d times, want once", n)
	}
	for i := 1; i < requests; i++ {
		if got, want := pinged(contexts[i], t, c), handles[i].Info().ConnectionID; got != want || !c.InRequest(contexts[i]) {
			t.Errorf("request %d went on on %s, want on %s", i, got, want)
		}
	}
	for i := 1; i < requests; i++ {
		check(t, handles[i].End())
	}
	if err := handles[0].End(); !errors.Is(err, monorail.ErrRequestBroken) {
		t.Errorf("End of the broken request gives %v", err)
	}
	servertest.Eventually(t, func() string {
		if err := c.Ping(ctx, nil); err != nil {
			return err.Error()
		}
		return ""
	})
	if got := pinged(ctx, t, c); sockets[got] || c.Pool.Closed() != requests {
		t.Errorf("after the pool was cleared: %s, and %d connections closed, want a new one and %d", got, c.Pool.Closed(), requests)
	}
}

// TestBrokenAutomaticRequestStaysBroken until it is ended; the scope is not left silently.
func TestBrokenAutomaticRequestStaysBroken(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil, monorail.Options().SetAutoStartRequest(true))
	ctx := servertest.Context(t)
	scope, end := c.NewScope(ctx)
	defer end()
	check(t, c.Ping(scope, nil))
	s.Faults.Reset(connectionOf(c.Request(scope)))
	for range 3 {
		if err := c.Ping(scope, nil); !errors.Is(err, monorail.ErrRequestBroken) {
			t.Errorf("in the scope: %v, want a broken request", err)
		}
	}
	if !c.InRequest(scope) {
		t.Error("the broken request has left the scope")
	}
	if err := c.Request(scope).End(); !errors.Is(err, monorail.ErrRequestBroken) {
		t.Errorf("its End gives %v", err)
	}
	servertest.Eventually(t, func() string {
		if err := c.Ping(scope, nil); err != nil {
			return err.Error()
		}
		return ""
	})
	if !c.InRequest(scope) || c.Request(scope).Err() != nil {
		t.Error("the operation after its end started no request")
	}
}
