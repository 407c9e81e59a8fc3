package integration

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
	"github.com/mongo-monorail/monorail/monorailtest"
)

// holdUp holds up the find that a server has received last, before it is executed.
type holdUp struct {
	// armed says that the next find is held up; the server's goroutine takes it down.
	armed   atomic.Bool
	arrived chan struct{} // the server sends when it has the find
	release chan struct{} // the test sends to let the find go
}

func newHoldUp() *holdUp {
	return &holdUp{arrived: make(chan struct{}), release: make(chan struct{})}
}

func (h *holdUp) hear(m monorailtest.Message) {
	if m.Command == "find" && h.armed.CompareAndSwap(true, false) {
		h.arrived <- struct{}{}
		<-h.release
	}
}

// inCancelRequest starts a request on a server whose finds can be held up, with documents to find.
func inCancelRequest(t *testing.T, clientOpts *options.ClientOptions) (*holdUp, *servertest.Server, *servertest.Client, *mongo.Collection, context.Context, *monorail.Request) {
	t.Helper()
	h := newHoldUp()
	s := servertest.StartWithFaults(t, monorailtest.WithRecorder(h.hear))
	c := s.Connect(t, clientOpts)
	coll := fill(t, s, c, 20, 0)
	ctx, request := c.StartRequest(servertest.Context(t))
	check(t, read(ctx, coll, 0))
	return h, s, c, coll, ctx, request
}

// sound checks that a request goes on, on the socket that it had, with every reply its own, and that
// the client does when it has ended.
func sound(t *testing.T, ctx context.Context, request *monorail.Request, c *servertest.Client, coll *mongo.Collection, socket string) {
	t.Helper()
	for i := range 5 {
		check(t, read(ctx, coll, 10+i))
	}
	check(t, request.Err())
	if info := request.Info(); info.ConnectionID != socket || info.InFlight != 0 || info.Unconfirmed != 0 {
		t.Errorf("after the cancellation: %+v, want all well on %s", info, socket)
	}
	check(t, request.End())
	usable(t, c, coll)
}

// TestCancelledBeforeTheWrite: the server does not hear of the operation.
func TestCancelledBeforeTheWrite(t *testing.T) {
	_, s, c, coll, requestCtx, request := inCancelRequest(t, nil)
	socket := request.Info().ConnectionID
	messages := s.Faults.Record(10, monorailtest.Commands("find", "update", "insert"))
	cancelled, cancel := context.WithCancel(requestCtx)
	cancel()
	late, cancel := context.WithDeadline(requestCtx, time.Now().Add(-time.Second))
	defer cancel()
	for _, ctx := range []context.Context{cancelled, late} {
		for name, err := range map[string]error{
			"a find":                  read(ctx, coll, 1),
			"an insert":               coll.FindOneAndDelete(ctx, bson.D{{Key: "_id", Value: 1}}).Err(),
			"an unacknowledged write": c.Unacknowledged(coll).DeleteOne(ctx, bson.D{{Key: "_id", Value: 1}}),
		} {
			if !errors.Is(err, ctx.Err()) && !mongo.IsTimeout(err) {
				t.Errorf("%s with an ended context gives %v, want %v", name, err, ctx.Err())
			}
		}
	}
	check(t, request.Barrier(requestCtx))
	if got := messages.Messages(); len(got) > 0 {
		t.Errorf("the server got the %s of an ended context", got[0].Command)
	}
	messages.Stop()
	check(t, read(requestCtx, coll, 1))
	sound(t, requestCtx, request, c, coll, socket)
}

// TestCancelledWhileWaiting: the server has the message. Its late reply is nobody's.
func TestCancelledWhileWaiting(t *testing.T) {
	const patience = 50 * time.Millisecond // less than the server takes, which waits for the end of it
	for _, way := range []struct {
		name   string
		client *options.ClientOptions
		limit  func(context.Context) (context.Context, context.CancelFunc)
		cancel bool // by the test, when the server has the message
	}{
		{"cancelled", nil, context.WithCancel, true},
		{"deadline", nil, func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, patience)
		}, false},
		{"client's timeout", options.Client().SetTimeout(patience), func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithCancel(context.WithoutCancel(ctx)) // a deadline of the context would be the limit
		}, false},
	} {
		t.Run(way.name, func(t *testing.T) {
			h, _, c, coll, requestCtx, request := inCancelRequest(t, way.client)
			socket := request.Info().ConnectionID
			for i := range 3 {
				h.armed.Store(true)
				short, cancel := way.limit(requestCtx)
				found := make(chan error, 1) // the goroutine sends once
				go func() { found <- read(short, coll, i) }()
				select {
				case <-h.arrived:
				case err := <-found: // its time was over before the message was sent: a slow machine
					cancel()
					if !h.armed.CompareAndSwap(true, false) {
						<-h.arrived
						h.release <- struct{}{}
					}
					if !mongo.IsTimeout(err) {
						t.Errorf("the find gives %v", err)
					}
					continue
				}
				if way.cancel {
					cancel()
				}
				err := <-found
				cancel()
				if way.cancel && !errors.Is(err, context.Canceled) || !way.cancel && !mongo.IsTimeout(err) || errors.Is(err, monorail.ErrRequestBroken) {
					t.Errorf("the find gives %v", err)
				}
				if n := request.Info().InFlight; n != 1 {
					t.Errorf("%d replies are outstanding after the cancellation, want 1", n)
				}
				h.release <- struct{}{}
				check(t, read(requestCtx, coll, i+5))
			}
			sound(t, requestCtx, request, c, coll, socket)
		})
	}
}

// TestCancelledAsTheReplyComes races the cancellation with the reply: the operation has its own reply
// or an error, and the next one has its own.
func TestCancelledAsTheReplyComes(t *testing.T) {
	const rounds = 300
	h, _, c, coll, requestCtx, request := inCancelRequest(t, nil)
	socket := request.Info().ConnectionID
	for i := range rounds {
		h.armed.Store(true)
		short, cancel := context.WithCancel(requestCtx)
		found := make(chan error, 1) // the goroutine sends once
		go func() { found <- read(short, coll, i%20) }()
		<-h.arrived
		h.release <- struct{}{}
		if i%2 == 0 { // else at once
			for range i {
				_ = request.Info() // some time, in small and growing pieces
			}
		}
		cancel()
		if err := <-found; err != nil && !errors.Is(err, context.Canceled) {
			t.Fatalf("round %d: the find gives %v", i, err)
		}
		if err := read(requestCtx, coll, (i+7)%20); err != nil {
			t.Fatalf("round %d: the find behind it gives %v", i, err)
		}
	}
	sound(t, requestCtx, request, c, coll, socket)
}

// TestServerTimeLimitBreaksNothing: the server stops a command at its maxTimeMS, and says so.
func TestServerTimeLimitBreaksNothing(t *testing.T) {
	const exceeded = 50
	_, _, c, coll, requestCtx, request := inCancelRequest(t, nil)
	socket := request.Info().ConnectionID
	check(t, c.Database("admin").RunCommand(servertest.Context(t), bson.D{
		{Key: "configureFailPoint", Value: "failCommand"},
		{Key: "mode", Value: bson.D{{Key: "times", Value: 1}}},
		{Key: "data", Value: bson.D{{Key: "failCommands", Value: bson.A{"find"}}, {Key: "errorCode", Value: exceeded}}},
	}).Err())
	c.Commands.Reset()
	short, cancel := context.WithTimeout(requestCtx, servertest.Timeout/2)
	defer cancel()
	err := read(short, coll, 1)
	var server mongo.ServerError
	if !errors.As(err, &server) || !server.HasErrorCode(exceeded) || !mongo.IsTimeout(err) {
		t.Errorf("a find beyond its maxTimeMS gives %v", err)
	}
	for _, e := range c.Commands.Started() {
		if _, err := e.Command.LookupErr("maxTimeMS"); err != nil {
			t.Errorf("the %s has no maxTimeMS: %v", e.CommandName, fmt.Sprint(e.Command))
		}
	}
	sound(t, requestCtx, request, c, coll, socket)
}
