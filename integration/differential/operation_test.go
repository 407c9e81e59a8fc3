package differential

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"pgregory.net/rapid"

	"github.com/mongo-monorail/monorail"
)

// operation is one random call. Its numbers choose documents and options.
type operation struct {
	kind  kind
	id    int // of the document, from 0 to 11
	value int
	flag  bool
	// fault is what the server does to it; nil for nothing.
	fault *fault
}

type kind string

const (
	insertOne        kind = "insertOne"
	insertMany       kind = "insertMany"
	updateOne        kind = "updateOne"
	updateMany       kind = "updateMany"
	badOperator      kind = "badOperator"
	replaceOne       kind = "replaceOne"
	deleteOne        kind = "deleteOne"
	deleteMany       kind = "deleteMany"
	findOneAndUpdate kind = "findOneAndUpdate"
	findOneAndDelete kind = "findOneAndDelete"
	find             kind = "find"
	findSome         kind = "findSome" // and leaves the cursor in the middle
	findOne          kind = "findOne"
	aggregate        kind = "aggregate"
	count            kind = "count"
	distinct         kind = "distinct"
	bulkWrite        kind = "bulkWrite"
	index            kind = "index"
	unknownCommand   kind = "unknownCommand"
	clientError      kind = "clientError" // what the driver refuses
	silentUpdate     kind = "silentUpdate"
	silentInsert     kind = "silentInsert"
	silentBulk       kind = "silentBulk"
)

var kinds = []kind{
	insertOne, insertOne, insertMany, updateOne, updateOne, updateMany, badOperator, replaceOne, deleteOne, deleteMany,
	findOneAndUpdate, findOneAndDelete, find, find, findSome, findOne, aggregate, count, distinct, bulkWrite, index,
	unknownCommand, clientError, silentUpdate, silentUpdate, silentInsert, silentBulk,
}

// fault is a fail point that hits the operation once.
type fault struct {
	code   int    // what the server answers
	label  string // an error label of the answer; "" for none
	hangUp bool   // the server closes the connection instead of an answer
	// concern is the code of a write concern error beside a good answer; 0 for none.
	concern int
}

// harsh tells whether the fault ends the connection, or says that the server is no longer writable:
// then a request breaks, where the driver goes on with another connection.
func (f *fault) harsh() bool {
	if f == nil {
		return false
	}
	switch f.code {
	case 10107, 11600, 91:
		return true
	default:
		return f.hangUp
	}
}

// commands are those that a fault hits.
var commands = bson.A{"insert", "update", "delete", "find", "aggregate", "findAndModify", "distinct", "getMore", "createIndexes"}

// document returns the fail point as the server takes it.
func (f *fault) document() bson.D {
	data := bson.D{{Key: "failCommands", Value: commands}}
	switch {
	case f.hangUp:
		data = append(data, bson.E{Key: "closeConnection", Value: true})
	case f.concern != 0:
		data = append(data, bson.E{Key: "writeConcernError", Value: bson.D{{Key: "code", Value: f.concern}, {Key: "errmsg", Value: "not enough"}}})
	default:
		data = append(data, bson.E{Key: "errorCode", Value: f.code})
		if f.label != "" {
			data = append(data, bson.E{Key: "errorLabels", Value: bson.A{f.label}})
		}
	}
	return bson.D{
		{Key: "configureFailPoint", Value: "failCommand"},
		{Key: "mode", Value: bson.D{{Key: "times", Value: 1}}},
		{Key: "data", Value: data},
	}
}

var (
	gentle = rapid.SampledFrom([]fault{
		{code: 50}, {code: 89}, {code: 8000}, {code: 112}, {code: 6}, {code: 11000},
		{code: 8000, label: "RetryableWriteError"}, {code: 8000, label: "SomeLabel"}, {concern: 64}, {concern: 100},
	})
	brutal = rapid.SampledFrom([]fault{{code: 10107}, {code: 11600}, {code: 91}, {hangUp: true}})
)

// program is what is done with each client.
type program []operation

// programs generates programs; with faults, some of which are brutal if that is wanted, too.
func programs(faults bool) *rapid.Generator[program] {
	return rapid.Custom(func(t *rapid.T) program {
		harsh := faults && rapid.IntRange(0, 29).Draw(t, "harsh") == 29
		operations := rapid.Custom(func(t *rapid.T) operation {
			o := operation{
				kind:  rapid.SampledFrom(kinds).Draw(t, "kind"),
				id:    rapid.IntRange(0, 11).Draw(t, "id"),
				value: rapid.IntRange(0, 99).Draw(t, "value"),
				flag:  rapid.Bool().Draw(t, "flag"),
			}
			if o.silent() { // how a server takes an error that nobody hears of is its own affair
				return o
			}
			switch at := rapid.IntRange(0, 9).Draw(t, "fault"); {
			case faults && at == 9:
				f := gentle.Draw(t, "gentle")
				o.fault = &f
			case harsh && at == 8:
				f := brutal.Draw(t, "brutal")
				o.fault = &f
			}
			return o
		})
		return rapid.SliceOfN(operations, 1, 16).Draw(t, "operations")
	})
}

func (p program) harsh() bool {
	for _, o := range p {
		if o.fault.harsh() {
			return true
		}
	}
	return false
}

func (o operation) silent() bool {
	return o.kind == silentUpdate || o.kind == silentInsert || o.kind == silentBulk
}

func (o operation) String() string {
	out := fmt.Sprintf("%s(%d, %d, %v)", o.kind, o.id, o.value, o.flag)
	if o.fault != nil {
		out += fmt.Sprintf(" under %+v", *o.fault)
	}
	return out
}

var inc = bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}

// run does the operation, and describes its result or error. With a lane, unacknowledged writes go
// through it.
func (o operation) run(ctx context.Context, db *mongo.Database, lane *monorail.Client) string {
	coll := db.Collection("c")
	filter := bson.D{{Key: "_id", Value: o.id}}
	document := bson.D{{Key: "_id", Value: o.id}, {Key: "n", Value: o.value}, {Key: "u", Value: o.value % 7}}
	below := bson.D{{Key: "n", Value: bson.D{{Key: "$lt", Value: o.value}}}}
	sorted := bson.D{{Key: "_id", Value: 1}}
	switch o.kind {
	case insertOne:
		r, err := coll.InsertOne(ctx, document)
		return outcome(r, err)
	case insertMany:
		var documents []any
		for i := range 3 {
			documents = append(documents, bson.D{{Key: "_id", Value: (o.id + i*o.value) % 12}, {Key: "n", Value: i}})
		}
		r, err := coll.InsertMany(ctx, documents, options.InsertMany().SetOrdered(o.flag))
		return outcome(r, err)
	case updateOne:
		r, err := coll.UpdateOne(ctx, filter, inc, options.UpdateOne().SetUpsert(o.flag))
		return outcome(r, err)
	case updateMany:
		r, err := coll.UpdateMany(ctx, below, bson.D{{Key: "$set", Value: bson.D{{Key: "u", Value: o.id}}}})
		return outcome(r, err)
	case badOperator:
		r, err := coll.UpdateOne(ctx, filter, bson.D{{Key: "$nonsense", Value: bson.D{{Key: "n", Value: o.value}}}})
		return outcome(r, err)
	case replaceOne:
		r, err := coll.ReplaceOne(ctx, filter, document, options.Replace().SetUpsert(o.flag))
		return outcome(r, err)
	case deleteOne:
		r, err := coll.DeleteOne(ctx, filter)
		return outcome(r, err)
	case deleteMany:
		r, err := coll.DeleteMany(ctx, bson.D{{Key: "u", Value: o.id}})
		return outcome(r, err)
	case findOneAndUpdate:
		after := options.Before
		if o.flag {
			after = options.After
		}
		return one(coll.FindOneAndUpdate(ctx, filter, inc, options.FindOneAndUpdate().SetUpsert(o.flag).SetReturnDocument(after)))
	case findOneAndDelete:
		return one(coll.FindOneAndDelete(ctx, below, options.FindOneAndDelete().SetSort(sorted)))
	case find, findSome:
		return o.read(ctx, coll, sorted)
	case findOne:
		return one(coll.FindOne(ctx, below, options.FindOne().SetSort(sorted).SetProjection(bson.D{{Key: "n", Value: 1}})))
	case aggregate:
		cursor, err := coll.Aggregate(ctx, mongo.Pipeline{
			{{Key: "$match", Value: below}},
			{{Key: "$group", Value: bson.D{{Key: "_id", Value: "$u"}, {Key: "n", Value: bson.D{{Key: "$sum", Value: "$n"}}}}}},
			{{Key: "$sort", Value: sorted}},
		}, options.Aggregate().SetBatchSize(2))
		return all(ctx, cursor, err)
	case count:
		r, err := coll.CountDocuments(ctx, below)
		return outcome(r, err)
	case distinct:
		var values []any
		err := coll.Distinct(ctx, "u", below).Decode(&values)
		return outcome(len(values), err) // in no order
	case bulkWrite:
		r, err := coll.BulkWrite(ctx, o.models(filter, document), options.BulkWrite().SetOrdered(o.flag))
		return outcome(r, err)
	case index:
		r, err := coll.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: bson.D{{Key: "u", Value: 1}}, Options: options.Index().SetUnique(o.flag)})
		return outcome(r, err)
	case unknownCommand:
		return outcome(nil, db.RunCommand(ctx, bson.D{{Key: "noSuchCommand", Value: o.value}}).Err())
	case clientError:
		return o.refused(ctx, coll, filter)
	default:
		return outcome(nil, o.silently(ctx, coll, lane, filter, document))
	}
}

func (o operation) models(filter, document bson.D) []mongo.WriteModel {
	return []mongo.WriteModel{
		mongo.NewInsertOneModel().SetDocument(document),
		mongo.NewUpdateOneModel().SetFilter(filter).SetUpdate(inc),
		mongo.NewInsertOneModel().SetDocument(bson.D{{Key: "_id", Value: (o.id + o.value) % 12}}),
		mongo.NewDeleteOneModel().SetFilter(bson.D{{Key: "u", Value: o.value % 7}}),
	}
}

// read finds, and reads all, or some and closes the cursor.
func (o operation) read(ctx context.Context, coll *mongo.Collection, sorted bson.D) string {
	opts := options.Find().SetSort(sorted).SetBatchSize(int32(1 + o.value%3))
	if o.flag {
		opts.SetSkip(1).SetLimit(5)
	}
	cursor, err := coll.Find(ctx, bson.D{}, opts)
	if o.kind == find || err != nil {
		return all(ctx, cursor, err)
	}
	var some []bson.Raw
	for range 4 {
		if !cursor.Next(ctx) {
			break
		}
		some = append(some, cursor.Current)
	}
	return outcome(fmt.Sprint(some), errors.Join(cursor.Err(), cursor.Close(ctx)))
}

// refused calls methods with what the driver refuses without asking the server.
func (o operation) refused(ctx context.Context, coll *mongo.Collection, filter bson.D) string {
	switch o.value % 4 {
	case 0:
		_, err := coll.InsertOne(ctx, nil)
		return outcome(nil, err)
	case 1:
		_, err := coll.UpdateOne(ctx, filter, bson.D{{Key: "n", Value: 1}})
		return outcome(nil, err)
	case 2:
		_, err := coll.ReplaceOne(ctx, filter, inc)
		return outcome(nil, err)
	default:
		_, err := coll.InsertMany(ctx, []any{})
		return outcome(nil, err)
	}
}

// silently writes unacknowledged.
func (o operation) silently(ctx context.Context, coll *mongo.Collection, lane *monorail.Client, filter, document bson.D) (err error) {
	update, bulk := options.UpdateOne().SetUpsert(o.flag), options.BulkWrite().SetOrdered(o.flag)
	if lane != nil {
		u := lane.Unacknowledged(coll)
		switch o.kind {
		case silentUpdate:
			return u.UpdateOne(ctx, filter, inc, update)
		case silentInsert:
			return u.InsertOne(ctx, document)
		default:
			return u.BulkWrite(ctx, o.models(filter, document), bulk)
		}
	}
	coll = coll.Clone(options.Collection().SetWriteConcern(writeconcern.Unacknowledged()))
	switch o.kind {
	case silentUpdate:
		_, err = coll.UpdateOne(ctx, filter, inc, update)
	case silentInsert:
		_, err = coll.InsertOne(ctx, document)
	default:
		_, err = coll.BulkWrite(ctx, o.models(filter, document), bulk)
	}
	return err
}

func one(result *mongo.SingleResult) string {
	raw, err := result.Raw()
	return outcome(raw.String(), err)
}

func all(ctx context.Context, cursor *mongo.Cursor, err error) string {
	var documents []bson.D
	if err == nil {
		err = cursor.All(ctx, &documents)
	}
	return outcome(documents, err)
}

// outcome describes a result, or an error: its type, its text, its labels, and what the driver's
// users ask of it.
func outcome(result any, err error) string {
	if err == nil {
		return fmt.Sprintf("%+v", reflect.Indirect(reflect.ValueOf(result)))
	}
	out := fmt.Sprintf("%T %v; network %v, timeout %v, duplicate %v, labels", err, err,
		mongo.IsNetworkError(err), mongo.IsTimeout(err), mongo.IsDuplicateKeyError(err))
	var labeled mongo.LabeledError
	for _, label := range []string{"RetryableWriteError", "SomeLabel", "NetworkError", "TransientTransactionError", "NoWritesPerformed"} {
		if errors.As(err, &labeled) && labeled.HasErrorLabel(label) {
			out += " " + label
		}
	}
	return out
}
