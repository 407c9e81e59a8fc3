package integration

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

func TestNested(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	coll := c.Database(s.Database(t)).Collection("c")
	outerCtx, outer := c.StartRequest(servertest.Context(t), monorail.RequestOptions().SetName("outer"))
	innerCtx, inner := c.StartRequest(outerCtx)
	ping := func(ctx context.Context) error { _, err := coll.CountDocuments(ctx, bson.D{}); return err }

	check(t, ping(innerCtx))
	check(t, ping(outerCtx))
	if n := c.Pool.CheckedOut(); n != 1 {
		t.Errorf("nested requests hold %d sockets, want 1", n)
	}
	if info := inner.Info(); info.Depth != 2 || info.Name != "outer" || info.ConnectionID != outer.Info().ConnectionID {
		t.Errorf("the inner request: %+v", info)
	}
	for range 3 { // ending more often than starting changes nothing
		check(t, inner.End())
	}
	if err := ping(innerCtx); !errors.Is(err, monorail.ErrRequestEnded) {
		t.Errorf("with the ended inner request: %v", err)
	}
	check(t, ping(outerCtx))
	if info := outer.Info(); !info.Pinned || info.Depth != 1 {
		t.Errorf("an inner End ended the outer request: %+v", info)
	}

	// The outer handle ends first: the socket stays with the inner one.
	innerCtx, inner = c.StartRequest(outerCtx)
	check(t, outer.End())
	check(t, ping(innerCtx))
	if n := c.Pool.CheckedOut(); n != 1 {
		t.Errorf("%d sockets are held by the inner request, want 1", n)
	}
	check(t, inner.End())
	if n := c.Pool.CheckedOut(); n != 0 {
		t.Errorf("%d sockets are held after the last End, want 0", n)
	}
}

func TestIsolated(t *testing.T) {
	s := servertest.Start(t)
	c, other := s.Connect(t, nil), s.Connect(t, nil)
	ctx := servertest.Context(t)
	name := s.Database(t)
	count := func(c *servertest.Client, ctx context.Context) string {
		t.Helper()
		c.Commands.Reset()
		_, err := c.Database(name).Collection("c").CountDocuments(ctx, bson.D{})
		check(t, err)
		return c.Commands.Connections()[0]
	}
	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	mine := count(c, requestCtx)
	if outside := count(c, ctx); outside == mine {
		t.Error("an operation outside the request ran on its socket")
	}
	if other.InRequest(requestCtx) || other.Request(requestCtx) != nil {
		t.Error("a request of one client is one of another client too")
	}
	count(other, requestCtx)
	if n := other.Pool.CheckedOut(); n != 0 {
		t.Errorf("another client holds %d sockets because of a request that is not its own", n)
	}
	bothCtx, second := other.StartRequest(requestCtx)
	defer second.End()
	count(other, bothCtx)
	if got := count(c, bothCtx); got != mine {
		t.Errorf("in the context of two requests the first one's operation ran on %s, want %s", got, mine)
	}
	check(t, second.End())
	if got := count(c, bothCtx); got != mine {
		t.Error("the end of another client's request ended this one")
	}
}
