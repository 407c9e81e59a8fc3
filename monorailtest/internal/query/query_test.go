package query

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		filter, document string
		want             bool
	}{
		{`{}`, `{"a":1}`, true},
		{`{"a":1}`, `{"a":1.0}`, true},
		{`{"a":1}`, `{"a":[3,1]}`, true},
		{`{"a":[3,1]}`, `{"a":[3,1]}`, true},
		{`{"a":null}`, `{}`, true},
		{`{"a":null}`, `{"a":0}`, false},
		{`{"a.b":null}`, `{"a":[1,2]}`, false},
		{`{"a.b":null}`, `{"a":[{"c":1}]}`, true},
		{`{"a.b":2}`, `{"a":[{"b":1},{"b":2}]}`, true},
		{`{"a.1":2}`, `{"a":[1,2]}`, true},
		{`{"a":{"$gt":"x"}}`, `{"a":5}`, false},
		{`{"a":{"$gt":1,"$lt":3}}`, `{"a":[0,5]}`, true},
		{`{"a":{"$elemMatch":{"$gt":1,"$lt":3}}}`, `{"a":[0,5]}`, false},
		{`{"a":{"$elemMatch":{"b":1,"c":2}}}`, `{"a":[{"b":1,"c":3},{"b":1,"c":2}]}`, true},
		{`{"a":{"$ne":1}}`, `{"a":[1,2]}`, false},
		{`{"a":{"$nin":[5]}}`, `{"a":[1,2]}`, true},
		{`{"a":{"$in":[null]}}`, `{}`, true},
		{`{"a":{"$exists":false}}`, `{"a":null}`, false},
		{`{"a":{"$size":2}}`, `{"a":[1,2]}`, true},
		{`{"a":{"$all":[1,2]}}`, `{"a":[2,1,0]}`, true},
		{`{"a":{"$type":"array"}}`, `{"a":[]}`, true},
		{`{"a":{"$mod":[4,1]}}`, `{"a":5}`, true},
		{`{"a":{"$bitsAllSet":[0,2]}}`, `{"a":5}`, true},
		{`{"a":{"$not":{"$gt":5}}}`, `{}`, true},
		{`{"$or":[{"a":1},{"b":1}]}`, `{"b":1}`, true},
		{`{"$nor":[{"a":1},{"b":1}]}`, `{"b":1}`, false},
		{`{"s":{"$regex":"^H","$options":"i"}}`, `{"s":"hello"}`, true},
		{`{"s":{"$regex":"o$"}}`, `{"s":"hello\n"}`, true},
		{`{"s":{"$regex":"\\Qa.b\\E"}}`, `{"s":"axb"}`, false},
		{`{"$expr":{"$gt":["$a","$b"]}}`, `{"a":2,"b":1}`, true},
		{`{"a":{"$ref":"x","$id":1}}`, `{"a":{"$ref":"x","$id":1}}`, true},
		{`{"a":{"$elemMatch":{"$ref":"x","$id":1}}}`, `{"a":[{"$ref":"x","$id":1,"c":2}]}`, true},
		{`{"a":{"$elemMatch":{"$id":1}}}`, `{"a":[{"$ref":"x","$id":1}]}`, true},
		{`{"a":{"$all":[{"$foo":1}]}}`, `{"a":[{"$foo":1}]}`, true},
		{`{"a":{"$all":[{"$elemMatch":{"b":1}},{"$elemMatch":{"b":2}}]}}`, `{"a":[{"b":1},{"b":2}]}`, true},
		{`{"a":{"$gte":{"$numberDouble":"NaN"}}}`, `{"a":1}`, false},
	} {
		f, err := Parse(bsontest.Parse(t, c.filter))
		if err != nil {
			t.Errorf("%s: %v", c.filter, err)
			continue
		}
		got, err := f.Match(bsontest.Parse(t, c.document))
		if got != c.want || err != nil {
			t.Errorf("%s on %s = %v, %v", c.filter, c.document, got, err)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for filter, want := range map[string]int32{
		`{"$foo":1}`:                          mongoerror.BadValue,
		`{"a":{"$foo":1}}`:                    mongoerror.BadValue,
		`{"$or":[]}`:                          mongoerror.BadValue,
		`{"a":{"$in":1}}`:                     mongoerror.BadValue,
		`{"a":{"$type":[]}}`:                  mongoerror.FailedToParse,
		`{"s":{"$regex":"a\\K"}}`:             codeBadPattern,
		`{"s":{"$regex":"(?R)"}}`:             codeBadPattern,
		`{"$expr":{"$foo":1}}`:                168,
		`{"s":{"$regex":"(","$options":"i"}}`: codeBadPattern,
		`{"a":{"$elemMatch":1}}`:              mongoerror.BadValue,
		`{"a":{"$all":[{"$gt":1}]}}`:          mongoerror.BadValue,
		`{"a":{"$geoWithin":{}}}`:             mongoerror.NotImplemented,
		`{"a":{"$mod":[0,1]}}`:                mongoerror.BadValue,
		`{"$where":"true"}`:                   mongoerror.BadValue,
		`{"a":{"$bitsAllSet":"x"}}`:           mongoerror.BadValue,
		`{"$text":1}`:                         mongoerror.BadValue,
		`{"a":{"$elemMatch":{"$expr":1}}}`:    mongoerror.BadValue,
		`{"$sampleRate":2}`:                   mongoerror.BadValue,
		`{"a":{"$not":5}}`:                    mongoerror.BadValue,
		`{"a":{"$size":-1}}`:                  mongoerror.BadValue,
		`{"a":{"$gt":1,"b":1}}`:               mongoerror.BadValue,
		`{"a":{"$options":"i"}}`:              mongoerror.BadValue,
		`{"a":{"$in":[{"$gt":1}]}}`:           mongoerror.BadValue,
		`{"a":{"$elemMatch":{"$foo":1}}}`:     mongoerror.BadValue,
		`{"a":{"$type":"nosuch"}}`:            mongoerror.BadValue,
	} {
		_, err := Parse(bsontest.Parse(t, filter))
		var e *mongoerror.Error
		if !errors.As(err, &e) || e.Code != want {
			t.Errorf("%s: %v, want code %d", filter, err, want)
		}
	}
}

// $text and $near are errors in a collection only: Parse takes them.
func TestUnplannable(t *testing.T) {
	for filter, want := range map[string]int32{
		`{"$text":{"$search":"x"}}`:                                                mongoerror.IndexNotFound,
		`{"$or":[{"a":1},{"$text":{"$search":"x"}}]}`:                              mongoerror.IndexNotFound,
		`{"a":{"$near":[0,0],"$maxDistance":1}}`:                                   mongoerror.NoQueryExecutionPlans,
		`{"a":{"$nearSphere":{"$geometry":{"type":"Point","coordinates":[0,0]}}}}`: mongoerror.NoQueryExecutionPlans,
		`{"a":1}`: 0,
	} {
		f, err := Parse(bsontest.Parse(t, filter))
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		var e *mongoerror.Error
		if errors.As(f.Unplannable(), &e) != (want != 0) || want != 0 && e.Code != want {
			t.Errorf("%s: %v, want code %d", filter, f.Unplannable(), want)
		}
	}
}

func TestMatchElement(t *testing.T) {
	for _, c := range []struct {
		filter string
		want   int
	}{
		{`{"a":2}`, 1}, {`{"a":{"$elemMatch":{"$gt":2}}}`, 2}, {`{"_id":1}`, noIndex}, {`{"$or":[{"a":2}]}`, noIndex},
	} {
		f, err := Parse(bsontest.Parse(t, c.filter))
		if err != nil {
			t.Fatal(err)
		}
		ok, index, err := f.MatchElement(bsontest.Parse(t, `{"_id":1,"a":[1,2,3]}`))
		if !ok || index != c.want || err != nil {
			t.Errorf("%s: %v at %d, %v; want %d", c.filter, ok, index, err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":1}`, `{"a":{"$in":[1,null]}}`, `{"$or":[{"a":{"$not":{"$size":1}}}]}`, `{"s":{"$regex":"[a-z]$"}}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := bson.D{}
		if bson.UnmarshalExtJSON([]byte(s), false, &d) != nil {
			return
		}
		filter, err := Parse(d)
		if err != nil {
			return
		}
		filter.Constraints()
		filter.Equalities()
		if filter.Empty() != (len(d) == 0) {
			t.Errorf("%s: Empty is %v", s, filter.Empty())
		}
	})
}
