package lane

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// marshaler encodes itself as a document.
type marshaler struct {
	document []byte
	err      error
}

func (m marshaler) MarshalBSON() ([]byte, error) { return m.document, m.err }

// valueMarshaler encodes itself as a value of any type.
type valueMarshaler struct {
	t    bson.Type
	data []byte
	err  error
}

func (m valueMarshaler) MarshalBSONValue() (byte, []byte, error) { return byte(m.t), m.data, m.err }

func pointer[T any](value T) *T { return &value }

// documentValues are values that stand where a document is wanted, good and bad.
func documentValues(t testing.TB) []any {
	type embedded struct {
		ID  int `bson:"_id"`
		Set struct{ A int }
	}
	update := bson.D{{Key: "$set", Value: bson.D{{Key: "a", Value: 1}}}}
	plain := bson.D{{Key: "a", Value: "x"}, {Key: "_id", Value: 4}}
	rawUpdate, rawPlain := raw(t, update), raw(t, plain)
	malformed := append([]byte(nil), rawPlain...)
	malformed[4] = 0x77
	return []any{
		nil, update, plain, bson.D{}, bson.D(nil), &update, bson.M{"$inc": bson.M{"n": 1}}, bson.M{"_id": "m"}, bson.M(nil),
		map[string]any{"k": 1}, embedded{ID: 3}, &embedded{ID: 4}, (*embedded)(nil), struct{}{},
		rawUpdate, rawPlain, []byte(rawUpdate), []byte(rawPlain), bsoncore.Document(rawUpdate), bsoncore.Document(rawPlain),
		bson.Raw(malformed), bson.Raw(rawPlain[:len(rawPlain)-1]), append(append(bson.Raw(nil), rawPlain...), 1, 2, 3),
		bson.Raw{5, 0, 0, 0, 0}, bson.Raw{5, 0, 0, 0, 1}, bson.Raw{4, 0, 0, 0}, bson.Raw{0xff, 0xff, 0xff, 0xff, 0}, []byte{},
		raw(t, bson.D{{Key: "_id", Value: bson.D{{Key: "a", Value: 1}}}}),
		marshaler{document: rawUpdate}, &marshaler{document: rawPlain}, marshaler{err: errors.New("refused")},
		valueMarshaler{t: bson.TypeEmbeddedDocument, data: rawUpdate}, valueMarshaler{t: bson.TypeInt32, data: []byte{1, 0, 0, 0}},
		valueMarshaler{t: bson.TypeArray, data: raw(t, bson.D{{Key: "0", Value: update}})}, valueMarshaler{err: errors.New("refused")},
		bson.A{update, rawUpdate, bson.M{"$unset": "a"}}, mongo.Pipeline{update}, []bson.M{{"$set": 1}}, []any{update, plain},
		[]any{}, []any{nil}, [1]bson.D{update}, []any{7}, mongo.Pipeline{}, bson.A{plain},
		7, "text", true, make(chan int), func() {}, []string{"a"}, bson.D{{Key: "a\x00b", Value: 1}}, bson.D{{Key: "a", Value: make(chan int)}},
		bson.D{{Key: "", Value: 1}}, bson.D{{Key: "$", Value: 1}}, bson.D{{Key: "a", Value: nil}}, bson.D{{Key: "a", Value: rawPlain}},
		bson.D{{Key: "_id", Value: bson.RawValue{Type: bson.TypeString, Value: []byte{9, 0, 0, 0, 'a', 0}}}},
		bson.D{{Key: "x", Value: 1}, {Key: "_id", Value: 1}, {Key: "_id", Value: 2}}, bson.D{{Key: "_idx", Value: 1}, {Key: "_i", Value: 2}},
	}
}

// plainValues are values that stand where any BSON value may.
func plainValues(t testing.TB) []any {
	return append(documentValues(t), 1.5, int64(7), bson.NewObjectID(), bson.Null{}, bson.Regex{Pattern: "a", Options: "i"},
		bsoncore.Value{}, bsoncore.Value{Type: bsoncore.TypeInt32, Data: []byte{1, 2, 3, 4}}, pointer(any("p")), pointer(any(nil)),
		bson.RawValue{Type: bson.TypeInt64, Value: make([]byte, 8)})
}

// writes lists a call for every method, every option and every kind of value in each place.
func writes(t testing.TB) []*write {
	methods := []string{"UpdateOne", "UpdateMany", "UpdateByID", "ReplaceOne", "DeleteOne", "DeleteMany"}
	update := bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}
	replacement := bson.D{{Key: "n", Value: 1}}
	filter := bson.D{{Key: "region", Value: "north"}}
	collation := &options.Collation{Locale: "de", CaseLevel: true, CaseFirst: "upper", Strength: 2, NumericOrdering: true,
		Alternate: "shifted", MaxVariable: "space", Normalization: true, Backwards: true}
	yes, no := pointer(true), pointer(false)

	var list []*write
	// add lists w for every method that w names none of, with an update that suits it.
	add := func(w write) {
		names := methods
		if w.method != "" {
			names = []string{w.method}
		}
		for _, method := range names {
			w := w
			w.method = method
			if w.update == nil {
				w.update = update
				if method == "ReplaceOne" {
					w.update = replacement
				}
			}
			list = append(list, &w)
		}
	}
	add(write{filter: filter})
	for _, value := range documentValues(t) {
		add(write{filter: value})
		list = append(list,
			&write{method: "InsertOne", documents: []any{value}},
			&write{method: "InsertMany", documents: []any{replacement, value}})
		for _, method := range methods[:4] {
			list = append(list, &write{method: method, filter: filter, update: value})
		}
		add(write{filter: filter, let: value})
		add(write{filter: filter, sort: value})
		list = append(list, &write{method: "BulkWrite", models: bulkModels(value, value), let: value},
			&write{method: "BulkWrite", models: bulkModels(filter, value)[3:], ordered: no})
	}
	for _, value := range plainValues(t) {
		add(write{filter: filter, comment: value})
		add(write{filter: filter, arrayFilters: []any{value}})
		add(write{filter: filter, hint: value})
		list = append(list, &write{method: "InsertOne", documents: []any{filter}, comment: value},
			&write{method: "BulkWrite", models: bulkModels(filter, update)[:3], comment: value},
			&write{method: "UpdateByID", filter: value, update: update})
	}
	for _, option := range []*bool{nil, yes, no} {
		add(write{filter: filter, bypass: option, upsert: option})
		list = append(list, &write{method: "InsertOne", documents: []any{filter}, bypass: option},
			&write{method: "InsertMany", documents: []any{filter, filter}, bypass: option, ordered: option},
			&write{method: "BulkWrite", models: bulkModels(filter, update), bypass: option, ordered: option})
	}
	add(write{filter: filter, collation: collation, arrayFilters: []any{}, sort: filter, let: filter, comment: "all", upsert: yes, bypass: yes})
	add(write{filter: filter, collation: &options.Collation{}})
	add(write{filter: filter, hint: "index_1"})
	add(write{filter: filter, hint: bson.M{"a": 1, "b": 1}})
	add(write{filter: filter, sort: bson.M{"a": 1, "b": 1}})
	add(write{filter: filter, sort: bson.M{"a": 1}})
	list = append(list, &write{method: "InsertMany"}, &write{method: "InsertMany", documents: []any{}},
		&write{method: "BulkWrite"}, &write{method: "BulkWrite", models: []mongo.WriteModel{nil}},
		&write{method: "BulkWrite", models: []mongo.WriteModel{mongo.NewInsertOneModel()}},
		&write{method: "BulkWrite", models: []mongo.WriteModel{
			mongo.NewUpdateOneModel().SetFilter(filter).SetUpdate(update).SetHint("h"), mongo.NewInsertOneModel().SetDocument(filter)}, ordered: no},
		&write{method: "BulkWrite", models: []mongo.WriteModel{
			mongo.NewUpdateOneModel().SetFilter(filter).SetUpdate(update).SetCollation(collation).SetUpsert(true).SetSort(filter).SetArrayFilters([]any{filter}),
			mongo.NewUpdateManyModel().SetFilter(filter).SetUpdate(update).SetCollation(collation).SetUpsert(false).SetArrayFilters([]any{filter}),
			mongo.NewReplaceOneModel().SetFilter(filter).SetReplacement(filter).SetCollation(collation).SetUpsert(true).SetSort(bson.M{"a": 1}),
			mongo.NewDeleteOneModel().SetFilter(filter).SetCollation(collation), mongo.NewDeleteManyModel().SetFilter(filter).SetCollation(collation)}})
	return list
}

// bulkModels returns models of every kind, with neighbours of the same kind.
func bulkModels(filter, update any) []mongo.WriteModel {
	return []mongo.WriteModel{
		mongo.NewInsertOneModel().SetDocument(filter),
		mongo.NewInsertOneModel().SetDocument(filter),
		mongo.NewDeleteManyModel().SetFilter(filter),
		mongo.NewUpdateOneModel().SetFilter(filter).SetUpdate(update),
		mongo.NewReplaceOneModel().SetFilter(filter).SetReplacement(filter),
		mongo.NewUpdateManyModel().SetFilter(filter).SetUpdate(update),
		mongo.NewUpdateManyModel().SetFilter(filter).SetUpdate(update),
		mongo.NewDeleteOneModel().SetFilter(filter),
		mongo.NewDeleteManyModel().SetFilter(filter),
		mongo.NewReplaceOneModel().SetFilter(filter).SetReplacement(update),
		mongo.NewInsertOneModel().SetDocument(filter),
	}
}
