package integration

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// TestPipelineStartsTheRequest: the first operation of a request, or of a scope, may be started by Go,
// and the next waits for no socket of its own.
func TestPipelineStartsTheRequest(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil, monorail.Options().SetAutoStartRequest(true).SetFlushInterval(0))
	coll := c.Database(s.Database(t)).Collection("c")
	ctx, end := c.NewScope(servertest.Context(t))
	defer end()
	first, second := goInsert(ctx, coll, 1), goInsert(ctx, coll, 2)
	if n := c.Request(ctx).Info().InFlight; n != 2 {
		t.Errorf("%d commands are in flight, want 2", n)
	}
	for _, f := range []*monorail.Future[*mongo.InsertOneResult]{second, first} {
		_, err := f.Wait(ctx)
		check(t, err)
	}
	if n := c.Pool.CheckOuts(); n != 1 {
		t.Errorf("%d checkouts, want 1", n)
	}
}

// TestGoOutsideRequests runs operations side by side, on connections of the pool.
func TestGoOutsideRequests(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	coll := c.Database(s.Database(t)).Collection("c")
	ctx := servertest.Context(t)
	release := make(chan struct{})
	blocked := monorail.Go(ctx, func(context.Context) (int, error) { <-release; return 1, nil })
	f := goInsert(ctx, coll, 1)
	_, err := f.Wait(ctx)
	check(t, err)
	close(release)
	if n, err := blocked.Wait(ctx); n != 1 || err != nil {
		t.Errorf("it gives %d, %v", n, err)
	}

	// Nor does Go wait while an operation selects a server.
	nowhere, err := monorail.Connect(options.Client().ApplyURI("mongodb://127.0.0.1:1"))
	check(t, err)
	defer func() { check(t, nowhere.Disconnect(ctx)) }()
	inRequest, ofOther := c.StartRequest(ctx)
	defer ofOther.End()
	enough, cancel := context.WithCancel(ctx)
	lost := monorail.Go(inRequest, func(ctx context.Context) (any, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer context.AfterFunc(enough, cancel)()
		return nil, nowhere.Ping(ctx, nil)
	})
	cancel()
	if _, err := lost.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("an operation that found no server gives %v", err)
	}

	// In another client's request, an operation of this one is outside: Go does not wait for its end.
	other := s.Connect(t, nil)
	otherCtx, request := other.StartRequest(ctx)
	defer request.End()
	release = make(chan struct{})
	f = monorail.Go(otherCtx, func(ctx context.Context) (*mongo.InsertOneResult, error) {
		result, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: 2}})
		<-release
		return result, err
	})
	close(release)
	_, err = f.Wait(ctx)
	check(t, err)
	if request.Info().Pinned {
		t.Error("an operation of another client has pinned the request")
	}
}
