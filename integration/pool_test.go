package integration

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
	"github.com/mongo-monorail/monorail/monorailtest"
)

// TestCheckedOutIsPinned: whatever happens to some of several requests, the driver's pool has as many
// connections checked out as requests are pinned, and none at the end.
func TestCheckedOutIsPinned(t *testing.T) {
	s := servertest.StartWithFaults(t)
	for _, fault := range []struct {
		name  string
		set   func(r *monorail.Request, m monorailtest.Match)
		loses int // sockets
	}{
		{"nothing", func(*monorail.Request, monorailtest.Match) {}, 0},
		{"reset", func(r *monorail.Request, _ monorailtest.Match) { s.Faults.Reset(connectionOf(r)) }, 1},
		{"close", func(r *monorail.Request, _ monorailtest.Match) { s.Faults.CloseConnections(connectionOf(r)) }, 1},
		{"hang up on an unacknowledged write", func(_ *monorail.Request, m monorailtest.Match) { s.Faults.HangUpOnUnacknowledged(m) }, 1},
		{"half a reply", func(_ *monorail.Request, m monorailtest.Match) { s.Faults.CutReply(20, m) }, 1},
		{"a corrupt header", func(_ *monorail.Request, m monorailtest.Match) {
			s.Faults.RewriteReply(func(b []byte) []byte { b[3] = 0x7f; return b }, m)
		}, 1},
		{"a late reply", func(_ *monorail.Request, m monorailtest.Match) {
			s.Faults.SetReplyDelay(100*time.Millisecond, m)
		}, 0},
	} {
		t.Run(fault.name, func(t *testing.T) {
			c := s.Connect(t, options.Client().SetMaxPoolSize(5), monorail.Options().SetFlushInterval(0))
			coll := c.Database(s.Database(t)).Collection("c")
			ctx := context.Background()
			const requests = 3
			var open [requests]*monorail.Request
			var contexts [requests]context.Context
			for i := range open {
				contexts[i], open[i] = c.StartRequest(ctx)
				check(t, c.Ping(contexts[i], nil))
			}
			invariant := func(when string, want int) {
				t.Helper()
				servertest.Eventually(t, func() string {
					got := c.Stats()
					sockets := 0
					for _, server := range got.Servers {
						sockets += server.Sockets
					}
					if out := c.Pool.CheckedOut(); out != want || got.Pinned != want || sockets != want {
						return fmt.Sprintf("%s: %d connections are checked out, %d requests pinned, %d sockets held, want %d of each", when, out, got.Pinned, sockets, want)
					}
					return ""
				})
			}
			invariant("before", requests)
			fault.set(open[0], onSocket(t, open[0]))
			writing := c.Unacknowledged(coll).InsertOne(contexts[0], bson.D{})
			if fault.loses == 0 { // a reply may be late
				short, cancel := context.WithTimeout(contexts[0], 50*time.Millisecond)
				_ = c.Ping(short, nil)
				cancel()
			} else if err := c.Ping(contexts[0], nil); err == nil || open[0].Err() == nil {
				t.Fatalf("the fault breaks nothing: %v, and before it %v", err, writing)
			}
			s.Faults.ClearFaults()
			invariant("after the fault", requests-fault.loses)
			for i := 1; i < requests; i++ {
				if open[i].Err() == nil {
					check(t, c.Ping(contexts[i], nil))
				}
			}
			_ = open[0].End()
			invariant("after its end", requests-1)
			for _, r := range open {
				_ = r.End()
			}
			invariant("at the end", 0)
			usable(t, c, coll)
		})
	}
}

// TestManyRequestsInASmallPool: more goroutines than connections, each with a request: all are served,
// and no more connections are made than the pool has room for.
func TestManyRequestsInASmallPool(t *testing.T) {
	const goroutines, each, size = 20, 5, 3
	s := servertest.Start(t)
	c := s.Connect(t, options.Client().SetMaxPoolSize(size))
	coll := c.Database(s.Database(t)).Collection("c")
	var group sync.WaitGroup
	for g := range goroutines {
		group.Go(func() {
			for i := range each {
				err := c.WithRequest(servertest.Context(t), func(ctx context.Context) error {
					id := g*each + i
					if err := c.Unacknowledged(coll).InsertOne(ctx, bson.D{{Key: "_id", Value: id}}); err != nil {
						return err
					}
					return coll.FindOne(ctx, bson.D{{Key: "_id", Value: id}}).Err()
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if n := c.Pool.Created(); n > size {
		t.Errorf("%d connections were made, want %d at most", n, size)
	}
	if got := c.Stats(); c.Pool.CheckedOut() != 0 || got.Waiting != 0 || got.Started != goroutines*each || got.Ended != got.Started {
		t.Errorf("%d connections are checked out, %+v", c.Pool.CheckedOut(), got)
	}
}
