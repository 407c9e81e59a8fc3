package integration

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// quiet are options with which a client's sockets but the request's write nothing by themselves.
func quiet(dialer *servertest.Dialer) *options.ClientOptions {
	return options.Client().SetDialer(dialer).SetHeartbeatInterval(time.Minute).
		SetServerMonitoringMode(options.ServerMonitoringModePoll)
}

// goInsert starts the insertion of a document with that _id.
func goInsert(ctx context.Context, coll *mongo.Collection, id any) *monorail.Future[*mongo.InsertOneResult] {
	return monorail.Go(ctx, func(ctx context.Context) (*mongo.InsertOneResult, error) {
		return coll.InsertOne(ctx, bson.D{{Key: "_id", Value: id}})
	})
}

// TestPipelineIsOneRoundTrip: k operations started by Go and their Waits are one write call, and the
// server has them in the order of the calls.
func TestPipelineIsOneRoundTrip(t *testing.T) {
	s := servertest.Start(t)
	dialer := &servertest.Dialer{}
	c := s.Connect(t, quiet(dialer), monorail.Options().SetFlushInterval(0))
	coll := c.Database(s.Database(t)).Collection("c")
	ctx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	check(t, c.Ping(ctx, nil))
	for _, k := range []int{1, 2, 10, 50} {
		before := dialer.Writes.Load()
		c.Commands.Reset()
		var futures []*monorail.Future[*mongo.InsertOneResult]
		for i := range k {
			futures = append(futures, goInsert(ctx, coll, fmt.Sprintf("%d of %d", i, k)))
			if n := request.Info().InFlight; n != i+1 {
				t.Errorf("%d replies are to come after %d calls of Go", n, i+1)
			}
		}
		if n := dialer.Writes.Load() - before; n != 0 {
			t.Errorf("%d calls of Go took %d write calls, want 0", k, n)
		}
		for i, f := range futures {
			result, err := f.Wait(ctx)
			check(t, err)
			if want := fmt.Sprintf("%d of %d", i, k); result.InsertedID != want {
				t.Errorf("future %q has the result of %q", want, result.InsertedID)
			}
		}
		if n := dialer.Writes.Load() - before; n != 1 {
			t.Errorf("%d operations of Go took %d write calls, want 1", k, n)
		}
	}
}

// TestPipelineInOrder: what calls of Go start leaves in the order of the calls, also among unacknowledged
// writes and operations without Go, and from goroutines that share the request, each in its own order.
func TestPipelineInOrder(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	coll := c.Database(s.Database(t)).Collection("c")
	ctx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	upsert := options.UpdateOne().SetUpsert(true)
	var callers sync.WaitGroup
	for caller := range 4 {
		callers.Go(func() {
			filter := bson.D{{Key: "_id", Value: caller}}
			var futures []*monorail.Future[*mongo.UpdateResult]
			for i := range 60 {
				switch {
				case i%3 == 1:
					if err := c.Unacknowledged(coll).UpdateOne(ctx, filter, push(i), upsert); err != nil {
						t.Error(err)
					}
				case i%20 == 0:
					if _, err := coll.UpdateOne(ctx, filter, push(i), upsert); err != nil {
						t.Error(err)
					}
				default:
					futures = append(futures, monorail.Go(ctx, func(ctx context.Context) (*mongo.UpdateResult, error) {
						return coll.UpdateOne(ctx, filter, push(i), upsert)
					}))
				}
			}
			for _, f := range futures {
				if _, err := f.Wait(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
	callers.Wait()
	for caller := range 4 {
		list := pushed(ctx, t, coll, caller)
		if len(list) != 60 || !slices.IsSorted(list) {
			t.Errorf("caller %d's updates ran in the order %v", caller, list)
		}
	}
	wantOneSocket(t, c, request)
	matchEvents(t, c, request.Info().ConnectionID, request.Info().ServerConnectionID, servertest.Timeout)
}

// TestPipelinedCommandsLeave: each of these sends what Go has started, and nothing else does.
func TestPipelinedCommandsLeave(t *testing.T) {
	s := servertest.Start(t)
	for _, test := range []struct {
		name string
		opts *monorail.OptionsBuilder
		send func(ctx context.Context, request *monorail.Request, coll *mongo.Collection) error
	}{
		{"Flush", monorail.Options(), func(ctx context.Context, r *monorail.Request, _ *mongo.Collection) error { return r.Flush(ctx) }},
		{"Barrier", monorail.Options(), func(ctx context.Context, r *monorail.Request, _ *mongo.Collection) error { return r.Barrier(ctx) }},
		{"End", monorail.Options(), func(_ context.Context, r *monorail.Request, _ *mongo.Collection) error { return r.End() }},
		{"an acknowledged operation", monorail.Options(), func(ctx context.Context, _ *monorail.Request, coll *mongo.Collection) error {
			_, err := coll.CountDocuments(ctx, bson.D{})
			return err
		}},
		{"the limit", monorail.Options().SetMaxHeldBytes(2000), func(ctx context.Context, _ *monorail.Request, coll *mongo.Collection) error {
			goInsert(ctx, coll, strings.Repeat("x", 2000))
			return nil
		}},
		{"the interval", monorail.Options().SetFlushInterval(time.Millisecond), nil},
		{"nothing held", monorail.Options().SetMaxHeldBytes(0), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts := []*monorail.OptionsBuilder{monorail.Options().SetFlushInterval(0), test.opts}
			c := s.Connect(t, nil, opts...)
			coll := c.Database(s.Database(t)).Collection("c")
			ctx, request := c.StartRequest(servertest.Context(t))
			defer request.End()
			check(t, c.Ping(ctx, nil))
			done := make(chan error, 1) // the operation sends once
			monorail.Go(ctx, func(ctx context.Context) (any, error) {
				_, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: 1}})
				done <- err
				return nil, err
			})
			if test.send != nil {
				if request.Info().HeldBytes == 0 {
					t.Error("the command of Go is not held")
				}
				check(t, test.send(ctx, request, coll))
			}
			check(t, <-done)
		})
	}
}

// TestPipelinedOperationFailsAlone: those before and behind it run.
func TestPipelinedOperationFailsAlone(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	coll := c.Database(s.Database(t)).Collection("c")
	ctx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	ids := []int{1, 2, 1, 3, 2, 4}
	var futures []*monorail.Future[*mongo.InsertOneResult]
	for _, id := range ids {
		futures = append(futures, goInsert(ctx, coll, id))
	}
	failed := errors.New("failed")
	own := monorail.Go(ctx, func(context.Context) (int, error) { return 7, failed })
	for i, f := range futures {
		_, err := f.Wait(ctx)
		if duplicate := i == 2 || i == 4; mongo.IsDuplicateKeyError(err) != duplicate || !duplicate && err != nil {
			t.Errorf("insertion %d gives %v", i, err)
		}
	}
	if n, err := own.Wait(ctx); n != 7 || err != failed {
		t.Errorf("an operation without a command gives %d, %v", n, err)
	}
	n, err := coll.CountDocuments(ctx, bson.D{})
	check(t, err)
	if n != 4 {
		t.Errorf("%d documents, want 4", n)
	}
	check(t, request.Err())
	wantOneSocket(t, c, request)
}

// TestPipelinedOperationsOfManyCommands: what follows the first command of an operation is sent at once.
func TestPipelinedOperationsOfManyCommands(t *testing.T) {
	s := servertest.StartWithTransactions(t)
	c := s.Connect(t, nil, monorail.Options().SetFlushInterval(0))
	coll := c.Database(s.Database(t)).Collection("c")
	ctx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	var documents []any
	for i := range 100 {
		documents = append(documents, bson.D{{Key: "_id", Value: i}})
	}
	_, err := coll.InsertMany(ctx, documents)
	check(t, err)
	read := func(ctx context.Context) (int, error) {
		cursor, err := coll.Find(ctx, bson.D{}, options.Find().SetBatchSize(7))
		if err != nil {
			return 0, err
		}
		var all []bson.D
		err = cursor.All(ctx, &all)
		return len(all), err
	}
	transact := func(id any) func(ctx context.Context) (int, error) {
		return func(ctx context.Context) (int, error) {
			return 2, inTransaction(ctx, c.Client.Client, func(ctx context.Context) error {
				if _, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: id}}); err != nil {
					return err
				}
				_, err := coll.UpdateOne(ctx, bson.D{{Key: "_id", Value: id}}, inc)
				return err
			})
		}
	}
	bulk := func(ctx context.Context) (int, error) {
		var models []mongo.WriteModel
		for i := range 10 {
			filter := bson.D{{Key: "_id", Value: i}}
			models = append(models, mongo.NewUpdateOneModel().SetFilter(filter).SetUpdate(inc),
				mongo.NewInsertOneModel().SetDocument(bson.D{{Key: "n", Value: i}}), mongo.NewDeleteOneModel().SetFilter(bson.D{{Key: "n", Value: i}}))
		}
		result, err := coll.BulkWrite(ctx, models)
		if err != nil {
			return 0, err
		}
		return int(result.ModifiedCount), nil
	}
	cursors := []*monorail.Future[int]{monorail.Go(ctx, read), monorail.Go(ctx, read), monorail.Go(ctx, read)}
	for _, f := range cursors {
		n, err := f.Wait(ctx)
		check(t, err)
		if n != 100 {
			t.Errorf("a cursor reads %d documents, want 100", n)
		}
	}
	bulks := monorail.Go(ctx, bulk)
	first, second := monorail.Go(ctx, transact("a")), monorail.Go(ctx, transact("b"))
	for i, f := range []*monorail.Future[int]{bulks, first, second} {
		n, err := f.Wait(ctx)
		check(t, err)
		if want := []int{10, 2, 2}[i]; n != want {
			t.Errorf("operation %d gives %d, want %d", i, n, want)
		}
	}
	// Nobody waits for these: what follows the first command leaves by itself.
	done := make(chan error, 1) // the operation sends once
	monorail.Go(ctx, func(ctx context.Context) (any, error) {
		_, err := coll.InsertOne(ctx, bson.D{})
		if err == nil {
			err = coll.FindOne(ctx, bson.D{}).Err()
		}
		done <- err
		return nil, err
	})
	check(t, request.Flush(ctx))
	check(t, <-done)
	n, err := coll.CountDocuments(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: bson.A{"a", "b"}}}}, {Key: "n", Value: 1}})
	check(t, err)
	if n != 2 {
		t.Errorf("%d of 2 transactions have written", n)
	}
	wantOneSocket(t, c, request)
}

// TestUnacknowledgedInsideGo: an operation's unacknowledged writes are in their place, and Go waits for the
// acknowledged command behind them, or for the end of an operation that has none.
func TestUnacknowledgedInsideGo(t *testing.T) {
	s := servertest.Start(t)
	dialer := &servertest.Dialer{}
	c := s.Connect(t, quiet(dialer), monorail.Options().SetFlushInterval(0))
	coll := c.Database(s.Database(t)).Collection("c")
	plain := coll.Database().Collection("c", options.Collection().SetWriteConcern(writeconcern.Unacknowledged()))
	ctx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	check(t, c.Ping(ctx, nil))
	before := dialer.Writes.Load()
	count := func(ctx context.Context) (int64, error) { return coll.CountDocuments(ctx, bson.D{}) }
	writes := monorail.Go(ctx, func(ctx context.Context) (int64, error) {
		err := c.Unacknowledged(coll).InsertOne(ctx, bson.D{})
		return 0, err
	})
	if n := request.Info().Unconfirmed; n != 1 {
		t.Errorf("Go has returned with %d writes issued, want 1", n)
	}
	counts := []*monorail.Future[int64]{monorail.Go(ctx, count)}
	counts = append(counts, monorail.Go(ctx, func(ctx context.Context) (int64, error) {
		if err := c.Unacknowledged(coll).InsertOne(ctx, bson.D{}); err != nil {
			return 0, err
		}
		if _, err := plain.InsertOne(ctx, bson.D{}); err != nil {
			return 0, err
		}
		return count(ctx)
	}))
	check(t, c.Unacknowledged(coll).InsertOne(ctx, bson.D{}))
	counts = append(counts, monorail.Go(ctx, count))
	if info := request.Info(); info.Unconfirmed != 4 || info.InFlight != 3 {
		t.Errorf("%d writes and %d commands issued, want 4 and 3", info.Unconfirmed, info.InFlight)
	}
	for i, f := range counts {
		n, err := f.Wait(ctx)
		check(t, err)
		if want := []int64{1, 3, 4}[i]; n != want {
			t.Errorf("count %d gives %d, want %d", i, n, want)
		}
	}
	_, err := writes.Wait(ctx)
	check(t, err)
	if n := dialer.Writes.Load() - before; n != 1 {
		t.Errorf("%d write calls, want 1", n)
	}
	if n := request.Info().Unconfirmed; n != 0 {
		t.Errorf("%d writes are unconfirmed behind a reply", n)
	}
	// A Barrier inside is a round trip, as it is outside: an operation has it for what it says.
	barrier := monorail.Go(ctx, func(ctx context.Context) (any, error) {
		if err := c.Unacknowledged(coll).InsertOne(ctx, bson.D{}); err != nil {
			return nil, err
		}
		return nil, request.Barrier(ctx)
	})
	if info := request.Info(); info.Unconfirmed != 0 || info.InFlight != 0 {
		t.Errorf("%d writes unconfirmed, %d commands in flight behind a Barrier", info.Unconfirmed, info.InFlight)
	}
	_, err = barrier.Wait(ctx)
	check(t, err)
}
