package integration

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

func TestCursorKeepsTheSocket(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")
	var docs []any
	for i := range 10 {
		docs = append(docs, bson.D{{Key: "_id", Value: i}})
	}
	_, err := coll.InsertMany(ctx, docs)
	check(t, err)

	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	cursor, err := coll.Find(requestCtx, bson.D{}, options.Find().SetBatchSize(3))
	check(t, err)
	socket := request.Info().ConnectionID
	next := func(ctx context.Context, n int) []string {
		t.Helper()
		c.Commands.Reset()
		for range n {
			if !cursor.Next(ctx) {
				t.Fatalf("the cursor ended early: %v", cursor.Err())
			}
		}
		return c.Commands.Connections()
	}
	next(ctx, 3)
	if ids := next(ctx, 3); len(ids) != 1 || ids[0] != socket {
		t.Errorf("with a context outside the request, getMore ran on %v, want %s", ids, socket)
	}
	// Another request holds the socket that the ended one has given back.
	check(t, request.End())
	otherCtx, other := c.StartRequest(ctx)
	defer other.End()
	check(t, c.Database("admin").RunCommand(otherCtx, bson.D{{Key: "ping", Value: 1}}).Err())
	if ids := next(ctx, 3); len(ids) != 1 || ids[0] == other.Info().ConnectionID {
		t.Errorf("after End, getMore ran on %v, want a connection of the pool", ids)
	}
	if cursor.Next(requestCtx); !errors.Is(cursor.Err(), monorail.ErrRequestEnded) {
		t.Errorf("after End, Next with the request's context gives %v, want ErrRequestEnded", cursor.Err())
	}
}

func TestCursorOfThePoolJoinsTheRequest(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")
	_, err := coll.InsertMany(ctx, []any{bson.D{{Key: "_id", Value: 0}}, bson.D{{Key: "_id", Value: 1}}})
	check(t, err)
	cursor, err := coll.Find(ctx, bson.D{}, options.Find().SetBatchSize(1))
	check(t, err)
	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	c.Commands.Reset()
	for cursor.Next(requestCtx) {
	}
	check(t, cursor.Err())
	if !request.Info().Pinned {
		t.Fatal("getMore with the request's context, its first operation, took no socket for it")
	}
	if ids := c.Commands.Connections(); len(ids) != 1 || ids[0] != request.Info().ConnectionID {
		t.Errorf("getMore with the request's context ran on %v, want on %s", ids, request.Info().ConnectionID)
	}
}
