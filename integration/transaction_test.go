package integration

import (
	"context"
	"errors"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// inTransaction runs fn in a transaction of a session of its own, as often as the driver does.
func inTransaction(ctx context.Context, client *mongo.Client, fn func(ctx context.Context) error) error {
	return client.UseSession(ctx, func(ctx context.Context) error {
		_, err := mongo.SessionFromContext(ctx).WithTransaction(ctx, func(ctx context.Context) (any, error) { return nil, fn(ctx) })
		return err
	})
}

// wantOneSocket expects that every command since the last Reset went over the socket of the request.
func wantOneSocket(t testing.TB, c *servertest.Client, request *monorail.Request) {
	t.Helper()
	if ids := c.Commands.Connections(); len(ids) != 1 || ids[0] != request.Info().ConnectionID {
		t.Errorf("the commands ran on %v, want on the request's %s alone", ids, request.Info().ConnectionID)
	}
}

func TestTransactionOnTheSocket(t *testing.T) {
	s := servertest.StartWithTransactions(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")
	_, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: 0}})
	check(t, err)
	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	check(t, c.Ping(requestCtx, nil))
	c.Commands.Reset()
	check(t, inTransaction(requestCtx, c.Client.Client, func(ctx context.Context) error {
		if _, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: 1}}); err != nil {
			return err
		}
		return coll.FindOne(ctx, bson.D{{Key: "_id", Value: 1}}).Err()
	}))
	wantOneSocket(t, c, request)
	check(t, coll.FindOne(requestCtx, bson.D{{Key: "_id", Value: 1}}).Err())
}

// TestTransactionBehindUnacknowledgedWrites begins a transaction behind unacknowledged writes that are still held: it
// reads what they wrote, over the same socket. Nobody else writes to the database.
func TestTransactionBehindUnacknowledgedWrites(t *testing.T) {
	const writes = 20
	s := servertest.StartWithTransactions(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")
	_, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: -1}})
	check(t, err)
	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	check(t, c.Ping(requestCtx, nil))
	c.Commands.Reset()
	lane := c.Unacknowledged(coll)
	for i := range writes {
		check(t, lane.InsertOne(requestCtx, bson.D{{Key: "_id", Value: i}}))
	}
	var seen []bson.D
	check(t, inTransaction(requestCtx, c.Client.Client, func(ctx context.Context) error {
		cursor, err := coll.Find(ctx, bson.D{}, options.Find().SetBatchSize(7))
		if err != nil {
			return err
		}
		if err := cursor.All(ctx, &seen); err != nil {
			return err
		}
		_, err = coll.DeleteMany(ctx, bson.D{})
		return err
	}))
	if len(seen) != writes+1 {
		t.Errorf("the transaction has seen %d documents, want the %d that were written before it", len(seen), writes+1)
	}
	for i := range writes {
		check(t, lane.InsertOne(requestCtx, bson.D{{Key: "_id", Value: i}}))
	}
	n, err := coll.CountDocuments(requestCtx, bson.D{})
	check(t, err)
	if n != writes {
		t.Errorf("%d documents after the transaction and the writes behind it, want %d", n, writes)
	}
	wantOneSocket(t, c, request)
}

// TestUnacknowledgedInATransaction writes with w: 0 in a transaction: in a request that is what it is in the plain
// driver, which waits for the reply since a transaction has no unacknowledged writes.
func TestUnacknowledgedInATransaction(t *testing.T) {
	s := servertest.StartWithTransactions(t)
	c, plain := s.Connect(t, nil), s.Connect(t, nil)
	ctx := servertest.Context(t)
	database := s.Database(t)
	check(t, c.Database(database).CreateCollection(ctx, "c"))
	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	check(t, c.Ping(requestCtx, nil))
	unacknowledged := options.Collection().SetWriteConcern(writeconcern.Unacknowledged())
	ways := []struct {
		name   string
		client *servertest.Client
		ctx    context.Context
		insert func(ctx context.Context, id int) error
	}{
		{"the driver's collection", plain, ctx, func(ctx context.Context, id int) error {
			_, err := plain.Database(database).Collection("c", unacknowledged).InsertOne(ctx, bson.D{{Key: "_id", Value: id}})
			return err
		}},
		{"a collection in a request", c, requestCtx, func(ctx context.Context, id int) error {
			_, err := c.Database(database).Collection("c", unacknowledged).InsertOne(ctx, bson.D{{Key: "_id", Value: id}})
			return err
		}},
		{"the lane in a request", c, requestCtx, func(ctx context.Context, id int) error {
			return c.Unacknowledged(c.Database(database).Collection("c")).InsertOne(ctx, bson.D{{Key: "_id", Value: id}})
		}},
	}
	var want []string
	for i, way := range ways {
		way.client.Commands.Reset()
		// Of two equal documents the second is refused, and the write says so.
		err := inTransaction(way.ctx, way.client.Client.Client, func(ctx context.Context) error { return way.insert(ctx, i) })
		refused := inTransaction(way.ctx, way.client.Client.Client, func(ctx context.Context) error { return way.insert(ctx, i) })
		if err != nil || !mongo.IsDuplicateKeyError(refused) {
			t.Errorf("%s: %v, and then %v", way.name, err, refused)
		}
		got := commandsOf(way.client)
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s sends %v, the driver %v", way.name, got, want)
		}
	}
	check(t, request.Err())
	n, err := c.Database(database).Collection("c").CountDocuments(ctx, bson.D{})
	check(t, err)
	if n != int64(len(ways)) {
		t.Errorf("%d documents, want %d", n, len(ways))
	}
}

// commandsOf returns the names of the commands since the last Reset, with their write concerns.
func commandsOf(c *servertest.Client) []string {
	var out []string
	for _, e := range c.Commands.Started() {
		out = append(out, e.CommandName+" "+e.Command.Lookup("writeConcern").String())
	}
	return out
}

// TestTransactionIsRetriedOnTheSocket has a transaction in a request lose against another one: the driver begins it
// again, on the request's socket, and the request is not broken.
func TestTransactionIsRetriedOnTheSocket(t *testing.T) {
	s := servertest.StartWithTransactions(t)
	c, other := s.Connect(t, nil), s.ConnectPlain(t, nil)
	ctx := servertest.Context(t)
	database := s.Database(t)
	coll := c.Database(database).Collection("c")
	_, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: 1}, {Key: "n", Value: 0}})
	check(t, err)
	increment := bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}
	session, err := other.StartSession()
	check(t, err)
	defer session.EndSession(ctx)
	check(t, session.StartTransaction())
	otherCtx := mongo.NewSessionContext(ctx, session)
	_, err = other.Database(database).Collection("c").UpdateByID(otherCtx, 1, increment)
	check(t, err)

	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	check(t, c.Ping(requestCtx, nil))
	c.Commands.Reset()
	attempts := 0
	check(t, inTransaction(requestCtx, c.Client.Client, func(ctx context.Context) error {
		attempts++
		_, err := coll.UpdateByID(ctx, 1, increment)
		var labeled mongo.LabeledError
		if attempts == 1 {
			if !errors.As(err, &labeled) || !labeled.HasErrorLabel("TransientTransactionError") {
				t.Errorf("the transaction that came second got %v", err)
			}
			check(t, session.CommitTransaction(otherCtx))
		}
		return err
	}))
	check(t, request.Err())
	wantOneSocket(t, c, request)
	var d struct{ N int }
	check(t, coll.FindOne(requestCtx, bson.D{}).Decode(&d))
	if attempts < 2 || d.N != 2 {
		t.Errorf("%d attempts, and n is %d, want 2", attempts, d.N)
	}
}
