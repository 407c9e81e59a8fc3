package differential

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"pgregory.net/rapid"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// laneCall is one random call in a request; its numbers choose documents and options.
type laneCall struct {
	kind             string
	id, value        int
	flag, other, say bool // other collection; with a comment
}

func (c laneCall) String() string {
	return fmt.Sprintf("%s(%d, %d, %t, %t, %t)", c.kind, c.id, c.value, c.flag, c.other, c.say)
}

// laneCalls are weighed by how often they are there.
var laneCalls = []string{
	"insert", "insert", "insert", "insertMany", "increment", "increment", "increment", "badOperator", "conflict", "malformed", "malformedUpdate",
	"updateMany", "pipeline", "badStage", "arrayFilters", "badArrayFilters", "sorted", "replace", "delete", "deleteMany",
	"bulk", "refused", "plain", "read", "flush", "index",
}

// unparsable is {_id: 1, d: {…}} whose inner document has an element of no type: the lane and the driver do
// not look into it, and no server can parse it.
var unparsable = bson.Raw("\x1b\x00\x00\x00" + "\x10_id\x00\x01\x00\x00\x00" + "\x03d\x00" + "\x0a\x00\x00\x00\x55x\x00\x01\x00\x00" + "\x00")

func (c laneCall) run(ctx context.Context, db *mongo.Database, client *monorail.Client) error {
	coll := db.Collection("c")
	if c.other {
		coll = db.Collection("other")
	}
	u := client.Unacknowledged(coll)
	filter := bson.D{{Key: "_id", Value: c.id}}
	document := bson.D{{Key: "_id", Value: c.id}, {Key: "n", Value: c.value}, {Key: "u", Value: c.value % 7}, {Key: "a", Value: bson.A{1, 2}}}
	var comment any
	if c.say {
		comment = "why"
	}
	update := options.UpdateOne().SetComment(comment)
	switch c.kind {
	case "insert":
		return u.InsertOne(ctx, document, options.InsertOne().SetComment(comment))
	case "insertMany":
		return u.InsertMany(ctx, []any{document, document, bson.D{{Key: "_id", Value: c.value}}}, options.InsertMany().SetOrdered(c.flag))
	case "increment":
		return u.UpdateOne(ctx, filter, inc, update.SetUpsert(c.flag))
	case "badOperator":
		return u.UpdateOne(ctx, filter, bson.D{{Key: "$nonsense", Value: bson.D{{Key: "n", Value: 1}}}}, update)
	case "conflict":
		return u.UpdateOne(ctx, filter, bson.D{{Key: "$set", Value: bson.D{{Key: "n", Value: 1}}}, {Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}, update)
	case "malformed":
		return u.InsertOne(ctx, unparsable)
	case "malformedUpdate":
		return u.UpdateOne(ctx, filter, bson.D{{Key: "$set", Value: bson.D{{Key: "x", Value: unparsable}}}}, update)
	case "updateMany":
		return u.UpdateMany(ctx, bson.D{{Key: "n", Value: bson.D{{Key: "$lt", Value: c.value}}}}, inc, options.UpdateMany().SetComment(comment))
	case "pipeline":
		return u.UpdateOne(ctx, filter, mongo.Pipeline{{{Key: "$set", Value: bson.D{{Key: "p", Value: c.value}}}}}, update)
	case "badStage":
		return u.UpdateOne(ctx, filter, mongo.Pipeline{{{Key: "$nonsense", Value: bson.D{}}}}, update)
	case "arrayFilters":
		return u.UpdateOne(ctx, filter, bson.D{{Key: "$set", Value: bson.D{{Key: "a.$[x]", Value: c.value}}}}, update.SetArrayFilters([]any{bson.D{{Key: "x", Value: 1}}}))
	case "badArrayFilters":
		return u.UpdateOne(ctx, filter, bson.D{{Key: "$set", Value: bson.D{{Key: "a.$[x]", Value: c.value}}}}, update.SetArrayFilters([]any{c.value}))
	case "sorted":
		return u.UpdateOne(ctx, bson.D{}, inc, update.SetSort(bson.D{{Key: "_id", Value: 1}}))
	case "replace":
		return u.ReplaceOne(ctx, filter, document, options.Replace().SetUpsert(c.flag).SetComment(comment))
	case "delete":
		return u.DeleteOne(ctx, filter, options.DeleteOne().SetComment(comment))
	case "deleteMany":
		return u.DeleteMany(ctx, bson.D{{Key: "u", Value: c.id}}, options.DeleteMany().SetComment(comment))
	case "bulk":
		return u.BulkWrite(ctx, operation{id: c.id, value: c.value}.models(filter, document), options.BulkWrite().SetOrdered(c.flag))
	case "refused":
		return u.UpdateOne(ctx, filter, document)
	case "plain":
		_, err := coll.Clone(options.Collection().SetWriteConcern(writeconcern.Unacknowledged())).UpdateOne(ctx, filter, inc)
		return err
	case "flush":
		return client.Request(ctx).Flush(ctx)
	case "index":
		_, err := coll.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: bson.D{{Key: "u", Value: 1}}, Options: options.Index().SetUnique(true)})
		if err != nil {
			err = fmt.Errorf("no index: %T", err) // the text has the database's name
		}
		return err
	default:
		panic(c.kind)
	}
}

// perform runs calls in a request, and returns what each gave, with the number of unconfirmed
// statements, and the statements that the command monitor was told, in their order.
func perform(t *rapid.T, client *servertest.Client, calls []laneCall, name string) (results, told []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*servertest.Timeout)
	defer cancel()
	db := client.Database(name)
	client.Commands.Reset()
	ctx, request := client.StartRequest(ctx)
	defer request.End()
	for _, c := range calls {
		var result string
		if c.kind == "read" {
			cursor, err := db.Collection("c").Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
			result = all(ctx, cursor, err)
		} else {
			result = fmt.Sprint(c.run(ctx, db, client.Client))
		}
		results = append(results, fmt.Sprintf("%s, %d unconfirmed", result, request.Info().Unconfirmed))
	}
	if err := request.Barrier(ctx); err != nil {
		t.Fatal(err)
	}
	if err := request.End(); err != nil {
		t.Fatal(err)
	}
	return results, statements(t, client.Commands)
}

// statements lists what a command monitor was told of as started, statement by statement. Each command
// has to have one end.
func statements(t *rapid.T, commands *servertest.Commands) (told []string) {
	ended := map[int64]int{}
	for _, e := range commands.Succeeded() {
		ended[e.RequestID]++
	}
	for _, e := range commands.Failed() {
		ended[e.RequestID]++
	}
	for _, e := range commands.Started() {
		if ended[e.RequestID] != 1 {
			t.Fatalf("%s %d has %d ends", e.CommandName, e.RequestID, ended[e.RequestID])
		}
		delete(ended, e.RequestID)
		array, err := e.Command.LookupErr(map[string]string{"insert": "documents", "update": "updates", "delete": "deletes"}[e.CommandName])
		if err != nil {
			told = append(told, e.CommandName)
			continue
		}
		coll, comment := e.Command.Lookup(e.CommandName), e.Command.Lookup("comment")
		elements, err := array.Array().Values()
		if err != nil {
			t.Fatal(err)
		}
		for _, element := range elements {
			told = append(told, fmt.Sprintf("%s %s %s %x", e.CommandName, coll, comment, element.Value))
		}
	}
	if len(ended) > 0 {
		t.Fatalf("%d commands ended that have not started", len(ended))
	}
	return told
}

// TestMergedSameAsSeparate runs the same random calls of the lane with and without merging: the same
// errors, reads, counts and documents, whatever the statements do to each other.
func TestMergedSameAsSeparate(t *testing.T) {
	s := servertest.Start(t)
	control := s.ConnectPlain(t, nil)
	base := s.Database(t)
	separate := s.Connect(t, nil, monorail.Options().SetFlushInterval(0))
	merged := s.Connect(t, nil, monorail.Options().SetFlushInterval(0).SetMergeWrites(true))
	serial, fewer := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		calls := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) laneCall {
			return laneCall{
				kind:  rapid.SampledFrom(laneCalls).Draw(t, "kind"),
				id:    rapid.IntRange(0, 7).Draw(t, "id"),
				value: rapid.IntRange(0, 30).Draw(t, "value"),
				flag:  rapid.Bool().Draw(t, "flag"),
				other: rapid.IntRange(0, 9).Draw(t, "other") == 9,
				say:   rapid.IntRange(0, 9).Draw(t, "say") == 9,
			}
		}), 20, 60).Draw(t, "calls")
		serial++
		name := fmt.Sprint(base, "_", serial)
		want, wantTold := perform(t, separate, calls, name)
		commands := len(separate.Commands.Started())
		wantState := state(t, context.Background(), control.Database(name))
		got, told := perform(t, merged, calls, name)
		fewer += commands - len(merged.Commands.Started())
		gotState := state(t, context.Background(), control.Database(name))
		if !slices.Equal(got, want) {
			t.Fatalf("merged\n%q, separate\n%q\nThe calls: %v", got, want, calls)
		}
		if !slices.Equal(gotState, wantState) {
			t.Fatalf("merged there is\n%q, separate\n%q\nThe calls: %v", gotState, wantState, calls)
		}
		if !slices.Equal(told, wantTold) {
			t.Fatalf("merged the monitor is told\n%q, separate\n%q\nThe calls: %v", told, wantTold, calls)
		}
	})
	if fewer < serial {
		t.Errorf("%d messages less in %d programs: nothing was merged", fewer, serial)
	}
}
