package integration

import (
	"bytes"
	"context"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

func TestEndWithoutStart(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, options.Client().SetMaxPoolSize(1))
	ctx := servertest.Context(t)
	for range 3 {
		check(t, c.Request(ctx).End())
	}
	// The pool has lost nothing and gained nothing.
	check(t, c.WithRequest(ctx, func(ctx context.Context) error { return c.Ping(ctx, nil) }))
	check(t, c.Ping(ctx, nil))
	if c.InRequest(ctx) || c.Pool.CheckedOut() != 0 || c.Pool.Created() != 1 {
		t.Errorf("after ends without a start: %d of %d connections are held", c.Pool.CheckedOut(), c.Pool.Created())
	}
}

func TestInRequestBeforeDuringAfter(t *testing.T) {
	s := servertest.Start(t)
	c, err := monorail.Connect(options.Client().ApplyURI(s.URI))
	check(t, err)
	ctx := servertest.Context(t)
	requestCtx, request := c.StartRequest(ctx)
	otherCtx, other := c.StartRequest(ctx)
	check(t, c.Ping(otherCtx, nil))
	for _, step := range []struct {
		when string
		do   func() error
		want bool
	}{
		{"after StartRequest", func() error { return nil }, true},
		{"after an operation", func() error { return c.Ping(requestCtx, nil) }, true},
		{"after End", request.End, false},
	} {
		check(t, step.do())
		if got := c.InRequest(requestCtx); got != step.want || c.InRequest(ctx) {
			t.Errorf("%s: InRequest tells %t, want %t", step.when, got, step.want)
		}
	}
	check(t, c.Disconnect(ctx))
	if c.InRequest(otherCtx) {
		t.Error("InRequest tells true after Disconnect")
	}
	check(t, other.End())
}

// TestOperationsStartNoRequest runs the operations for which earlier drivers started requests of
// their own.
func TestOperationsStartNoRequest(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil, monorail.Options().SetAutoStartRequest(true))
	db := c.Database(s.Database(t))
	coll := db.Collection("c")
	operations := map[string]func(ctx context.Context) error{
		"index": func(ctx context.Context) error {
			_, err := coll.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: bson.D{{Key: "a", Value: 1}}})
			return err
		},
		"listing": func(ctx context.Context) error { _, err := db.ListCollectionNames(ctx, bson.D{}); return err },
		"GridFS": func(ctx context.Context) error {
			_, err := db.GridFSBucket().UploadFromStream(ctx, "file", bytes.NewReader([]byte("content")))
			return err
		},
		"dropping": func(ctx context.Context) error { return coll.Drop(ctx) },
	}
	ctx := servertest.Context(t)
	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	check(t, c.Ping(requestCtx, nil))
	for name, run := range operations {
		check(t, run(ctx))
		if c.InRequest(ctx) || c.Pool.CheckedOut() != 1 {
			t.Errorf("%s outside left a request: %d connections are held, want the one of the request", name, c.Pool.CheckedOut())
		}
		check(t, run(requestCtx))
		if info := request.Info(); info.Depth != 1 || !info.Pinned {
			t.Errorf("%s in a request changed it: %+v", name, info)
		}
	}
}

// TestNestedNeedsOneConnection has a pool of one: a nested request that took another would hang.
func TestNestedNeedsOneConnection(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, options.Client().SetMaxPoolSize(1))
	var nest func(ctx context.Context, depth int) error
	nest = func(ctx context.Context, depth int) error {
		return c.WithRequest(ctx, func(ctx context.Context) error {
			if err := c.Ping(ctx, nil); err != nil || depth == 0 {
				return err
			}
			return nest(ctx, depth-1)
		})
	}
	check(t, nest(servertest.Context(t), 5))
	if n := c.Pool.CheckedOut(); n != 0 {
		t.Errorf("%d connections are held after the last End", n)
	}
}
