package integration

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

func TestScopeStartsARequest(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil, monorail.Options().SetAutoStartRequest(true))
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")
	ping := func(ctx context.Context) { t.Helper(); check(t, c.Ping(ctx, nil)) }

	scope, end := c.NewScope(ctx)
	defer end()
	if c.InRequest(scope) || c.Pool.CheckOuts() != 0 {
		t.Error("a scope starts its request before the first operation")
	}
	check(t, c.Unacknowledged(coll).InsertOne(scope, bson.D{{Key: "_id", Value: 1}}))
	check(t, coll.FindOne(scope, bson.D{{Key: "_id", Value: 1}}).Err())
	first := c.Request(scope)
	if first == nil || c.Pool.CheckedOut() != 1 {
		t.Fatalf("in the scope: request %v, %d sockets", first, c.Pool.CheckedOut())
	}

	// Explicit requests inside only nest.
	inner, request := c.StartRequest(scope)
	ping(inner)
	if c.Pool.CheckedOut() != 1 || request.Info().ConnectionID != first.Info().ConnectionID {
		t.Error("an explicit request in a scope has a socket of its own")
	}
	check(t, request.End())
	ping(scope)
	if c.Request(scope) != first || c.Pool.CheckedOut() != 1 {
		t.Error("the end of an explicit request ended the automatic one")
	}

	// Ending the automatic one lets the next operation start another.
	check(t, first.End())
	if c.InRequest(scope) || c.Pool.CheckedOut() != 0 {
		t.Error("the automatic request did not end")
	}
	ping(scope)
	if second := c.Request(scope); second == nil || second == first {
		t.Error("the next operation did not start another automatic request")
	}

	// Contexts outside, and other scopes, are not in it.
	other, endOther := c.NewScope(scope)
	ping(other)
	if c.Request(other) == c.Request(scope) || c.InRequest(ctx) || c.Pool.CheckedOut() != 2 {
		t.Error("a scope in a scope is not a flow of control of its own")
	}
	endOther()
	end()
	if n := c.Pool.CheckedOut(); n != 0 {
		t.Errorf("%d sockets are held after the scopes", n)
	}
	if _, err := coll.CountDocuments(scope, bson.D{}); !errors.Is(err, monorail.ErrRequestEnded) {
		t.Errorf("after the scope: %v, want ErrRequestEnded", err)
	}
	end()
}

func TestScopeWithoutAutoStart(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	scope, end := c.NewScope(ctx)
	defer end()
	check(t, c.Ping(scope, nil))
	if c.InRequest(scope) || c.Pool.CheckedOut() != 0 {
		t.Error("a scope started a request although it was not asked to")
	}
	requestCtx, request := c.StartRequest(ctx)
	inner, endInner := c.NewScope(requestCtx)
	defer endInner()
	if c.Request(inner) != request {
		t.Error("a scope in a request hides it")
	}
	check(t, request.End())
}
