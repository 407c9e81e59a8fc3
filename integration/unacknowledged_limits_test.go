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
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// TestUnacknowledgedTooLarge checks that a document over the server's limit is refused, where the
// server would drop it in silence, and that the request goes on.
func TestUnacknowledgedTooLarge(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	ctx, request := c.StartRequest(servertest.Context(t))
	coll := c.Database(s.Database(t)).Collection("c")
	lane := c.Unacknowledged(coll)
	const limit = 16 << 20 // every server's maxBsonObjectSize
	large := bson.D{{Key: "_id", Value: 1}, {Key: "a", Value: make([]byte, limit)}}
	for name, err := range map[string]error{
		"InsertOne":  lane.InsertOne(ctx, large),
		"InsertMany": lane.InsertMany(ctx, []any{bson.D{{Key: "_id", Value: 2}}, large}),
		"UpdateOne":  lane.UpdateOne(ctx, bson.D{}, bson.D{{Key: "$set", Value: bson.D{{Key: "a", Value: make([]byte, limit+32<<10)}}}}),
		"BulkWrite":  lane.BulkWrite(ctx, []mongo.WriteModel{mongo.NewInsertOneModel().SetDocument(large)}),
	} {
		if !errors.Is(err, driver.ErrDocumentTooLarge) || !strings.Contains(err.Error(), "exceeds the server's limit of 16") {
			t.Errorf("%s: %v", name, err)
		}
	}
	check(t, lane.InsertOne(ctx, bson.D{{Key: "_id", Value: 3}}))
	n, err := coll.CountDocuments(ctx, bson.D{})
	check(t, err)
	if n != 1 {
		t.Errorf("%d documents, want only the one that fits", n)
	}
	check(t, request.End())
}

// TestUnacknowledgedInItsPlace checks that reads of the request see the lane's writes, that each
// statement counts as unconfirmed until then, and that no write costs a round trip or a checkout.
func TestUnacknowledgedInItsPlace(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	coll := c.Database(s.Database(t)).Collection("c")
	ctx, request := c.StartRequest(servertest.Context(t))
	lane := c.Unacknowledged(coll)
	yes := options.UpdateOne().SetUpsert(true)
	for i := range 50 {
		for range 10 {
			check(t, lane.UpdateOne(ctx, bson.D{{Key: "_id", Value: 1}}, bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}, yes))
		}
		check(t, lane.InsertMany(ctx, []any{bson.D{{Key: "round", Value: i}}, bson.D{{Key: "round", Value: i}}}))
		if n := request.Info().Unconfirmed; n != 12 {
			t.Fatalf("round %d: %d statements unconfirmed, want 12", i, n)
		}
		var counter struct{ N int }
		check(t, coll.FindOne(ctx, bson.D{{Key: "_id", Value: 1}}).Decode(&counter))
		if counter.N != (i+1)*10 {
			t.Fatalf("round %d: read %d, want %d", i, counter.N, (i+1)*10)
		}
		if n := request.Info().Unconfirmed; n != 0 {
			t.Fatalf("round %d: %d statements unconfirmed after a read", i, n)
		}
	}
	if n := c.Pool.CheckOuts(); n != 1 {
		t.Errorf("%d connections checked out, want 1", n)
	}
	check(t, request.End())
}

// TestUnacknowledgedBelongsToTheDriver checks the calls that the lane leaves to the driver inside a
// request: they are as ordered as the others.
func TestUnacknowledgedBelongsToTheDriver(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	coll := c.Database(s.Database(t)).Collection("c")
	ctx, request := c.StartRequest(servertest.Context(t))
	lane := c.Unacknowledged(coll)
	session, err := c.StartSession()
	check(t, err)
	sessionCtx := mongo.NewSessionContext(ctx, session)
	defer session.EndSession(context.WithoutCancel(ctx))
	for i := range 10 {
		check(t, lane.UpdateByID(ctx, "x", bson.D{{Key: "$push", Value: bson.D{{Key: "list", Value: 2 * i}}}}, options.UpdateOne().SetUpsert(true)))
		check(t, lane.UpdateByID(sessionCtx, "x", bson.D{{Key: "$push", Value: bson.D{{Key: "list", Value: 2*i + 1}}}}))
	}
	var found struct{ List []int }
	check(t, coll.FindOne(ctx, bson.D{{Key: "_id", Value: "x"}}).Decode(&found))
	for i, n := range found.List {
		if i != n {
			t.Fatalf("order %v", found.List)
		}
	}
	if len(found.List) != 20 {
		t.Errorf("%d of 20 writes", len(found.List))
	}
	check(t, request.End())
}

// TestUnacknowledgedContexts checks what contexts that have ended, or are about to, give.
func TestUnacknowledgedContexts(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	coll := c.Database(s.Database(t)).Collection("c")
	lane := c.Unacknowledged(coll)
	ctx, request := c.StartRequest(servertest.Context(t))
	check(t, lane.InsertOne(ctx, bson.D{{Key: "_id", Value: 1}}))

	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := lane.InsertOne(cancelled, bson.D{{Key: "_id", Value: 2}}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context: %v", err)
	}
	late, cancel := context.WithDeadline(ctx, time.Now().Add(-time.Second))
	defer cancel()
	if err := lane.InsertOne(late, bson.D{{Key: "_id", Value: 3}}); !mongo.IsTimeout(err) {
		t.Errorf("a deadline that has passed: %v", err)
	}
	c.Commands.Reset()
	check(t, lane.InsertOne(ctx, bson.D{{Key: "_id", Value: 4}}))
	if limit := c.Commands.Started()[0].Command.Lookup("maxTimeMS").Int64(); limit <= 0 || limit > servertest.Timeout.Milliseconds() {
		t.Errorf("maxTimeMS %d for a deadline in at most %v", limit, servertest.Timeout)
	}
	n, err := coll.CountDocuments(ctx, bson.D{})
	check(t, err)
	if n != 2 {
		t.Errorf("%d documents, want 2", n)
	}
	check(t, request.End())
	if err := lane.InsertOne(ctx, bson.D{}); !errors.Is(err, monorail.ErrRequestEnded) {
		t.Errorf("an ended request: %v", err)
	}
	if err := c.Unacknowledged(nil).InsertOne(ctx, bson.D{}); err == nil || !strings.Contains(err.Error(), "nil") {
		t.Errorf("a nil collection: %v", err)
	}
	foreign := s.ConnectPlain(t, nil).Database("d").Collection("c")
	if err := c.Unacknowledged(foreign).DeleteMany(ctx, bson.D{}); err == nil || !strings.Contains(err.Error(), "another client") {
		t.Errorf("a collection of another client: %v", err)
	}
}
