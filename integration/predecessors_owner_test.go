package integration

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// TestGoroutinesEachInTheirRequest starts and ends requests in two goroutines, one inside the time of
// the other.
func TestGoroutinesEachInTheirRequest(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	outerPinned, innerEnded := make(chan string), make(chan struct{}) // each goroutine sends or closes one
	var both sync.WaitGroup
	both.Go(func() {
		requestCtx, request := c.StartRequest(ctx)
		defer request.End()
		report(t, c.Ping(requestCtx, nil))
		outerPinned <- request.Info().ConnectionID
		<-innerEnded
		report(t, c.Ping(requestCtx, nil))
		if !c.InRequest(requestCtx) || c.Pool.CheckedOut() != 1 {
			t.Error("the end of a request in one goroutine ended that of another")
		}
	})
	both.Go(func() {
		defer close(innerEnded)
		outer := <-outerPinned
		if c.InRequest(ctx) {
			t.Error("a request in one goroutine put another in one")
		}
		requestCtx, request := c.StartRequest(ctx)
		defer request.End()
		report(t, c.Ping(requestCtx, nil))
		if request.Info().ConnectionID == outer {
			t.Error("requests of two goroutines share a connection")
		}
	})
	both.Wait()
	if c.InRequest(ctx) || c.Pool.CheckedOut() != 0 {
		t.Errorf("%d connections are held after both", c.Pool.CheckedOut())
	}
}

// TestContextOwnsTheRequest: not the goroutine. Whoever has the context is in the request, and whoever
// has the handle may end it.
func TestContextOwnsTheRequest(t *testing.T) {
	const goroutines = 8
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	requestCtx, request := c.StartRequest(ctx)
	var group sync.WaitGroup
	for range goroutines {
		group.Go(func() { report(t, c.Ping(requestCtx, nil)) })
	}
	group.Wait()
	if ids := c.Commands.Connections(); len(ids) != 1 || ids[0] != request.Info().ConnectionID {
		t.Errorf("goroutines with one request ran on %v, want one connection", ids)
	}
	group.Go(func() { report(t, request.End()) })
	group.Wait()
	if err := c.Ping(requestCtx, nil); !errors.Is(err, monorail.ErrRequestEnded) {
		t.Errorf("a request that another goroutine has ended gives %v, want ErrRequestEnded", err)
	}
}

// TestRefusedWriteShowsInTheRead: the server tells nothing of an unacknowledged duplicate, but the read
// behind it comes after the refusal, every time.
func TestRefusedWriteShowsInTheRead(t *testing.T) {
	const goroutines, operations = 8, 10
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	db := c.Database(s.Database(t))
	coll, plain := db.Collection("c"), db.Collection("c", unacknowledged)
	ctx := servertest.Context(t)
	var group sync.WaitGroup
	for g := range goroutines {
		group.Go(func() {
			for i := range operations {
				report(t, c.WithRequest(ctx, func(ctx context.Context) error {
					id := fmt.Sprintf("%d-%d", g, i)
					for _, writer := range []string{"first", "second"} {
						if _, err := plain.InsertOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "writer", Value: writer}}); err != nil {
							return err
						}
					}
					var doc struct{ Writer string }
					if err := coll.FindOne(ctx, bson.D{{Key: "_id", Value: id}}).Decode(&doc); err != nil {
						return err
					}
					if doc.Writer != "first" {
						return fmt.Errorf("document %s is of the %s writer", id, doc.Writer)
					}
					return nil
				}))
			}
		})
	}
	group.Wait()
}
