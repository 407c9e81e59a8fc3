package update

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// parseAny parses an update in one of its forms: an array is a pipeline.
func parseAny(t *testing.T, source string) (*Update, error) {
	t.Helper()
	d := bsontest.Parse(t, `{"u":`+source+`}`)
	if stages, ok := d[0].Value.(bson.A); ok {
		documents := make([]bson.D, len(stages))
		for i := range stages {
			documents[i] = stages[i].(bson.D)
		}
		return ParsePipeline(documents, nil, Options{})
	}
	return Parse(d[0].Value.(bson.D), Options{})
}

// An update counts as a modification when it changes a document, and in some cases when it does not.
func TestCounts(t *testing.T) {
	for _, c := range []struct {
		document, update, want string
		counts                 bool
	}{
		{`{"_id":1,"a":1}`, `{"_id":1,"a":1}`, `{"_id":1,"a":1}`, false},
		{`{"_id":1,"a":1}`, `{"a":1}`, `{"_id":1,"a":1}`, true},
		{`{"_id":1,"a":1}`, `{"a":1,"_id":1}`, `{"_id":1,"a":1}`, true},
		{`{"_id":1,"a":1}`, `[{"$set":{"a":1}}]`, `{"_id":1,"a":1}`, false},
		{`{"_id":1,"a":1}`, `[{"$replaceWith":{"a":1}}]`, `{"_id":1,"a":1}`, true},
		{`{"_id":1,"a":1}`, `[]`, `{"_id":1,"a":1}`, false},
		{`{"_id":1,"a":1}`, `{"$set":{"a":1}}`, `{"_id":1,"a":1}`, false},
		{`{"_id":1,"a":[1]}`, `{"$push":{"a":{"$each":[]}}}`, `{"_id":1,"a":[1]}`, false},
		{`{"_id":1,"a":[1]}`, `{"$push":{"a":{"$each":[],"$slice":5}}}`, `{"_id":1,"a":[1]}`, false},
		{`{"_id":1,"a":[1]}`, `{"$push":{"a":{"$each":[],"$sort":1}}}`, `{"_id":1,"a":[1]}`, true},
		{`{"_id":1,"a":[]}`, `{"$push":{"a":{"$each":[1],"$slice":0}}}`, `{"_id":1,"a":[]}`, true},
		{`{"_id":1,"a":{"$numberDouble":"NaN"}}`, `{"$inc":{"a":1}}`, `{"_id":1,"a":{"$numberDouble":"NaN"}}`, true},
		{`{"_id":1,"a":{"$numberDecimal":"NaN"}}`, `{"$mul":{"a":2}}`, `{"_id":1,"a":{"$numberDecimal":"NaN"}}`, true},
		{`{"_id":1,"a":{"$numberDouble":"-0.0"}}`, `{"$inc":{"a":0}}`, `{"_id":1,"a":{"$numberDouble":"-0.0"}}`, false},
		{`{"_id":1,"a":{"$numberDecimal":"1.0"}}`, `{"$mul":{"a":{"$numberDecimal":"1.00"}}}`, `{"_id":1,"a":{"$numberDecimal":"1.0"}}`, false},
		{`{"_id":1,"a":1}`, `{"$inc":{"a":{"$numberLong":"0"}}}`, `{"_id":1,"a":{"$numberLong":"1"}}`, false},
		{`{"_id":1,"a":{"$x":1}}`, `{"$set":{"a":{"$x":1}}}`, `{"_id":1,"a":{"$x":1}}`, false},
	} {
		u, err := parseAny(t, c.update)
		if err != nil {
			t.Errorf("%s: %v", c.update, err)
			continue
		}
		got, counts, err := u.Apply(bsontest.Parse(t, c.document), -1)
		if err != nil || counts != c.counts || !bytes.Equal(bsonvalue.Encode(got), bsonvalue.Encode(bsontest.Parse(t, c.want))) {
			t.Errorf("%s on %s = %v, %v, %v; want %s, %v", c.update, c.document, got, counts, err, c.want, c.counts)
		}
	}
}

// An element of $pull is matched as the value of a field is: an array among the elements meets a condition by its own
// elements, and a document only by a filter.
func TestPull(t *testing.T) {
	for _, c := range []struct{ array, condition, want string }{
		{`[[0,5],4,1]`, `{"$gt":3}`, `[1]`},
		{`[[0,5],4,1]`, `{"$ne":5}`, `[[0,5]]`},
		{`[[0,5],4,1]`, `{"$in":[5]}`, `[4,1]`},
		{`[[0,5],4,1]`, `{"$size":2}`, `[4,1]`},
		{`[[0,5],4,1]`, `{"$all":[0,5]}`, `[4,1]`},
		{`[[0,5],4,1]`, `{"$elemMatch":{"$gt":4}}`, `[4,1]`},
		{`[[0,5],4,1]`, `[0,5]`, `[4,1]`},
		{`[["x"],"xy","b"]`, `{"$regex":"x"}`, `["b"]`},
		{`[["x"],"xy","b"]`, `{"$regularExpression":{"pattern":"X","options":"i"}}`, `["b"]`},
		{`[{"b":[1,2]},{"b":3},3]`, `{"b":{"$gte":2}}`, `[3]`},
		{`[{"b":[1,2]},{"b":3},3]`, `{"$or":[{"b":2},{"b":3}]}`, `[3]`},
		{`[{"b":1,"c":1},{"c":1,"b":1},{"b":1}]`, `{"c":1,"b":1}`, `[{"b":1}]`},
		{`[{"a":1},1,null]`, `{}`, `[1,null]`},
		{`[1,null,1.0]`, `1`, `[null]`},
		{`[1,null]`, `null`, `[1]`},
	} {
		u, err := Parse(bsontest.Parse(t, `{"$pull":{"a":`+c.condition+`}}`), Options{})
		if err != nil {
			t.Errorf("%s: %v", c.condition, err)
			continue
		}
		got, _, err := u.Apply(bsontest.Parse(t, `{"_id":1,"a":`+c.array+`}`), -1)
		want := bsontest.Parse(t, `{"_id":1,"a":`+c.want+`}`)
		if err != nil || !bytes.Equal(bsonvalue.Encode(got), bsonvalue.Encode(want)) {
			t.Errorf("$pull %s of %s = %v, %v; want %s", c.condition, c.array, got, err, c.want)
		}
	}
}

// A rename moves a value, passes over what is not there, and goes through no array.
func TestRename(t *testing.T) {
	for _, c := range []struct {
		document, fields, want string
		code                   int32
	}{
		{document: `{"_id":1,"a":1,"b":2}`, fields: `{"a":"b"}`, want: `{"_id":1,"b":1}`},
		{document: `{"_id":1,"a":1,"b":1.0}`, fields: `{"a":"b"}`, want: `{"_id":1,"b":1.0}`},
		{document: `{"_id":1,"a":[1]}`, fields: `{"a.5":"b"}`, want: `{"_id":1,"a":[1]}`},
		{document: `{"_id":1,"a":[1]}`, fields: `{"a.0":"b"}`, code: mongoerror.BadValue},
		{document: `{"_id":1,"a":[{"c":1}]}`, fields: `{"a.0.c":"b"}`, code: mongoerror.BadValue},
		{document: `{"_id":1,"a":[{"c":1}]}`, fields: `{"a.c":"b"}`, code: mongoerror.PathNotViable},
		{document: `{"_id":1,"a":1}`, fields: `{"a.c":"b"}`, code: mongoerror.PathNotViable},
		{document: `{"_id":1,"a":1,"b":[1]}`, fields: `{"a":"b"}`, want: `{"_id":1,"b":1}`},
		{document: `{"_id":1,"a":1,"b":[1]}`, fields: `{"a":"b.0"}`, code: mongoerror.BadValue},
		{document: `{"_id":1,"b":[1]}`, fields: `{"a":"b.0"}`, want: `{"_id":1,"b":[1]}`},
		{document: `{"_id":1,"a":1,"b":1}`, fields: `{"a":"b.c"}`, code: mongoerror.PathNotViable},
		{document: `{"_id":1,"a":1}`, fields: `{"_id":"b"}`, code: mongoerror.ImmutableField},
		{document: `{"_id":1,"a":2}`, fields: `{"a":"_id"}`, code: mongoerror.ImmutableField},
		{document: `{"_id":1,"a":1}`, fields: `{"a":"_id"}`, want: `{"_id":1}`},
		{document: `{"_id":1,"a":1}`, fields: `{"a":""}`, code: mongoerror.EmptyFieldName},
		{document: `{"_id":1,"a":1}`, fields: `{"a":"b."}`, code: mongoerror.EmptyFieldName},
		{document: `{"_id":1,"a":1}`, fields: `{"a":"$b"}`, code: mongoerror.DollarPrefixedFieldName},
		{document: `{"_id":1,"a":1}`, fields: `{"a":"a.b"}`, code: mongoerror.BadValue},
		{document: `{"_id":1,"a":1}`, fields: `{"a":1}`, code: mongoerror.BadValue},
		{document: `{"_id":1,"a":1}`, fields: `{"a":"b.$[]"}`, code: mongoerror.BadValue},
		{document: `{"_id":1,"a":1,"b":2}`, fields: `{"a":"c","b":"c"}`, code: mongoerror.ConflictingUpdateOperators},
	} {
		u, err := Parse(bsontest.Parse(t, `{"$rename":`+c.fields+`}`), Options{})
		var got bson.D
		if err == nil {
			got, _, err = u.Apply(bsontest.Parse(t, c.document), -1)
		}
		var e *mongoerror.Error
		switch {
		case c.code != 0:
			if !errors.As(err, &e) || e.Code != c.code {
				t.Errorf("%s on %s: %v, want code %d", c.fields, c.document, err, c.code)
			}
		case err != nil || !bytes.Equal(bsonvalue.Encode(got), bsonvalue.Encode(bsontest.Parse(t, c.want))):
			t.Errorf("%s on %s = %v, %v; want %s", c.fields, c.document, got, err, c.want)
		}
	}
}

// What cannot be stored is refused with the code of its reason.
func TestRefusedDocuments(t *testing.T) {
	deep := func(levels int) string {
		return `{"$set":{"a":` + strings.Repeat(`{"a":`, levels-1) + "1" + strings.Repeat("}", levels-1) + `}}`
	}
	for _, c := range []struct {
		document, update string
		want             int32
	}{
		{`{"_id":1}`, `{"_id":[1]}`, codeInvalidIDField},
		{`{"_id":1}`, `{"_id":{"$undefined":true}}`, codeInvalidIDField},
		{`{"_id":1}`, `{"_id":{"$x":1}}`, mongoerror.DollarPrefixedFieldName},
		{`{"_id":1}`, `{"a":{"$x":1}}`, mongoerror.DollarPrefixedFieldName},
		{`{"_id":1}`, `{"a":1,"$x":1}`, mongoerror.DollarPrefixedFieldName},
		{`{"_id":1}`, `[{"$replaceWith":{"a":{"$literal":{"$x":1}}}}]`, mongoerror.DollarPrefixedFieldName},
		{`{"_id":1}`, `[{"$set":{"_id":2}}]`, mongoerror.ImmutableField},
		{`{"_id":1}`, `[{"$replaceWith":1}]`, 40228},
		{`{"_id":1}`, `[{"$match":{}}]`, mongoerror.InvalidOptions},
		{`{"_id":1}`, `[{"$sample":{"size":1}}]`, mongoerror.InvalidOptions},
		{`{"_id":1}`, `[{"$foo":{}}]`, 40324},
		{`{"_id":1}`, `{"$v":1,"$set":{"a":1}}`, mongoerror.FailedToParse},
		{`{"_id":1}`, `{"$set":{"a":{"$id":1}}}`, codeInvalidDBRef},
		{`{"_id":1}`, `{"$set":{"a":{"$ref":"c"}}}`, codeInvalidDBRef},
		{`{"_id":1}`, `{"$set":{"a":{"$ref":1,"$id":1}}}`, codeInvalidDBRef},
		{`{"_id":1}`, `{"$set":{"a":{"$ref":"c","$id":1,"$db":1}}}`, codeInvalidDBRef},
		{`{"_id":1}`, `{"$set":{"a":{"$ref":"c","$db":"d"}}}`, codeInvalidDBRef},
		{`{"_id":1}`, `{"$set":{"a":{"$ref":"c","$id":1,"$db":"d"}}}`, 0},
		{`{"_id":1}`, deep(MaxDepth), 0},
		{`{"_id":1}`, deep(MaxDepth + 1), mongoerror.Overflow},
		{`{"_id":1,"a":[]}`, `{"$pull":{"a":{"$expr":1}}}`, 224},
		{`{"_id":1,"a":[]}`, `{"$pull":{"a":{"$not":{"$gt":1}}}}`, mongoerror.BadValue},
	} {
		u, err := parseAny(t, c.update)
		if err == nil {
			_, _, err = u.Apply(bsontest.Parse(t, c.document), -1)
		}
		var e *mongoerror.Error
		switch {
		case c.want == 0 && err != nil:
			t.Errorf("%s on %s: %v", c.update, c.document, err)
		case c.want != 0 && (!errors.As(err, &e) || e.Code != c.want):
			t.Errorf("%s on %s: %v, want code %d", c.update, c.document, err, c.want)
		}
	}
}

// An upsert begins with the fields that the filter equals, in the order of their names, _id first.
func TestInsertBegins(t *testing.T) {
	for _, c := range []struct {
		filter, update, want string
		code                 int32
	}{
		{filter: `{"z":1,"a":2,"_id":3,"m":4}`, update: `{"$set":{"b":5}}`, want: `{"_id":3,"a":2,"m":4,"z":1,"b":5}`},
		{filter: `{"b.d":1,"b.c":2,"_id":3}`, update: `{"$set":{"a":5}}`, want: `{"_id":3,"b":{"c":2,"d":1},"a":5}`},
		{filter: `{"_id":1,"a":2}`, update: `[{"$set":{"b":"$a"}}]`, want: `{"_id":1,"a":2,"b":2}`},
		{filter: `{"_id":1,"a":2}`, update: `[{"$replaceWith":{"b":"$a"}}]`, want: `{"_id":1,"b":2}`},
		{filter: `{"_id":1,"a":2}`, update: `{"b":3}`, want: `{"_id":1,"b":3}`},
		{filter: `{"_id":1}`, update: `[{"$set":{"_id":2}}]`, code: mongoerror.ImmutableField},
		{filter: `{"_id":1}`, update: `{"_id":[1]}`, code: codeNotSingleValueField},
		{filter: `{"_id":1}`, update: `{"$set":{"_id":2}}`, code: mongoerror.ImmutableField},
		{filter: `{"a":1,"a.b":2}`, update: `{"$set":{"c":2}}`, code: codeNotSingleValueField},
		{filter: `{"a":1,"$and":[{"a":1}]}`, update: `{"$set":{"c":2}}`, code: codeNotSingleValueField},
		{filter: `{"_id.a":1}`, update: `{"c":2}`, code: codeNotExactValueField},
		{filter: `{"_id":1,"a":{"$eq":{"$x":1}}}`, update: `{"$set":{"c":2}}`, code: mongoerror.DollarPrefixedFieldName},
	} {
		f, err := query.Parse(bsontest.Parse(t, c.filter))
		if err != nil {
			t.Errorf("%s: %v", c.filter, err)
			continue
		}
		u, err := parseAny(t, c.update)
		if err != nil {
			t.Errorf("%s: %v", c.update, err)
			continue
		}
		got, err := u.Insert(f)
		var e *mongoerror.Error
		switch {
		case c.code != 0:
			if !errors.As(err, &e) || e.Code != c.code {
				t.Errorf("%s, %s: %v, want code %d", c.filter, c.update, err, c.code)
			}
		case err != nil || !bytes.Equal(bsonvalue.Encode(got), bsonvalue.Encode(bsontest.Parse(t, c.want))):
			t.Errorf("%s, %s = %v, %v; want %s", c.filter, c.update, got, err, c.want)
		}
	}
}

// The constants of a pipeline are variables with any name that can be referred to, but those of the server.
func TestConstants(t *testing.T) {
	stages := []bson.D{bsontest.Parse(t, `{"$set":{"a":"$$Value"}}`)}
	u, err := ParsePipeline(stages, bsontest.Parse(t, `{"Value":"$_id"}`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	// The value is not an expression.
	got, _, err := u.Apply(bsontest.Parse(t, `{"_id":1}`), -1)
	if want := bsontest.Parse(t, `{"_id":1,"a":"$_id"}`); err != nil || !bytes.Equal(bsonvalue.Encode(got), bsonvalue.Encode(want)) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	for name, code := range map[string]int32{"": 16869, "1a": 16870, "a-b": 16871, "NOW": 17275, "ROOT": 17275, "A": 0, "a": 0} {
		_, err := ParsePipeline([]bson.D{bsontest.Parse(t, `{"$unset":"a"}`)}, bson.D{{Key: name, Value: int32(1)}}, Options{})
		var e *mongoerror.Error
		if code == 0 && err != nil || code != 0 && (!errors.As(err, &e) || e.Code != code) {
			t.Errorf("%q: %v, want code %d", name, err, code)
		}
	}
}
