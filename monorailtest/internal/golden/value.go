package golden

import (
	"bytes"
	"fmt"
	"math"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// lookup returns the first field of that name.
func lookup(d bson.D, key string) (any, bool) {
	for _, e := range d {
		if e.Key == key {
			return e.Value, true
		}
	}
	return nil, false
}

// absent returns the first field of d whose name other does not have.
func absent(d, other bson.D) (bson.E, bool) {
	for _, e := range d {
		if _, ok := lookup(other, e.Key); !ok {
			return e, true
		}
	}
	return bson.E{}, false
}

// hasDuplicates reports whether a name is there twice.
func hasDuplicates(d bson.D) bool {
	names := make(map[string]bool, len(d))
	for _, e := range d {
		names[e.Key] = true
	}
	return len(names) != len(d)
}

// equal reports whether two values have the same type and the same value. All NaNs of a type are equal, -0 and 0 are not,
// nor are decimals of different exponents.
func equal(a, b any) bool {
	for _, v := range []any{a, b} {
		switch v.(type) {
		case Placeholder, missing:
			return false
		}
	}
	return bytes.Equal(bsonvalue.Encode(bson.D{{Key: "", Value: oneNaN(a)}}), bsonvalue.Encode(bson.D{{Key: "", Value: oneNaN(b)}}))
}

// oneNaN returns v, and for every NaN of its type the same one.
func oneNaN(v any) any {
	switch x := v.(type) {
	case float64:
		if math.IsNaN(x) {
			return math.NaN()
		}
	case primitive.Decimal128:
		if x.IsNaN() {
			return primitive.NewDecimal128(0x7c00000000000000, 0)
		}
	}
	return v
}

// longest is how much of a value is shown.
const longest = 400

// show returns a value as it is shown to people: as Extended JSON.
func show(v any) string {
	switch x := v.(type) {
	case missing:
		return "nothing"
	case Placeholder:
		return fmt.Sprintf("{%s: %d}", x.Kind, x.N)
	}
	b, err := bson.MarshalExtJSON(bson.D{{Key: "v", Value: v}}, true, false)
	s := string(b)
	if err != nil {
		// A placeholder is inside.
		s = fmt.Sprintf("%v", v)
	} else {
		s = s[len(`{"v":`) : len(s)-1]
	}
	if len(s) > longest {
		s = s[:longest] + "…"
	}
	return s
}
