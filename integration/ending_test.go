package integration

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
	"github.com/mongo-monorail/monorail/monorailtest"
)

// abandonFind leaves the reply to a find outstanding, which the server delays or never sends.
func abandonFind(t testing.TB, ctx context.Context, request *monorail.Request, coll *mongo.Collection) {
	t.Helper()
	short, cancel := context.WithCancel(ctx)
	found := make(chan error, 1) // the goroutine sends once
	before := request.Info().InFlight
	go func() { found <- coll.FindOne(short, bson.D{}).Err() }()
	servertest.Eventually(t, func() string {
		if request.Info().InFlight == before {
			return "the find was not sent"
		}
		return ""
	})
	cancel()
	if err := <-found; !errors.Is(err, context.Canceled) {
		t.Fatalf("the cancelled find gives %v", err)
	}
}

// TestEndTellsOfWritesThatMayBeLost: the server reads nothing, so that the writes were handed to the
// kernel and the socket has to be closed before anything is known of them.
func TestEndTellsOfWritesThatMayBeLost(t *testing.T) {
	const writes = 34
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil, monorail.Options().SetFlushInterval(0))
	coll := c.Database(s.Database(t)).Collection("c")
	requestCtx, request := c.StartRequest(servertest.Context(t))
	check(t, c.Ping(requestCtx, nil))
	s.Faults.Stall()
	defer s.Faults.Resume()
	abandonFind(t, requestCtx, request, coll)
	for range writes {
		check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{{Key: "a", Value: strings.Repeat("x", 100<<10)}}))
	}
	var broken *monorail.BrokenError
	if err := request.End(); !errors.As(err, &broken) || broken.Unconfirmed != writes {
		t.Errorf("End gives %v, want a broken request with %d unconfirmed writes", err, writes)
	}
	s.Faults.Resume()
	usable(t, c, coll)
}

// TestDisconnectWaitsForAnEnd that has begun, so that what the request holds is not cut off.
func TestDisconnectWaitsForAnEnd(t *testing.T) {
	const writes = 40
	s := servertest.StartWithFaults(t)
	name := s.Database(t)
	c, err := monorail.Connect(options.Client().ApplyURI(s.URI), monorail.Options().SetFlushInterval(0).SetMaxHeldBytes(64<<20))
	check(t, err)
	ctx, cancel := context.WithCancel(servertest.Context(t))
	requestCtx, request := c.StartRequest(ctx)
	coll := c.Database(name).Collection("c")
	check(t, c.Ping(requestCtx, nil))
	s.Faults.SetDelay(5*time.Millisecond, monorailtest.Commands("insert"))
	for i := range writes {
		check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{{Key: "_id", Value: i}, {Key: "a", Value: strings.Repeat("x", 1<<20)}}))
	}
	cancel() // the request begins to end by itself
	servertest.Eventually(t, func() string {
		if request.Err() == nil {
			return "the request does not end with its context"
		}
		return ""
	})
	check(t, c.Disconnect(context.Background()))
	check(t, request.End())
	plain := s.ConnectPlain(t, nil).Database(name).Collection("c")
	servertest.Eventually(t, func() string {
		if n, err := plain.CountDocuments(servertest.Context(t), bson.D{}); n != writes {
			return fmt.Sprintf("behind Disconnect, %d of %d writes are there (%v)", n, writes, err)
		}
		return ""
	})
}

func TestDisconnectHonoursItsContext(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c, err := monorail.Connect(options.Client().ApplyURI(s.URI), monorail.Options().SetFlushInterval(0).SetMaxHeldBytes(1<<30))
	check(t, err)
	coll := c.Database(s.Database(t)).Collection("c")
	for range 3 {
		requestCtx, _ := c.StartRequest(context.Background())
		check(t, c.Ping(requestCtx, nil))
		for range 3 {
			check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{{Key: "a", Value: strings.Repeat("x", 10<<20)}}))
		}
	}
	s.Faults.Stall()
	defer s.Faults.Resume()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var broken *monorail.BrokenError
	if err := c.Disconnect(ctx); !errors.As(err, &broken) || !errors.Is(broken.Cause, context.Canceled) || broken.Unconfirmed != 3 {
		t.Errorf("Disconnect from a stalled server gives %v, want a request with 3 writes, broken by the context", err)
	}
}

// TestScopeEndsBeforeItsCancelReturns, also when its context ended first and the end is under way.
func TestScopeEndsBeforeItsCancelReturns(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil, monorail.Options().SetAutoStartRequest(true).SetFlushInterval(0))
	coll := fill(t, s, c, 1, 0)
	s.Faults.SetReplyDelay(100*time.Millisecond, monorailtest.Commands("find"))
	ctx, cancel := context.WithCancel(servertest.Context(t))
	scope, end := c.NewScope(ctx)
	check(t, c.Ping(scope, nil))
	request := c.Request(scope)
	abandonFind(t, scope, request, coll)
	cancel()
	servertest.Eventually(t, func() string {
		if request.Err() == nil {
			return "the scope does not end with its context"
		}
		return ""
	})
	end()
	if n := c.Pool.CheckedOut(); n != 0 {
		t.Errorf("%d sockets are held when the scope's cancel function has returned", n)
	}
}

func TestStartRequestWithAnEndedContext(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for range 50 {
		requestCtx, request := c.StartRequest(ended)
		servertest.Eventually(t, func() string {
			if !errors.Is(request.Err(), monorail.ErrRequestEnded) {
				return "a request in an ended context goes on"
			}
			return ""
		})
		if err := c.Ping(context.WithoutCancel(requestCtx), nil); !errors.Is(err, monorail.ErrRequestEnded) {
			t.Fatalf("an operation in it gives %v", err)
		}
		check(t, request.End())
	}
}

func TestEndFreesWhoWaitsForThePool(t *testing.T) {
	s := servertest.Start(t)
	started := make(chan struct{}) // closed by the goroutine
	c := s.Connect(t, options.Client().SetMaxPoolSize(1))
	holderCtx, holder := c.StartRequest(context.Background())
	check(t, c.Ping(holderCtx, nil))
	requestCtx, request := c.StartRequest(context.Background())
	pinged := make(chan error, 1) // the goroutine sends once
	go func() {
		close(started)
		pinged <- c.Ping(requestCtx, nil)
	}()
	<-started
	check(t, request.End())
	select {
	case err := <-pinged:
		if !errors.Is(err, monorail.ErrRequestEnded) {
			t.Errorf("the operation gives %v, want ErrRequestEnded", err)
		}
	case <-time.After(servertest.Timeout):
		t.Error("an operation of an ended request waits for a socket for ever")
	}
	check(t, holder.End())
}

// TestNotPrimaryClearsThePoolAsTheDriverDoes: not at all.
func TestNotPrimaryClearsThePoolAsTheDriverDoes(t *testing.T) {
	s := servertest.StartWithFailPoints(t)
	c := s.Connect(t, options.Client().SetRetryWrites(false))
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")
	requestCtx, request := c.StartRequest(ctx)
	check(t, c.Ping(requestCtx, nil))
	check(t, c.Database("admin").RunCommand(ctx, bson.D{
		{Key: "configureFailPoint", Value: "failCommand"},
		{Key: "mode", Value: bson.D{{Key: "times", Value: 1}}},
		{Key: "data", Value: bson.D{{Key: "failCommands", Value: bson.A{"insert"}}, {Key: "errorCode", Value: 10107}}},
	}).Err())
	var refused mongo.ServerError
	if _, err := coll.InsertOne(requestCtx, bson.D{}); !errors.As(err, &refused) || !refused.HasErrorCode(10107) {
		t.Errorf("the insert gives %v, want the server's error", err)
	}
	if err := request.Err(); !errors.Is(err, monorail.ErrRequestBroken) {
		t.Errorf("a request whose server is not primary any more: %v, want it broken", err)
	}
	if n := c.Pool.Cleared(); n != 0 {
		t.Errorf("the pool was cleared %d times; the driver does not clear it for that", n)
	}
	if err := request.End(); !errors.Is(err, monorail.ErrRequestBroken) {
		t.Errorf("End gives %v", err)
	}
	usable(t, c, coll)
}

// TestBehindNotPrimaryIsTheBreak has a server say that it is not primary, and nothing that comes later take
// that for an answer of its own.
func TestBehindNotPrimaryIsTheBreak(t *testing.T) {
	concern := bson.D{{Key: "code", Value: 189}, {Key: "errmsg", Value: "no"}}
	for name, data := range map[string]bson.E{
		"as the reply":                 {Key: "errorCode", Value: 10107},
		"inside a reply that is ok: 1": {Key: "writeConcernError", Value: concern},
	} {
		t.Run(name, func(t *testing.T) {
			s := servertest.StartWithFailPoints(t)
			c := s.Connect(t, nil)
			ctx := servertest.Context(t)
			coll := c.Database(s.Database(t)).Collection("c")
			requestCtx, request := c.StartRequest(ctx)
			check(t, c.Ping(requestCtx, nil))
			fail(t, c, "insert", data)
			var answer mongo.ServerError
			if _, err := coll.InsertOne(requestCtx, bson.D{}); !errors.As(err, &answer) || errors.Is(err, monorail.ErrRequestBroken) {
				t.Errorf("the insert gives %v, want the server's answer", err)
			}
			silent := coll.Clone(options.Collection().SetWriteConcern(writeconcern.Unacknowledged()))
			_, insert := coll.InsertOne(requestCtx, bson.D{})
			_, update := silent.UpdateOne(requestCtx, bson.D{}, push(0))
			_, bulk := coll.BulkWrite(requestCtx, []mongo.WriteModel{mongo.NewInsertOneModel().SetDocument(bson.D{})})
			for operation, err := range map[string]error{
				"an insert": insert, "an unacknowledged update": update, "a bulk write": bulk,
				"a find":              coll.FindOne(requestCtx, bson.D{}).Err(),
				"a write of the lane": c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}),
				"Err":                 request.Err(),
				"End":                 request.End(),
			} {
				var labeled mongo.LabeledError
				if !errors.Is(err, monorail.ErrRequestBroken) || !mongo.IsNetworkError(err) || !errors.As(err, &answer) {
					t.Errorf("%s gives %v, want the break, a network error to the driver's users, by the server's answer", operation, err)
				} else if errors.As(err, &labeled) && labeled.HasErrorLabel("RetryableWriteError") {
					t.Errorf("%s has the labels of the server's answer to another one: %#v", operation, labeled)
				}
			}
			usable(t, c, coll)
		})
	}
}

// TestBreakDuringEndKeepsItsCause has the socket reset while End waits for a reply.
func TestBreakDuringEndKeepsItsCause(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil, monorail.Options().SetFlushInterval(0))
	coll := fill(t, s, c, 1, 0)
	requestCtx, request := c.StartRequest(context.Background())
	check(t, read(requestCtx, coll, 0))
	s.Faults.SetReplyDelay(300*time.Millisecond, monorailtest.Commands("find"))
	abandonFind(t, requestCtx, request, coll)
	check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}))
	connection := connectionOf(request)
	ended := make(chan error, 1) // the goroutine sends once
	go func() { ended <- request.End() }()
	servertest.Eventually(t, func() string {
		if request.Err() == nil {
			return "End has not begun"
		}
		return ""
	})
	s.Faults.Reset(connection)
	var broken *monorail.BrokenError
	if err := <-ended; !errors.As(err, &broken) {
		t.Errorf("End gives %v, want a broken request", err)
	} else if errors.Is(broken.Cause, monorail.ErrRequestBroken) || broken.Unconfirmed != 1 {
		t.Errorf("End gives the cause %v and %d unconfirmed, want the network's error and 1", broken.Cause, broken.Unconfirmed)
	}
	servertest.Eventually(t, func() string {
		if c.Pool.CheckedOut() != 0 {
			return "the connection stays checked out"
		}
		return ""
	})
	usable(t, c, coll)
}

// TestNilContexts are what the driver takes for the background.
func TestNilContexts(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	var none context.Context
	requestCtx, request := c.StartRequest(none)
	check(t, c.Unacknowledged(c.Database(s.Database(t)).Collection("c")).InsertOne(requestCtx, bson.D{}))
	check(t, request.Flush(none))
	check(t, request.Barrier(none))
	if c.InRequest(none) || c.Request(none) != nil {
		t.Error("no context is in a request")
	}
	check(t, request.End())
}

// TestEndFindsADeadSocket behind writes that the kernel took.
func TestEndFindsADeadSocket(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil, monorail.Options().SetFlushInterval(0))
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")
	for _, end := range []func(*monorail.Request){
		func(r *monorail.Request) { s.Faults.Reset(connectionOf(r)) },
		func(r *monorail.Request) { s.Faults.CloseConnections(connectionOf(r)) },
	} {
		requestCtx, request := c.StartRequest(ctx)
		check(t, c.Ping(requestCtx, nil))
		check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}))
		check(t, request.Flush(ctx))
		open := s.Faults.Stats().Open
		end(request)
		servertest.Eventually(t, func() string {
			if s.Faults.Stats().Open == open {
				return "the server did not end the connection"
			}
			return ""
		})
		var broken *monorail.BrokenError
		if err := request.End(); !errors.As(err, &broken) || broken.Unconfirmed != 1 {
			t.Errorf("End on a dead socket gives %v, want a broken request with 1 unconfirmed write", err)
		}
		if n := c.Pool.CheckedOut(); n != 0 {
			t.Errorf("%d connections are checked out", n)
		}
	}
	usable(t, c, coll)
}

// TestStaleConnectionBreaksNoNewRequest: the server ended it while it was idle in the pool.
func TestStaleConnectionBreaksNoNewRequest(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	requestCtx, request := c.StartRequest(ctx)
	check(t, c.Ping(requestCtx, nil))
	stale, connection := request.Info().ConnectionID, connectionOf(request)
	check(t, request.End())
	open := s.Faults.Stats().Open
	s.Faults.Reset(connection)
	servertest.Eventually(t, func() string {
		if s.Faults.Stats().Open == open {
			return "the server did not end the connection"
		}
		return ""
	})
	check(t, c.WithRequest(ctx, func(ctx context.Context) error {
		if err := c.Ping(ctx, nil); err != nil {
			return err
		}
		if got := c.Request(ctx).Info().ConnectionID; got == stale {
			t.Errorf("the request is pinned to %s, which the server has ended", got)
		}
		return nil
	}))
}
