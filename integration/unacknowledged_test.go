package integration

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// writer is what the lane and the driver's collection have in common: the nine methods, with
// nothing but an error as the result.
type writer interface {
	InsertOne(ctx context.Context, document any, opts ...options.Lister[options.InsertOneOptions]) error
	InsertMany(ctx context.Context, documents any, opts ...options.Lister[options.InsertManyOptions]) error
	UpdateOne(ctx context.Context, filter, update any, opts ...options.Lister[options.UpdateOneOptions]) error
	UpdateByID(ctx context.Context, id, update any, opts ...options.Lister[options.UpdateOneOptions]) error
	UpdateMany(ctx context.Context, filter, update any, opts ...options.Lister[options.UpdateManyOptions]) error
	ReplaceOne(ctx context.Context, filter, replacement any, opts ...options.Lister[options.ReplaceOptions]) error
	DeleteOne(ctx context.Context, filter any, opts ...options.Lister[options.DeleteOneOptions]) error
	DeleteMany(ctx context.Context, filter any, opts ...options.Lister[options.DeleteManyOptions]) error
	BulkWrite(ctx context.Context, models []mongo.WriteModel, opts ...options.Lister[options.BulkWriteOptions]) error
}

var (
	_ writer = (*monorail.UnacknowledgedCollection)(nil)
	_ writer = plainWriter{}
)

// plainWriter is the driver's collection.
type plainWriter struct{ *mongo.Collection }

func (w plainWriter) InsertOne(ctx context.Context, document any, opts ...options.Lister[options.InsertOneOptions]) error {
	_, err := w.Collection.InsertOne(ctx, document, opts...)
	return err
}

func (w plainWriter) InsertMany(ctx context.Context, documents any, opts ...options.Lister[options.InsertManyOptions]) error {
	_, err := w.Collection.InsertMany(ctx, documents, opts...)
	return err
}

func (w plainWriter) UpdateOne(ctx context.Context, filter, update any, opts ...options.Lister[options.UpdateOneOptions]) error {
	_, err := w.Collection.UpdateOne(ctx, filter, update, opts...)
	return err
}

func (w plainWriter) UpdateByID(ctx context.Context, id, update any, opts ...options.Lister[options.UpdateOneOptions]) error {
	_, err := w.Collection.UpdateByID(ctx, id, update, opts...)
	return err
}

func (w plainWriter) UpdateMany(ctx context.Context, filter, update any, opts ...options.Lister[options.UpdateManyOptions]) error {
	_, err := w.Collection.UpdateMany(ctx, filter, update, opts...)
	return err
}

func (w plainWriter) ReplaceOne(ctx context.Context, filter, replacement any, opts ...options.Lister[options.ReplaceOptions]) error {
	_, err := w.Collection.ReplaceOne(ctx, filter, replacement, opts...)
	return err
}

func (w plainWriter) DeleteOne(ctx context.Context, filter any, opts ...options.Lister[options.DeleteOneOptions]) error {
	_, err := w.Collection.DeleteOne(ctx, filter, opts...)
	return err
}

func (w plainWriter) DeleteMany(ctx context.Context, filter any, opts ...options.Lister[options.DeleteManyOptions]) error {
	_, err := w.Collection.DeleteMany(ctx, filter, opts...)
	return err
}

func (w plainWriter) BulkWrite(ctx context.Context, models []mongo.WriteModel, opts ...options.Lister[options.BulkWriteOptions]) error {
	_, err := w.Collection.BulkWrite(ctx, models, opts...)
	return err
}

// unacknowledgedCalls are calls of every method, with every option, good and bad.
var unacknowledgedCalls = []struct {
	name string
	call func(ctx context.Context, w writer) error
}{
	{"InsertOne", func(ctx context.Context, w writer) error {
		return w.InsertOne(ctx, bson.D{{Key: "_id", Value: 1}, {Key: "n", Value: 1}})
	}},
	{"InsertOne, options", func(ctx context.Context, w writer) error {
		return w.InsertOne(ctx, bson.M{"n": 2}, options.InsertOne().SetComment("c").SetBypassDocumentValidation(true), nil)
	}},
	{"InsertOne, comment null", func(ctx context.Context, w writer) error {
		return w.InsertOne(ctx, bson.M{"n": 2}, options.InsertOne().SetComment(nil))
	}},
	{"InsertOne, duplicate key", func(ctx context.Context, w writer) error { return w.InsertOne(ctx, bson.M{"_id": 1}) }},
	{"InsertOne, nil", func(ctx context.Context, w writer) error { return w.InsertOne(ctx, nil) }},
	{"InsertOne, no document", func(ctx context.Context, w writer) error { return w.InsertOne(ctx, 7) }},
	{"InsertOne, not encodable", func(ctx context.Context, w writer) error { return w.InsertOne(ctx, bson.M{"a": make(chan int)}) }},
	{"InsertMany", func(ctx context.Context, w writer) error {
		return w.InsertMany(ctx, []bson.D{{{Key: "_id", Value: 2}, {Key: "n", Value: 2}}, {{Key: "_id", Value: 3}, {Key: "n", Value: 3}}, {{Key: "n", Value: 4}}})
	}},
	{"InsertMany, options", func(ctx context.Context, w writer) error {
		return w.InsertMany(ctx, []any{bson.M{"_id": 2}, bson.D{{Key: "_id", Value: 4}, {Key: "n", Value: 4}}},
			options.InsertMany().SetOrdered(false).SetComment(bson.M{"c": 1}).SetBypassDocumentValidation(false))
	}},
	{"InsertMany, no slice", func(ctx context.Context, w writer) error { return w.InsertMany(ctx, bson.M{}) }},
	{"InsertMany, nil", func(ctx context.Context, w writer) error { return w.InsertMany(ctx, nil) }},
	{"InsertMany, empty", func(ctx context.Context, w writer) error { return w.InsertMany(ctx, []any{}) }},
	{"InsertMany, nil document", func(ctx context.Context, w writer) error { return w.InsertMany(ctx, []any{bson.D{}, nil}) }},
	{"UpdateOne", func(ctx context.Context, w writer) error {
		return w.UpdateOne(ctx, bson.M{"_id": 1}, bson.M{"$inc": bson.M{"n": 10}})
	}},
	{"UpdateOne, options", func(ctx context.Context, w writer) error {
		return w.UpdateOne(ctx, bson.M{"_id": 10}, bson.M{"$set": bson.M{"list": bson.A{1, 2, 3}}}, options.UpdateOne().
			SetUpsert(true).SetComment("c").SetBypassDocumentValidation(true))
	}},
	{"UpdateOne, array filters", func(ctx context.Context, w writer) error {
		return w.UpdateOne(ctx, bson.M{"_id": 10}, bson.M{"$set": bson.M{"list.$[x]": 9}}, options.UpdateOne().
			SetArrayFilters([]any{bson.M{"x": bson.M{"$gt": 1}}}))
	}},
	{"UpdateOne, later option wins", func(ctx context.Context, w writer) error {
		return w.UpdateOne(ctx, bson.M{"_id": 11}, bson.M{"$inc": bson.M{"n": 1}}, options.UpdateOne().SetUpsert(true), options.UpdateOne().SetUpsert(false))
	}},
	{"UpdateOne, hint", func(ctx context.Context, w writer) error {
		return w.UpdateOne(ctx, bson.M{}, bson.M{"$inc": bson.M{"n": 1}}, options.UpdateOne().SetHint("_id_"))
	}},
	{"UpdateOne, sort of a map", func(ctx context.Context, w writer) error {
		return w.UpdateOne(ctx, bson.M{}, bson.M{"$inc": bson.M{"n": 1}}, options.UpdateOne().SetSort(bson.M{"a": 1, "b": 1}))
	}},
	{"UpdateOne, no operators", func(ctx context.Context, w writer) error { return w.UpdateOne(ctx, bson.M{}, bson.M{"n": 1}) }},
	{"UpdateOne, nil filter", func(ctx context.Context, w writer) error {
		return w.UpdateOne(ctx, nil, bson.M{"$inc": bson.M{"n": 1}})
	}},
	{"UpdateOne, nil update", func(ctx context.Context, w writer) error { return w.UpdateOne(ctx, bson.M{}, nil) }},
	{"UpdateOne, empty update", func(ctx context.Context, w writer) error { return w.UpdateOne(ctx, bson.M{}, bson.M{}) }},
	{"UpdateByID", func(ctx context.Context, w writer) error {
		return w.UpdateByID(ctx, 2, bson.M{"$set": bson.M{"by": "id"}})
	}},
	{"UpdateByID, nil", func(ctx context.Context, w writer) error {
		return w.UpdateByID(ctx, nil, bson.M{"$set": bson.M{"by": "id"}})
	}},
	{"UpdateMany", func(ctx context.Context, w writer) error {
		return w.UpdateMany(ctx, bson.M{"n": bson.M{"$gt": 1}}, bson.D{{Key: "$set", Value: bson.M{"many": true}}}, options.UpdateMany().SetComment(1))
	}},
	{"UpdateMany, upsert", func(ctx context.Context, w writer) error {
		return w.UpdateMany(ctx, bson.M{"_id": 20}, bson.M{"$set": bson.M{"many": 1}}, options.UpdateMany().SetUpsert(true).SetBypassDocumentValidation(true))
	}},
	{"UpdateMany, bad operator", func(ctx context.Context, w writer) error {
		return w.UpdateMany(ctx, bson.M{"_id": 20}, bson.M{"$nonsense": bson.M{"many": 1}})
	}},
	{"ReplaceOne", func(ctx context.Context, w writer) error {
		return w.ReplaceOne(ctx, bson.M{"_id": 3}, bson.M{"replaced": true})
	}},
	{"ReplaceOne, upsert", func(ctx context.Context, w writer) error {
		return w.ReplaceOne(ctx, bson.M{"_id": 30}, bson.D{{Key: "replaced", Value: 1}}, options.Replace().SetUpsert(true).SetComment("c").SetBypassDocumentValidation(true))
	}},
	{"ReplaceOne, operators", func(ctx context.Context, w writer) error {
		return w.ReplaceOne(ctx, bson.M{"_id": 3}, bson.M{"$set": bson.M{"a": 1}})
	}},
	{"ReplaceOne, nil", func(ctx context.Context, w writer) error { return w.ReplaceOne(ctx, bson.M{"_id": 3}, nil) }},
	{"DeleteOne", func(ctx context.Context, w writer) error {
		return w.DeleteOne(ctx, bson.M{"_id": 4}, options.DeleteOne().SetComment("c"))
	}},
	{"DeleteOne, nil", func(ctx context.Context, w writer) error { return w.DeleteOne(ctx, nil) }},
	{"DeleteOne, hint", func(ctx context.Context, w writer) error {
		return w.DeleteOne(ctx, bson.M{"_id": 4}, options.DeleteOne().SetHint(bson.M{"_id": 1}))
	}},
	{"DeleteMany", func(ctx context.Context, w writer) error {
		return w.DeleteMany(ctx, bson.M{"_id": bson.M{"$in": bson.A{20, 30}}})
	}},
	{"BulkWrite", func(ctx context.Context, w writer) error {
		return w.BulkWrite(ctx, []mongo.WriteModel{
			mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 40}),
			mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 41}),
			mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": 40}).SetUpdate(bson.M{"$set": bson.M{"a": 1}}),
			mongo.NewReplaceOneModel().SetFilter(bson.M{"_id": 41}).SetReplacement(bson.M{"b": 1}),
			mongo.NewUpdateManyModel().SetFilter(bson.M{"_id": bson.M{"$gte": 40}}).SetUpdate(bson.M{"$inc": bson.M{"c": 1}}),
			mongo.NewDeleteOneModel().SetFilter(bson.M{"_id": 2}),
			mongo.NewDeleteManyModel().SetFilter(bson.M{"list": 9}),
		}, options.BulkWrite().SetComment("bulk").SetBypassDocumentValidation(true))
	}},
	{"BulkWrite, unordered", func(ctx context.Context, w writer) error {
		return w.BulkWrite(ctx, []mongo.WriteModel{
			mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": 50}).SetUpdate(bson.M{"$set": bson.M{"a": 1}}).SetUpsert(true),
			mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 40}),
			mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": 50}).SetUpdate(bson.M{"$inc": bson.M{"a": 1}}),
			mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 51}),
		}, options.BulkWrite().SetOrdered(false))
	}},
	{"BulkWrite, bad in the middle", func(ctx context.Context, w writer) error {
		return w.BulkWrite(ctx, []mongo.WriteModel{
			mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 60}),
			mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": 60}).SetUpdate(bson.M{"a": 1}),
			mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 61}),
		})
	}},
	{"BulkWrite, empty", func(ctx context.Context, w writer) error { return w.BulkWrite(ctx, nil) }},
	{"BulkWrite, nil model", func(ctx context.Context, w writer) error { return w.BulkWrite(ctx, []mongo.WriteModel{nil}) }},
}

// TestUnacknowledgedIsTheDrivers runs every call through the lane in a request and through the plain
// driver with write concern {w: 0}, and compares errors, command events, and what is in the
// collection at the end.
func TestUnacknowledgedIsTheDrivers(t *testing.T) {
	for _, test := range []struct {
		name    string
		request bool
	}{{"in a request", true}, {"outside", false}} {
		t.Run(test.name, func(t *testing.T) {
			s := servertest.Start(t)
			c := s.Connect(t, nil)
			plainCommands := &servertest.Commands{}
			// One connection keeps the order of the driver's own unacknowledged writes.
			one := options.Client().SetMonitor(plainCommands.Monitor()).SetMaxPoolSize(1)
			plainColl := s.ConnectPlain(t, one).Database(s.Database(t)).Collection("c", unacknowledged)
			database := s.Database(t)
			ctx := servertest.Context(t)
			lane := writer(c.Unacknowledged(c.Database(database).Collection("c")))
			requestCtx, requests := ctx, func() {}
			if test.request {
				var request *monorail.Request
				requestCtx, request = c.StartRequest(ctx)
				requests = func() { check(t, request.End()) }
			}
			for _, call := range unacknowledgedCalls {
				c.Commands.Reset()
				plainCommands.Reset()
				want, got := call.call(ctx, plainWriter{plainColl}), call.call(requestCtx, lane)
				compareErrors(t, call.name, got, want)
				wantEvents, gotEvents := eventsOf(t, plainCommands), eventsOf(t, c.Commands)
				if !reflect.DeepEqual(gotEvents, wantEvents) {
					t.Errorf("%s: events\n%s\ndriver:\n%s", call.name, strings.Join(gotEvents, "\n"), strings.Join(wantEvents, "\n"))
				}
				if !test.request {
					// Unacknowledged writes of a pool have no order; each has to be done before the next.
					check(t, c.Database("admin").RunCommand(ctx, bson.D{{Key: "ping", Value: 1}}).Err())
				}
			}
			if !test.request {
				requests()
				return
			}
			got := documents(requestCtx, t, c.Database(database).Collection("c"))
			want := documents(ctx, t, plainColl)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("documents\n%v\ndriver:\n%v", got, want)
			}
			requests()
		})
	}
}

// compareErrors checks that two errors say the same and are of the same types.
func compareErrors(t *testing.T, name string, got, want error) {
	t.Helper()
	if (got == nil) != (want == nil) || got != nil && got.Error() != want.Error() {
		t.Errorf("%s: error %v, the driver's is %v", name, got, want)
		return
	}
	for got != nil && want != nil {
		if reflect.TypeOf(got) != reflect.TypeOf(want) {
			t.Errorf("%s: an error of type %T, the driver's is %T", name, got, want)
		}
		got, want = errors.Unwrap(got), errors.Unwrap(want)
	}
}

// eventsOf describes the events of commands, without what differs from one call to the next.
func eventsOf(t *testing.T, commands *servertest.Commands) []string {
	t.Helper()
	var list []string
	names := map[int64]*event.CommandStartedEvent{}
	for _, e := range commands.Started() {
		names[e.RequestID] = e
		var command bson.D
		check(t, bson.Unmarshal(e.Command, &command))
		list = append(list, fmt.Sprintf("started %s: %v, connection %t %t", e.CommandName, hideIDs(command), e.ConnectionID != "", e.ServerConnectionID != nil))
	}
	for _, e := range commands.Succeeded() {
		started := names[e.RequestID]
		if started == nil || started.ConnectionID != e.ConnectionID || started.DatabaseName != e.DatabaseName || e.Duration < 0 {
			t.Errorf("a succeeded event that matches no started event: %+v", e)
		}
		list = append(list, fmt.Sprintf("succeeded %s: %v", e.CommandName, e.Reply))
	}
	for _, e := range commands.Failed() {
		list = append(list, fmt.Sprintf("failed %s: %v", e.CommandName, e.Failure))
	}
	return list
}

// hideIDs replaces generated ObjectIDs, the name of the database and the time that is left, and drops
// the cluster time.
func hideIDs(value any) any {
	switch v := value.(type) {
	case bson.D:
		var kept bson.D
		for _, element := range v {
			switch element.Key {
			case "$clusterTime":
			case "$db", "maxTimeMS": // what is left of the context's time is another for every call
				kept = append(kept, bson.E{Key: element.Key, Value: "…"})
			default:
				kept = append(kept, bson.E{Key: element.Key, Value: hideIDs(element.Value)})
			}
		}
		return kept
	case bson.A:
		list := make(bson.A, 0, len(v))
		for _, element := range v {
			list = append(list, hideIDs(element))
		}
		return list
	case bson.ObjectID:
		return "generated"
	default:
		return value
	}
}

// documents returns what a collection holds in the order of its integer ids, then those that have a
// generated one.
func documents(ctx context.Context, t *testing.T, coll *mongo.Collection) []any {
	t.Helper()
	cursor, err := coll.Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	check(t, err)
	var found []bson.D
	check(t, cursor.All(ctx, &found))
	if len(found) == 0 {
		t.Fatal("the collection is empty")
	}
	var list []any
	for _, document := range found {
		list = append(list, hideIDs(document))
	}
	return list
}
