package integration

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// canceller is one goroutine whose operations are cancelled at random moments, about as long after
// their start as they take.
type canceller struct {
	random *rand.Rand
	client *servertest.Client
	coll   *mongo.Collection
	ctx    context.Context // that of a request, or of none
	// counter is the _id of a document that this goroutine alone writes; it has written n times. Not
	// used outside requests, where nothing is promised of it.
	counter, n int
	cancelled  *atomic.Int64
}

// operate runs one operation with a context that ends soon, and tells what is wrong.
func (c *canceller) operate() error {
	soon := time.Duration(c.random.IntN(1000)) * time.Microsecond
	ctx, cancel := context.WithCancel(c.ctx)
	if c.random.IntN(4) == 0 {
		cancel()
		ctx, cancel = context.WithTimeout(c.ctx, soon)
	} else {
		defer time.AfterFunc(soon, cancel).Stop()
	}
	defer cancel()
	var err error
	switch kind := c.random.IntN(5); {
	case kind == 0 && c.counter > 0:
		// Not cancelled, so that it is known to have been issued.
		c.n++
		if err := c.client.Unacknowledged(c.coll).UpdateOne(c.ctx, bson.D{{Key: "_id", Value: c.counter}}, inc); err != nil {
			return err
		}
		err = c.readCounter(ctx)
	case kind == 1:
		var cursor *mongo.Cursor
		if cursor, err = c.coll.Find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$lt", Value: 10}}}}); err == nil {
			err = c.readAll(ctx, cursor)
		}
	default:
		err = read(ctx, c.coll, c.random.IntN(50))
	}
	if errors.Is(err, context.Canceled) || mongo.IsTimeout(err) {
		c.cancelled.Add(1)
		if errors.Is(err, monorail.ErrRequestBroken) {
			return fmt.Errorf("a cancellation broke the request: %w", err)
		}
		return nil
	}
	return err
}

// readCounter reads what this goroutine has written before.
func (c *canceller) readCounter(ctx context.Context) error {
	var doc struct {
		ID int `bson:"_id"`
		N  int
	}
	if err := c.coll.FindOne(ctx, bson.D{{Key: "_id", Value: c.counter}}).Decode(&doc); err != nil {
		return err
	}
	if doc.ID != c.counter || doc.N != c.n {
		return fmt.Errorf("counter %d is %+v after %d increments", c.counter, doc, c.n)
	}
	return nil
}

// readAll reads the documents 0 to 9.
func (c *canceller) readAll(ctx context.Context, cursor *mongo.Cursor) error {
	defer cursor.Close(c.ctx)
	var docs []struct {
		ID int `bson:"_id"`
	}
	if err := cursor.All(ctx, &docs); err != nil {
		return err
	}
	if len(docs) != 10 {
		return errWrongReply
	}
	return nil
}

// TestRandomCancellations cancels operations of goroutines that share requests, and of others outside,
// at random moments: no reply goes to another operation, no socket is lost, nothing is left behind.
func TestRandomCancellations(t *testing.T) {
	const (
		cancellations = 10_000
		requests      = 3
		sharing       = 4 // goroutines in each request
		outside       = 2
	)
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	coll := fill(t, s, c, 100, 300)
	usable(t, c, coll) // so that what a client always has is there
	ctx, cancel := context.WithTimeout(context.Background(), 10*servertest.Timeout)
	defer cancel()
	goroutines := servertest.Goroutines()
	var cancelled atomic.Int64
	var done sync.WaitGroup
	run := func(worker *canceller) {
		done.Go(func() {
			for cancelled.Load() < cancellations {
				if err := worker.operate(); err != nil {
					t.Errorf("goroutine %d: %v", worker.counter, err)
					return
				}
			}
		})
	}
	type started struct {
		*monorail.Request
		ctx    context.Context
		socket string
	}
	var open []started
	for i := range requests {
		requestCtx, request := c.StartRequest(ctx)
		check(t, read(requestCtx, coll, i))
		open = append(open, started{request, requestCtx, request.Info().ConnectionID})
		for j := range sharing {
			run(&canceller{random: rand.New(rand.NewPCG(uint64(i), uint64(j))), client: c, coll: coll, ctx: requestCtx,
				counter: 60 + sharing*i + j, cancelled: &cancelled})
		}
	}
	for i := range outside {
		run(&canceller{random: rand.New(rand.NewPCG(99, uint64(i))), client: c, coll: coll, ctx: ctx, cancelled: &cancelled})
	}
	done.Wait()
	for _, r := range open {
		check(t, r.Err())
		check(t, read(r.ctx, coll, 7))
		check(t, r.Barrier(ctx))
		if info := r.Info(); info.InFlight != 0 || info.Unconfirmed != 0 || info.ConnectionID != r.socket || !info.Pinned {
			t.Errorf("after the barrier: %+v, want all well on %s", info, r.socket)
		}
		check(t, r.End())
	}
	usable(t, c, coll)
	servertest.Eventually(t, func() string {
		if n := servertest.Goroutines(); n > goroutines {
			return fmt.Sprintf("%d goroutines, and %d before the cancellations", n, goroutines)
		}
		if n := c.Pool.CheckedOut(); n != 0 {
			return fmt.Sprintf("%d connections are checked out", n)
		}
		return ""
	})
}
