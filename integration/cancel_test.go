package integration

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
	"github.com/mongo-monorail/monorail/monorailtest"
)

// fill inserts documents {_id: i} and returns their collection.
func fill(t testing.TB, s *servertest.Server, c *servertest.Client, n int, padding int) *mongo.Collection {
	t.Helper()
	coll := c.Database(s.Database(t)).Collection("c")
	docs := make([]any, n)
	for i := range docs {
		docs[i] = bson.D{{Key: "_id", Value: i}, {Key: "padding", Value: strings.Repeat("x", padding)}}
	}
	_, err := coll.InsertMany(servertest.Context(t), docs)
	check(t, err)
	return coll
}

// read finds document i and tells when the reply is that of another operation.
func read(ctx context.Context, coll *mongo.Collection, i int) error {
	var doc struct {
		ID int `bson:"_id"`
	}
	if err := coll.FindOne(ctx, bson.D{{Key: "_id", Value: i}}).Decode(&doc); err != nil {
		return err
	}
	if doc.ID != i {
		return errWrongReply
	}
	return nil
}

var errWrongReply = errors.New("the reply of another operation")

func TestLateReplyIsDropped(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil)
	coll := fill(t, s, c, 20, 0)
	requestCtx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	check(t, read(requestCtx, coll, 0))
	s.Faults.SetReplyDelay(30*time.Millisecond, monorailtest.Commands("find"))
	for i := 1; i < 10; i++ {
		short, cancel := context.WithTimeout(requestCtx, 5*time.Millisecond)
		err := read(short, coll, i)
		cancel()
		if !mongo.IsTimeout(err) {
			t.Fatalf("a find with a late reply gives %v, want a timeout", err)
		}
	}
	// The replies of nine finds come before this one's.
	check(t, read(requestCtx, coll, 19))
	s.Faults.SetReplyDelay(0)
	s.Faults.SetReplyChunks(1, 0, monorailtest.Commands("find"))
	check(t, read(requestCtx, coll, 18))
	if info := request.Info(); info.InFlight != 0 || !info.Pinned {
		t.Errorf("after late replies: %+v", info)
	}
	check(t, request.Err())
}

// TestMessageCutOffBreaksTheRequest ends an insert in the middle of its message.
func TestMessageCutOffBreaksTheRequest(t *testing.T) {
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		t.Run(cause.Error(), func(t *testing.T) {
			s := servertest.StartWithFaults(t)
			c := s.Connect(t, nil)
			coll := fill(t, s, c, 1, 0)
			requestCtx, request := c.StartRequest(servertest.Context(t))
			check(t, read(requestCtx, coll, 0))
			s.Faults.Stall()
			defer s.Faults.Resume()
			abandonFind(t, requestCtx, request, coll) // the server reads it, and nothing behind it
			// More than the kernel takes for a server that does not read.
			document, err := bson.Marshal(bson.D{{Key: "a", Value: strings.Repeat("x", 15<<20)}})
			check(t, err)
			insert := func(ctx context.Context) error {
				_, err := coll.InsertMany(ctx, []any{bson.Raw(document), bson.Raw(document)})
				return err
			}
			// A context that ends before the first byte has left breaks nothing.
			for patience := 100 * time.Millisecond; request.Err() == nil; patience *= 2 {
				if cause == context.Canceled {
					err = cancelWriting(t, requestCtx, request, insert)
				} else {
					short, cancel := context.WithTimeout(requestCtx, patience)
					err = insert(short)
					cancel()
				}
			}
			var broken *monorail.BrokenError
			if !errors.As(err, &broken) || !errors.Is(err, cause) {
				t.Fatalf("an insert cut off half way gives %v, want a broken request by %v", err, cause)
			}
			if err := read(requestCtx, coll, 0); !errors.Is(err, monorail.ErrRequestBroken) {
				t.Errorf("behind half a message, a find gives %v", err)
			}
			s.Faults.Resume()
			if err := request.End(); !errors.Is(err, monorail.ErrRequestBroken) {
				t.Errorf("End gives %v", err)
			}
			usable(t, c, coll)
		})
	}
}

// cancelWriting cancels an operation whose message is being written.
func cancelWriting(t *testing.T, ctx context.Context, request *monorail.Request, operation func(context.Context) error) error {
	t.Helper()
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	before := request.Info().InFlight
	finished := make(chan error, 1) // the goroutine sends once
	go func() { finished <- operation(short) }()
	servertest.Eventually(t, func() string {
		if info := request.Info(); info.InFlight == before || info.HeldBytes > 0 {
			return "the message is not being written"
		}
		return ""
	})
	cancel()
	return <-finished
}

// TestBigWriteNeverDeadlocks has replies outstanding that nobody waits for, more of them than the
// server can write before it is read from, and writes more than it takes before it reads.
func TestBigWriteNeverDeadlocks(t *testing.T) {
	s := servertest.Start(t)
	bigWrite(t, s, s.Connect(t, nil))
	bigWrite(t, s, s.Connect(t, options.Client().SetDialer(&servertest.Dialer{}))) // which cannot be resumed
}

func bigWrite(t testing.TB, s *servertest.Server, c *servertest.Client) {
	t.Helper()
	coll := fill(t, s, c, 20, 1<<20)
	requestCtx, request := c.StartRequest(servertest.Context(t))
	check(t, read(requestCtx, coll, 0))
	for i := range 20 {
		short, cancel := context.WithCancel(requestCtx)
		cancelled := make(chan error, 1) // the goroutine sends once
		before := request.Info().InFlight
		go func() { cancelled <- read(short, coll, i) }()
		servertest.Eventually(t, func() string {
			if request.Info().InFlight > before {
				return ""
			}
			select {
			case err := <-cancelled:
				cancelled <- err
				return "" // it was answered already
			default:
				return "the find was not sent"
			}
		})
		cancel()
		if err := <-cancelled; err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	document := bson.D{{Key: "a", Value: strings.Repeat("x", 15<<20)}}
	_, err := coll.InsertMany(requestCtx, []any{document, document})
	check(t, err)
	check(t, read(requestCtx, coll, 3))
	check(t, request.End())
}
