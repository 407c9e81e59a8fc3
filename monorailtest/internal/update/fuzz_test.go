package update

import (
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// FuzzApply parses whatever Extended JSON is: it must not panic, nor change the old version of a document, and what it makes must
// have the same _id and be such that it can be stored.
func FuzzApply(f *testing.F) {
	for _, update := range []string{
		`{"u":{"$set":{"a.b":1,"c.0":2},"$unset":{"d":1},"$inc":{"n":1},"$mul":{"m":{"$numberDecimal":"1.5"}}}}`,
		`{"u":{"$push":{"l":{"$each":[1,{"x":2}],"$sort":{"x":-1},"$slice":-2,"$position":1}},"$addToSet":{"s":{"$each":[1]}}}}`,
		`{"u":{"$pull":{"l":{"$gte":1}},"$pullAll":{"s":[1]},"$pop":{"p":-1},"$rename":{"a":"r"},"$bit":{"b":{"xor":5}}}}`,
		`{"u":{"$min":{"n":1},"$max":{"m":2},"$currentDate":{"t":{"$type":"timestamp"}},"$setOnInsert":{"i":1}}}`,
		`{"u":{"$set":{"l.$":1,"s.$[]":2,"p.$[x].y":3}},"f":[{"x.y":{"$gt":1}}]}`,
		`{"u":{"_id":1,"a":{"$ref":"c","$id":1}}}`,
		`{"u":[{"$set":{"a":{"$add":["$n",1]}}},{"$unset":["b","c.0"]},{"$replaceWith":{"x":"$$ROOT"}},{"$project":{"x":1}}]}`,
	} {
		f.Add(`{"_id":1,"a":{"b":1},"l":[1,{"x":1}],"s":[1],"p":[{"y":2}],"n":1,"m":2.5,"b":3}`, update)
	}
	f.Fuzz(func(t *testing.T, document, update string) {
		var d, source bson.D
		if bson.UnmarshalExtJSON([]byte(document), false, &d) != nil || bson.UnmarshalExtJSON([]byte(update), false, &source) != nil {
			return
		}
		u, err := parseFuzzed(source)
		if err != nil {
			return
		}
		before := bsonvalue.Encode(d)
		out, _, err := u.Apply(d, 0)
		if string(bsonvalue.Encode(d)) != string(before) {
			t.Fatalf("the old version has changed: %v", d)
		}
		if err == nil && !bsonvalue.IsMissing(field(d, "_id")) && !bsonvalue.Equal(field(d, "_id"), field(out, "_id")) {
			t.Fatalf("the _id of %v has changed: %v", d, out)
		}
		if filter, err := query.Parse(d); err == nil {
			if made, err := u.Insert(filter); err == nil && (made[0].Key != "_id" || checkDocument(made) != nil) {
				t.Fatalf("an upsert made %v", made)
			}
		}
	})
}

// parseFuzzed parses {u: an update, f: array filters}.
func parseFuzzed(source bson.D) (*Update, error) {
	var o Options
	if filters, ok := field(source, "f").(bson.A); ok {
		for _, f := range filters {
			if d, ok := f.(bson.D); ok {
				o.ArrayFilters = append(o.ArrayFilters, d)
			}
		}
	}
	switch u := field(source, "u").(type) {
	case bson.A:
		var stages []bson.D
		for _, stage := range u {
			if d, ok := stage.(bson.D); ok {
				stages = append(stages, d)
			}
		}
		return ParsePipeline(stages, nil, o)
	case bson.D:
		return Parse(u, o)
	}
	return Parse(nil, o)
}
