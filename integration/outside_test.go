package integration

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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

// step is one random operation. What it returns describes its result or its error.
type step func(ctx context.Context, db *mongo.Database) string

// randomSteps returns operations that a single caller's results determine: the same on every client.
func randomSteps(seed uint64, n int) []step {
	random := rand.New(rand.NewPCG(seed, 7))
	steps := make([]step, n)
	for i := range steps {
		id, value := random.IntN(12), random.IntN(100)
		filter := bson.D{{Key: "_id", Value: id}}
		switch random.IntN(10) {
		case 0, 1:
			steps[i] = func(ctx context.Context, db *mongo.Database) string {
				r, err := db.Collection("c").InsertOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "n", Value: value}})
				return outcome(r, err)
			}
		case 2:
			steps[i] = func(ctx context.Context, db *mongo.Database) string {
				r, err := db.Collection("c").UpdateOne(ctx, filter, inc, options.UpdateOne().SetUpsert(value%2 == 0))
				return outcome(r, err)
			}
		case 3:
			steps[i] = func(ctx context.Context, db *mongo.Database) string {
				r, err := db.Collection("c").UpdateOne(ctx, filter, bson.D{{Key: "$nonsense", Value: bson.D{{Key: "n", Value: value}}}})
				return outcome(r, err)
			}
		case 4:
			steps[i] = func(ctx context.Context, db *mongo.Database) string {
				r, err := db.Collection("c").DeleteOne(ctx, filter)
				return outcome(r, err)
			}
		case 5:
			steps[i] = func(ctx context.Context, db *mongo.Database) string {
				_, err := db.Collection("c", unacknowledged).UpdateOne(ctx, filter, inc, options.UpdateOne().SetUpsert(true))
				return outcome(nil, err)
			}
		case 6:
			steps[i] = func(ctx context.Context, db *mongo.Database) string {
				r, err := db.Collection("c").BulkWrite(ctx, []mongo.WriteModel{
					mongo.NewInsertOneModel().SetDocument(filter),
					mongo.NewUpdateOneModel().SetFilter(filter).SetUpdate(inc),
				}, options.BulkWrite().SetOrdered(value%2 == 0))
				return outcome(r, err)
			}
		case 7:
			steps[i] = func(ctx context.Context, db *mongo.Database) string {
				return outcome(nil, db.RunCommand(ctx, bson.D{{Key: "noSuchCommand", Value: value}}).Err())
			}
		default:
			steps[i] = func(ctx context.Context, db *mongo.Database) string {
				cursor, err := db.Collection("c").Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetBatchSize(3))
				if err != nil {
					return outcome(nil, err)
				}
				var docs []bson.D
				err = cursor.All(ctx, &docs)
				return outcome(docs, err)
			}
		}
	}
	return steps
}

func outcome(result any, err error) string {
	var server mongo.ServerError
	if errors.As(err, &server) {
		return fmt.Sprintf("%T %v", err, err)
	}
	if err != nil {
		return fmt.Sprintf("other %T %v", err, err)
	}
	return fmt.Sprintf("%+v", reflect.Indirect(reflect.ValueOf(result)))
}

// TestSameAsTheDriver runs the same random operations on the plain driver, and on Monorail outside
// and inside a request: same results, errors and events.
func TestSameAsTheDriver(t *testing.T) {
	const steps = 150
	s := servertest.Start(t)
	for seed := range uint64(6) {
		var results [3][]string
		var events [3][]string
		for way := range 3 {
			commands := &servertest.Commands{}
			// One connection, so that even the plain driver executes unacknowledged writes in order.
			clientOpts := options.Client().SetMonitor(commands.Monitor()).SetMaxPoolSize(1)
			ctx := servertest.Context(t)
			var db *mongo.Database
			end := func() {}
			name := s.Database(t)
			if way == 0 {
				db = s.ConnectPlain(t, clientOpts).Database(name)
			} else {
				client, err := monorail.Connect(options.MergeClientOptions(options.Client().ApplyURI(s.URI), clientOpts))
				check(t, err)
				t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
				db = client.Database(name)
				if way == 2 {
					requestCtx, request := client.StartRequest(ctx)
					ctx, end = requestCtx, func() { check(t, request.End()) }
				}
			}
			for _, step := range randomSteps(seed, steps) {
				results[way] = append(results[way], strings.ReplaceAll(step(ctx, db), name, "DB"))
			}
			end()
			events[way] = describe(t, commands)
		}
		for way, name := range []string{"", "outside a request", "in a request"} {
			if way == 0 {
				continue
			}
			for i := range results[0] {
				if results[way][i] != results[0][i] {
					t.Fatalf("seed %d, %s, step %d: %s, and of the driver: %s", seed, name, i, results[way][i], results[0][i])
				}
			}
			if !reflect.DeepEqual(events[way], events[0]) {
				t.Errorf("seed %d, %s: the events differ from the driver's", seed, name)
			}
		}
	}
}

// describe lists the events without what differs by nature, and checks that each command that was
// started has finished once.
func describe(t testing.TB, commands *servertest.Commands) []string {
	t.Helper()
	var lines []string
	open := make(map[int64]*event.CommandStartedEvent)
	for _, e := range commands.Started() {
		open[e.RequestID] = e
		var fields []string
		var body bson.D
		check(t, bson.Unmarshal(e.Command, &body))
		for _, field := range body {
			fields = append(fields, field.Key)
		}
		lines = append(lines, fmt.Sprint("started ", e.CommandName, fields))
	}
	finish := func(id int64, line string) {
		if open[id] == nil {
			t.Errorf("%s: was not started, or finished twice", line)
		}
		delete(open, id)
		lines = append(lines, line)
	}
	for _, e := range commands.Succeeded() {
		finish(e.RequestID, "succeeded "+e.CommandName)
	}
	for _, e := range commands.Failed() {
		finish(e.RequestID, "failed "+e.CommandName)
	}
	if len(open) > 0 {
		t.Errorf("%d commands were started and have not finished", len(open))
	}
	return lines
}
