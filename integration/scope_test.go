package integration

import (
	"context"
	"errors"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

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

// TestScopeAndRequestNest puts explicit requests into a scope, scopes into requests and scopes into
// scopes, and asks InRequest and Request in each place.
func TestScopeAndRequestNest(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil, monorail.Options().SetAutoStartRequest(true))
	ctx := servertest.Context(t)
	on := func(ctx context.Context) string { // the connection that an operation with ctx runs on
		t.Helper()
		c.Commands.Reset()
		check(t, c.Ping(ctx, nil))
		return c.Commands.Connections()[0]
	}
	expect := func(what string, ctx context.Context, want *monorail.Request) {
		t.Helper()
		if got := c.Request(ctx); got != want || c.InRequest(ctx) != (want != nil) {
			t.Errorf("%s: in request %v, want %v", what, got, want)
		}
	}

	// An explicit start is an operation: it starts the automatic request, and nests in it.
	scope, end := c.NewScope(ctx)
	explicitCtx, explicit := c.StartRequest(scope, monorail.RequestOptions().SetName("explicit"))
	automatic := c.Request(scope)
	expect("the explicit request in a scope", explicitCtx, explicit)
	if automatic == nil || automatic == explicit || explicit.Info().Depth != 2 || explicit.Info().Name != "" {
		t.Errorf("an explicit request in a scope: %+v, want it nested in the automatic one", explicit.Info())
	}
	first := on(explicitCtx)
	if on(scope) != first {
		t.Error("a scope and the explicit request in it run on two connections")
	}

	// Ending the automatic one leaves the socket to the explicit one; the scope starts another.
	check(t, automatic.End())
	expect("the scope after the end of its request", scope, nil)
	if on(explicitCtx) != first || on(scope) == first || c.Pool.CheckedOut() != 2 {
		t.Errorf("after the end of the automatic request: %d sockets, want that of the explicit one and a new one", c.Pool.CheckedOut())
	}

	// A scope in the explicit request is a flow of its own.
	inner, endInner := c.NewScope(explicitCtx)
	expect("a scope in a request, before an operation", inner, nil)
	if on(inner) == first || c.Pool.CheckedOut() != 3 {
		t.Error("a scope in a request runs on the request's connection")
	}
	endInner()
	expect("an ended scope", inner, nil)
	expect("the request around an ended scope", explicitCtx, explicit)
	if on(explicitCtx) != first {
		t.Error("the end of a scope moved the request around it")
	}

	// The end of the scope ends what is explicit in it too, since its context ends.
	end()
	servertest.Eventually(t, func() string {
		if n := c.Pool.CheckedOut(); n != 0 {
			return "a request that is open in a scope holds its socket after the scope"
		}
		return ""
	})
	expect("an explicit request in an ended scope", explicitCtx, nil)
	if err := explicit.Err(); !errors.Is(err, monorail.ErrRequestEnded) {
		t.Errorf("an explicit request in an ended scope tells %v", err)
	}
	check(t, explicit.End())
}

// TestScopeEndsWithItsContext ends the surrounding context instead of the scope.
func TestScopeEndsWithItsContext(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil, monorail.Options().SetAutoStartRequest(true))
	coll := c.Database(s.Database(t)).Collection("c")
	parent, cancel := context.WithCancel(servertest.Context(t))
	outer, endOuter := c.NewScope(parent)
	defer endOuter()
	inner, endInner := c.NewScope(outer)
	defer endInner()
	check(t, c.Ping(outer, nil))
	check(t, c.Unacknowledged(coll).InsertOne(inner, bson.D{{Key: "_id", Value: 1}}))
	cancel()
	check(t, c.EndScope(inner)) // does the end, or waits for the one that has begun
	check(t, c.EndScope(outer))
	if n := c.Pool.CheckedOut(); n != 0 {
		t.Errorf("%d sockets are held after the context of the scopes has ended", n)
	}
	ctx := servertest.Context(t)
	servertest.Eventually(t, func() string {
		if n, err := coll.CountDocuments(ctx, bson.D{}); err != nil || n != 1 {
			return "the write that was held when the context ended was not sent"
		}
		return ""
	})
	for _, ended := range []context.Context{outer, inner} {
		_, err := coll.CountDocuments(context.WithoutCancel(ended), bson.D{})
		if !errors.Is(err, monorail.ErrRequestEnded) || c.InRequest(ended) {
			t.Errorf("in a scope whose context has ended: %v, want ErrRequestEnded", err)
		}
	}
}

// TestScopeStartsOneRequest has many operations be the first.
func TestScopeStartsOneRequest(t *testing.T) {
	const goroutines, rounds = 16, 20
	s := servertest.Start(t)
	c := s.Connect(t, nil, monorail.Options().SetAutoStartRequest(true))
	ctx := servertest.Context(t)
	for range rounds {
		c.Commands.Reset()
		before := c.Pool.CheckOuts()
		scope, end := c.NewScope(ctx)
		var together sync.WaitGroup
		begin := make(chan struct{}) // closed here when all are ready
		requests := make([]*monorail.Request, goroutines)
		for g := range goroutines {
			together.Go(func() {
				<-begin
				if err := c.Ping(scope, nil); err != nil {
					t.Error(err)
				}
				requests[g] = c.Request(scope)
			})
		}
		close(begin)
		together.Wait()
		for _, request := range requests {
			if request == nil || request != requests[0] {
				t.Fatal("the first operations of a scope started more than one request")
			}
		}
		if n := c.Pool.CheckOuts() - before; n != 1 || len(c.Commands.Connections()) != 1 {
			t.Fatalf("the first operations of a scope took %d sockets, want 1", n)
		}
		end()
	}
}

// TestEndScopeTellsOfWritesThatMayBeLost has a scope's socket die behind writes that nothing follows.
func TestEndScopeTellsOfWritesThatMayBeLost(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil, monorail.Options().SetAutoStartRequest(true).SetFlushInterval(0))
	coll := c.Database(s.Database(t)).Collection("c")
	ctx := servertest.Context(t)
	scope, end := c.NewScope(ctx)
	defer end()
	check(t, c.Ping(scope, nil))
	s.Faults.Reset(connectionOf(c.Request(scope)))
	check(t, c.Unacknowledged(coll).InsertOne(scope, bson.D{}))
	explicitCtx, explicit := c.StartRequest(scope)
	check(t, explicit.End())

	var broken *monorail.BrokenError
	if err := c.EndScope(explicitCtx); !errors.As(err, &broken) || broken.Unconfirmed != 1 {
		t.Errorf("EndScope tells %v, want one write that may be lost", err)
	}
	if err := c.Ping(scope, nil); !errors.Is(err, monorail.ErrRequestEnded) {
		t.Errorf("after EndScope: %v, want ErrRequestEnded", err)
	}
	for _, other := range []context.Context{scope, ctx, nil} { // told already; outside every scope
		check(t, c.EndScope(other))
	}
	check(t, c.Ping(ctx, nil))
}

// TestScopeOutlivesTheEndOfItsRequest ends the automatic request from elsewhere: by Disconnect.
func TestScopeOutlivesTheEndOfItsRequest(t *testing.T) {
	s := servertest.Start(t)
	c, err := monorail.Connect(options.Client().ApplyURI(s.URI), monorail.Options().SetAutoStartRequest(true))
	check(t, err)
	scope, end := c.NewScope(servertest.Context(t))
	defer end()
	check(t, c.Ping(scope, nil))
	check(t, c.Disconnect(servertest.Context(t)))
	if c.InRequest(scope) {
		t.Error("a scope is in a request that Disconnect has ended")
	}
	if err := c.Ping(scope, nil); !errors.Is(err, mongo.ErrClientDisconnected) {
		t.Errorf("in a scope of a closed client: %v, want ErrClientDisconnected", err)
	}
}
