package integration

import (
	"context"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail/integration/internal/servertest"
	"github.com/mongo-monorail/monorail/monorailtest"
)

// heartbeats tells known when a server has answered the driver's monitor.
func heartbeats(known chan<- struct{}) *event.ServerMonitor {
	return &event.ServerMonitor{ServerHeartbeatSucceeded: func(*event.ServerHeartbeatSucceededEvent) {
		select {
		case known <- struct{}{}:
		default:
		}
	}}
}

// TestServerErrorKeepsTheIdleSocket outside requests, as the driver does.
func TestServerErrorKeepsTheIdleSocket(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")
	_, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: 1}})
	check(t, err)
	if _, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: 1}}); !mongo.IsDuplicateKeyError(err) {
		t.Errorf("a duplicate key gives %v", err)
	}
	check(t, c.Ping(ctx, nil))
	if c.Pool.Created() != 1 || c.Pool.Closed() != 0 {
		t.Errorf("%d connections were made and %d closed, want the first one alone", c.Pool.Created(), c.Pool.Closed())
	}
}

// TestUnacknowledgedBatchAndCount: a batch with a duplicate in it, and a count that comes after it.
func TestUnacknowledgedBatchAndCount(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	db := c.Database(s.Database(t))
	coll := db.Collection("c")
	batch := []any{bson.D{{Key: "_id", Value: 1}}, bson.D{{Key: "_id", Value: 1}}, bson.D{{Key: "_id", Value: 2}}}
	for _, writer := range []struct {
		name   string
		insert func(ctx context.Context, opts *options.InsertManyOptionsBuilder) error
	}{
		{"Unacknowledged", func(ctx context.Context, opts *options.InsertManyOptionsBuilder) error {
			return c.Unacknowledged(coll).InsertMany(ctx, batch, opts)
		}},
		{"a collection with w:0", func(ctx context.Context, opts *options.InsertManyOptionsBuilder) error {
			_, err := db.Collection("c", unacknowledged).InsertMany(ctx, batch, opts)
			return err
		}},
	} {
		for range 5 {
			for ordered, want := range map[bool]int64{true: 1, false: 2} {
				check(t, c.WithRequest(servertest.Context(t), func(ctx context.Context) error {
					if err := writer.insert(ctx, options.InsertMany().SetOrdered(ordered)); err != nil {
						return err
					}
					n, err := coll.CountDocuments(ctx, bson.D{})
					if err != nil {
						return err
					}
					if n != want {
						t.Errorf("%s, ordered %t: %d documents, want %d", writer.name, ordered, n, want)
					}
					return c.Unacknowledged(coll).DeleteMany(ctx, bson.D{})
				}))
			}
		}
	}
}

// TestTimeoutClearsNothing: a reply that is late is no reason to think ill of the server or the socket.
func TestTimeoutClearsNothing(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil)
	coll := fill(t, s, c, 1, 0)
	requestCtx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	socket := pinged(requestCtx, t, c)
	s.Faults.SetReplyDelay(100*time.Millisecond, monorailtest.Commands("find"))
	short, cancel := context.WithTimeout(requestCtx, 20*time.Millisecond)
	defer cancel()
	if err := read(short, coll, 0); !mongo.IsTimeout(err) {
		t.Errorf("a find whose reply is late gives %v, want a timeout", err)
	}
	if got := pinged(requestCtx, t, c); got != socket || c.Pool.Cleared() != 0 || c.Pool.Closed() != 0 {
		t.Errorf("after it: on %s, want %s; the pool cleared %d times, %d connections closed", got, socket, c.Pool.Cleared(), c.Pool.Closed())
	}
	check(t, request.Err())
}
