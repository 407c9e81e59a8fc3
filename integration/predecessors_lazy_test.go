package integration

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// The files predecessors_*_test.go hold what earlier drivers' tests held, as docs/predecessors.md lists it.

// pinged runs an operation and returns the driver's name of the connection that it ran on.
func pinged(ctx context.Context, t testing.TB, c *servertest.Client) string {
	t.Helper()
	c.Commands.Reset()
	check(t, c.Ping(ctx, nil))
	return c.Commands.Connections()[0]
}

func TestRequestTakesTheIdleSocketAndGivesItBack(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	idle := pinged(ctx, t, c)
	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	for range 3 {
		if got := pinged(requestCtx, t, c); got != idle {
			t.Errorf("the request runs on %s, want the idle %s", got, idle)
		}
	}
	check(t, request.End())
	if got := pinged(ctx, t, c); got != idle || c.Pool.Created() != 1 {
		t.Errorf("after End: %s of %d connections, want %s of 1", got, c.Pool.Created(), idle)
	}
}

// TestStartTakesNoSlot has a pool of one connection, which is free until the request's first operation.
func TestStartTakesNoSlot(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, options.Client().SetMaxPoolSize(1))
	ctx := servertest.Context(t)
	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	check(t, c.Ping(ctx, nil))
	check(t, c.Ping(requestCtx, nil))
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := c.Ping(short, nil); !mongo.IsTimeout(err) {
		t.Errorf("an operation outside gets a connection that the request has: %v", err)
	}
	check(t, request.End())
	check(t, c.Ping(ctx, nil))
}

func TestFindTakesTheSocket(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	coll := fill(t, s, c, 3, 0)
	before := c.Pool.CheckOuts()
	requestCtx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	cursor, err := coll.Find(requestCtx, bson.D{}, options.Find().SetBatchSize(1))
	check(t, err)
	if !request.Info().Pinned {
		t.Error("Find has sent its command, and the request has no socket")
	}
	var all []bson.D
	check(t, cursor.All(requestCtx, &all))
	if n := c.Pool.CheckOuts() - before; n != 1 || len(all) != 3 {
		t.Errorf("a cursor of %d documents took %d connections, want 1", len(all), n)
	}
}

// TestStartNeedsNoServer: the first operation does, and its error is the driver's.
func TestStartNeedsNoServer(t *testing.T) {
	c, err := monorail.Connect(options.Client().ApplyURI("mongodb://127.0.0.1:1").SetServerSelectionTimeout(50 * time.Millisecond))
	check(t, err)
	ctx := servertest.Context(t)
	requestCtx, request := c.StartRequest(ctx)
	if !c.InRequest(requestCtx) {
		t.Error("no request was started")
	}
	var selection topology.ServerSelectionError
	if err := c.Ping(requestCtx, nil); !errors.As(err, &selection) || errors.Is(err, monorail.ErrRequestBroken) {
		t.Errorf("an operation without a server gives %v, want the driver's error", err)
	}
	check(t, request.Err())
	check(t, request.End())
	check(t, c.Disconnect(ctx))
}
