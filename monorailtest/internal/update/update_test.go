package update

import (
	"bytes"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

func TestApply(t *testing.T) {
	for _, c := range []struct{ document, update, want string }{
		{`{"_id":1}`, `{"$set":{"b":1,"a.c":2}}`, `{"_id":1,"a":{"c":2},"b":1}`},
		{`{"_id":1,"n":2147483647}`, `{"$inc":{"n":1}}`, `{"_id":1,"n":{"$numberLong":"2147483648"}}`},
		{`{"_id":1}`, `{"$mul":{"n":2.5}}`, `{"_id":1,"n":0.0}`},
		{`{"_id":1,"a":5}`, `{"$min":{"a":3},"$max":{"b":1}}`, `{"_id":1,"a":3,"b":1}`},
		{`{"_id":1,"a":[1,2]}`, `{"$push":{"a":{"$each":[0,3],"$sort":-1,"$slice":3}}}`, `{"_id":1,"a":[3,2,1]}`},
		{`{"_id":1,"a":[1]}`, `{"$push":{"a":{"$each":[7],"$position":0}}}`, `{"_id":1,"a":[7,1]}`},
		{`{"_id":1,"a":[1,2,3]}`, `{"$pull":{"a":{"$gte":2}}}`, `{"_id":1,"a":[1]}`},
		{`{"_id":1,"a":[{"x":1},{"x":2}]}`, `{"$pull":{"a":{"x":1}}}`, `{"_id":1,"a":[{"x":2}]}`},
		{`{"_id":1,"a":[1,2,1]}`, `{"$pullAll":{"a":[1]}}`, `{"_id":1,"a":[2]}`},
		{`{"_id":1,"a":[1,2]}`, `{"$pop":{"a":-1}}`, `{"_id":1,"a":[2]}`},
		{`{"_id":1,"a":[1]}`, `{"$addToSet":{"a":{"$each":[1.0,2]}}}`, `{"_id":1,"a":[1,2]}`},
		{`{"_id":1,"a":1,"b":2}`, `{"$rename":{"a":"b"}}`, `{"_id":1,"b":1}`},
		{`{"_id":1,"a":1}`, `{"$unset":{"a":"","b.c":""}}`, `{"_id":1}`},
		{`{"_id":1,"a":[1,2]}`, `{"$unset":{"a.0":1}}`, `{"_id":1,"a":[null,2]}`},
		{`{"_id":1,"a":6}`, `{"$bit":{"a":{"and":3,"or":8}}}`, `{"_id":1,"a":10}`},
		{`{"_id":1,"a":1}`, `{"$setOnInsert":{"b":1}}`, `{"_id":1,"a":1}`},
		{`{"_id":1,"a":[]}`, `{"$set":{"a.2":1}}`, `{"_id":1,"a":[null,null,1]}`},
		{`{"_id":1,"a":[5,6,7]}`, `{"$inc":{"a.$":10}}`, `{"_id":1,"a":[5,16,7]}`},
		{`{"_id":1,"a":[5,6]}`, `{"$inc":{"a.$[]":1}}`, `{"_id":1,"a":[6,7]}`},
		{`{"_id":1,"a":2}`, `{"b":3}`, `{"_id":1,"b":3}`},
	} {
		u, err := Parse(bsontest.Parse(t, c.update), Options{})
		if err != nil {
			t.Errorf("%s: %v", c.update, err)
			continue
		}
		before := bsontest.Parse(t, c.document)
		raw := bsonvalue.Encode(before)
		got, _, err := u.Apply(before, 1)
		if err != nil || !bytes.Equal(bsonvalue.Encode(got), bsonvalue.Encode(bsontest.Parse(t, c.want))) {
			t.Errorf("%s on %s = %v, %v; want %s", c.update, c.document, got, err, c.want)
		}
		if !bytes.Equal(raw, bsonvalue.Encode(before)) {
			t.Errorf("%s changed the old version of %s", c.update, c.document)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		document, update string
		want             int32
	}{
		{`{"_id":1}`, `{"$foo":{"a":1}}`, mongoerror.FailedToParse},
		{`{"_id":1}`, `{"$set":{}}`, mongoerror.FailedToParse},
		{`{"_id":1}`, `{"$set":{"a":1},"$inc":{"a.b":1}}`, mongoerror.ConflictingUpdateOperators},
		{`{"_id":1}`, `{"$set":{"_id":2}}`, mongoerror.ImmutableField},
		{`{"_id":1}`, `{"_id":2}`, mongoerror.ImmutableField},
		{`{"_id":1,"a":"x"}`, `{"$inc":{"a":1}}`, mongoerror.TypeMismatch},
		{`{"_id":1,"a":{"$numberLong":"9223372036854775807"}}`, `{"$inc":{"a":1}}`, mongoerror.BadValue},
		{`{"_id":1,"a":1}`, `{"$set":{"a.b":1}}`, mongoerror.PathNotViable},
		{`{"_id":1,"a":1}`, `{"$push":{"a":1}}`, mongoerror.BadValue},
		{`{"_id":1}`, `{"$set":{"a":{"$b":1}}}`, mongoerror.DollarPrefixedFieldName},
		{`{"_id":1}`, `{"$set":{"a..b":1}}`, mongoerror.EmptyFieldName},
		{`{"_id":1,"a":[1]}`, `{"$set":{"a.$":1}}`, mongoerror.BadValue},
		{`{"_id":1,"a":[1]}`, `{"$set":{"a.$[x]":1}}`, mongoerror.BadValue},
		{`{"_id":1}`, `{"$rename":{"a":"a.b"}}`, mongoerror.BadValue},
	} {
		u, err := Parse(bsontest.Parse(t, c.update), Options{})
		if err == nil {
			_, _, err = u.Apply(bsontest.Parse(t, c.document), -1)
		}
		var e *mongoerror.Error
		if !errors.As(err, &e) || e.Code != c.want {
			t.Errorf("%s on %s: %v, want code %d", c.update, c.document, err, c.want)
		}
	}
}

func TestInsert(t *testing.T) {
	for _, c := range []struct{ filter, update, want string }{
		{`{"a":1,"b":{"$gt":2},"_id":9}`, `{"$inc":{"n":1}}`, `{"_id":9,"a":1,"n":1}`},
		{`{"_id":1,"$and":[{"x.y":1}],"z":{"$in":[4]}}`, `{"$setOnInsert":{"x.w":2}}`, `{"_id":1,"x":{"y":1,"w":2},"z":4}`},
		{`{"_id":1,"a":5}`, `{"b":2}`, `{"_id":1,"b":2}`},
	} {
		f, err := query.Parse(bsontest.Parse(t, c.filter))
		if err != nil {
			t.Fatal(err)
		}
		u, err := Parse(bsontest.Parse(t, c.update), Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := u.Insert(f)
		if err != nil || !bytes.Equal(bsonvalue.Encode(got), bsonvalue.Encode(bsontest.Parse(t, c.want))) {
			t.Errorf("%s, %s = %v, %v; want %s", c.filter, c.update, got, err, c.want)
		}
	}
}

func TestArrayFilters(t *testing.T) {
	u, err := Parse(bsontest.Parse(t, `{"$set":{"a.$[x].n":0}}`), Options{ArrayFilters: []bson.D{bsontest.Parse(t, `{"x.n":{"$gt":1}}`)}})
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := u.Apply(bsontest.Parse(t, `{"_id":1,"a":[{"n":1},{"n":2}]}`), -1)
	want := bsontest.Parse(t, `{"_id":1,"a":[{"n":1},{"n":0}]}`)
	if err != nil || !bytes.Equal(bsonvalue.Encode(got), bsonvalue.Encode(want)) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := Parse(bsontest.Parse(t, `{"$set":{"a":0}}`), Options{ArrayFilters: []bson.D{bsontest.Parse(t, `{"x":1}`)}}); err == nil {
		t.Error("an unused filter was accepted")
	}
}
