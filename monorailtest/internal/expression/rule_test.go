package expression

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// rule is an expression in relaxed Extended JSON and what it gives: a value in the same form,
// nothing for missing, or the code of an error.
type rule struct {
	expression string
	want       any
}

const nothing = "nothing"

// sample is the document of the rules.
const sample = `{
	"i": 7, "neg": -7, "d": 2.5, "l": {"$numberLong": "9"}, "m": {"$numberDecimal": "1.5"}, "zero": 0,
	"s": "Hello World", "u": "été", "n": null, "t": true, "f": false,
	"dt": {"$date": "2020-02-29T15:04:05.123Z"}, "ts": {"$timestamp": {"t": 1582988645, "i": 3}}, "oid": {"$oid": "5e5d1c400123456789abcdef"},
	"a": [3, 1, 2], "e": [], "mixed": [1, "x", null, [2]], "o": {"x": 1, "y": {"z": "q"}},
	"ao": [{"k": "a", "v": 1}, {"k": "b", "v": 2}, 5], "bin": {"$binary": {"base64": "AQI=", "subType": "00"}},
	"nan": {"$numberDouble": "NaN"}, "inf": {"$numberDouble": "Infinity"},
	"long": {"$numberLong": "9223372036854775807"}, "least": {"$numberLong": "-9223372036854775808"}
}`

// checkRules evaluates expressions for the sample.
func checkRules(t *testing.T, rules []rule) {
	t.Helper()
	document := bsontest.Parse(t, sample)
	for _, r := range rules {
		v, err := evaluate(t, r.expression, document)
		switch want := r.want.(type) {
		case int:
			var e *mongoerror.Error
			if !errors.As(err, &e) || e.Code != int32(want) {
				t.Errorf("%s: %v, %v; want error %d", r.expression, v, err, want)
			}
		case string:
			var w any = bsonvalue.Missing
			if want != nothing {
				w = bsontest.Parse(t, `{"v":`+want+`}`)[0].Value
			}
			if err != nil || !same(v, w) {
				t.Errorf("%s: %T %v, %v; want %T %v", r.expression, v, bsonvalue.Format(v), err, w, want)
			}
		}
	}
}

func same(a, b any) bool {
	if bsonvalue.IsMissing(a) || bsonvalue.IsMissing(b) {
		return bsonvalue.IsMissing(a) && bsonvalue.IsMissing(b)
	}
	// NaN has many forms in bits.
	if bsonvalue.IsNaN(a) && bsonvalue.IsNaN(b) {
		return bsonvalue.TypeOf(a) == bsonvalue.TypeOf(b)
	}
	return bsonvalue.Identical(a, b)
}

func evaluate(t *testing.T, expression string, d bson.D) (any, error) {
	t.Helper()
	e, err := Parse(bsontest.Parse(t, `{"v":`+expression+`}`)[0].Value, nil)
	if err != nil {
		return nil, err
	}
	return e.Evaluate(d)
}
