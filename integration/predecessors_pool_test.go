package integration

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// TestPinnedSocketHoldsItsSlot between operations: others wait, the request does not, and who waits
// gets its very connection at its end.
func TestPinnedSocketHoldsItsSlot(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, options.Client().SetMaxPoolSize(1))
	ctx := servertest.Context(t)
	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	socket := pinged(requestCtx, t, c)
	for _, wait := range []struct {
		who  string
		ping func() error
	}{
		{"an operation outside", func() error { return c.Ping(ctx, nil) }},
		{"another request", func() error {
			return c.WithRequest(ctx, func(ctx context.Context) error { return c.Ping(ctx, nil) })
		}},
	} {
		waited := make(chan error, 1) // the goroutine sends once
		go func() { waited <- wait.ping() }()
		servertest.Eventually(t, func() string {
			if c.Pool.Waiting() != 1 {
				return wait.who + " does not wait for the connection that a request has"
			}
			return ""
		})
		check(t, c.Ping(requestCtx, nil)) // passes all who wait
		select {
		case err := <-waited:
			t.Errorf("%s did not wait: %v", wait.who, err)
		default:
		}
		c.Commands.Reset()
		check(t, request.End())
		check(t, <-waited)
		if ids := c.Commands.Connections(); len(ids) != 1 || ids[0] != socket || c.Pool.Created() != 1 {
			t.Errorf("%s ran on %v of %d connections, want on %s", wait.who, ids, c.Pool.Created(), socket)
		}
		requestCtx, request = c.StartRequest(ctx)
		defer request.End()
		check(t, c.Ping(requestCtx, nil))
	}
}

// TestFullPoolHangsNobody: two flows of control that each want a second connection would wait for ever; with
// a deadline they are told, and their requests go on.
func TestFullPoolHangsNobody(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, options.Client().SetMaxPoolSize(2))
	ctx := servertest.Context(t)
	var contexts []context.Context
	for range 2 {
		requestCtx, request := c.StartRequest(ctx)
		defer request.End()
		check(t, c.Ping(requestCtx, nil))
		contexts = append(contexts, requestCtx)
	}
	for range 2 {
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		if err := c.Ping(short, nil); !mongo.IsTimeout(err) || errors.Is(err, monorail.ErrRequestBroken) {
			t.Errorf("an operation beyond the pool gives %v, want a timeout", err)
		}
	}
	for _, requestCtx := range contexts {
		check(t, c.Ping(requestCtx, nil))
	}
	if n := c.Pool.Cleared(); n != 0 {
		t.Errorf("the pool was cleared %d times because it was full", n)
	}
}

// failingDialer refuses to connect while it is told to.
type failingDialer struct {
	net.Dialer
	fail atomic.Bool
}

func (d *failingDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if d.fail.Load() {
		return nil, errors.New("refused on purpose")
	}
	return d.Dialer.DialContext(ctx, network, address)
}

// TestFailedConnectReleasesItsSlot has a pool of one, whose connection cannot be made at first.
func TestFailedConnectReleasesItsSlot(t *testing.T) {
	s := servertest.Start(t)
	dialer := &failingDialer{}
	known := make(chan struct{}, 1) // the monitor of heartbeats sends what there is room for
	opts := options.Client().SetMaxPoolSize(1).SetDialer(dialer).SetServerMonitor(heartbeats(known))
	c := s.Connect(t, opts)
	ctx := servertest.Context(t)
	<-known // else the first operation would wait for a server instead of dialling
	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	dialer.fail.Store(true)
	for range 2 {
		short, cancel := context.WithTimeout(requestCtx, 500*time.Millisecond)
		if err := c.Ping(short, nil); err == nil || errors.Is(err, monorail.ErrRequestBroken) {
			t.Errorf("without a connection: %v, want the driver's error", err)
		}
		cancel()
	}
	if n := c.Pool.CheckedOut(); n != 0 {
		t.Errorf("%d connections are held by a request that got none", n)
	}
	dialer.fail.Store(false)
	check(t, c.Ping(requestCtx, nil))
	if n := c.Pool.CheckedOut(); n != 1 || !request.Info().Pinned {
		t.Errorf("the request holds %d connections, want 1", n)
	}
}

// TestPoolWithoutALimit opens more requests at once than the default pool has connections.
func TestPoolWithoutALimit(t *testing.T) {
	const requests = 150
	s := servertest.Start(t)
	c := s.Connect(t, options.Client().SetMaxPoolSize(0))
	ctx := servertest.Context(t)
	var ends []func() error
	for range requests {
		requestCtx, request := c.StartRequest(ctx)
		ends = append(ends, request.End)
		check(t, c.Ping(requestCtx, nil))
	}
	if n := c.Pool.CheckedOut(); n != requests {
		t.Errorf("%d requests hold %d connections", requests, n)
	}
	for _, end := range ends {
		check(t, end())
	}
}

// TestMonitorTakesNoSlot: as many automatic requests as the pool has connections are pinned at once.
func TestMonitorTakesNoSlot(t *testing.T) {
	const slots = 5
	s := servertest.Start(t)
	c := s.Connect(t, options.Client().SetMaxPoolSize(slots), monorail.Options().SetAutoStartRequest(true))
	ctx := servertest.Context(t)
	for range slots {
		scope, end := c.NewScope(ctx)
		defer end()
		check(t, c.Ping(scope, nil))
	}
	if n := c.Pool.CheckedOut(); n != slots {
		t.Errorf("%d scopes hold %d connections", slots, n)
	}
}
