package query

import (
	"math/rand/v2"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// sample is $sampleRate: a document meets it with that probability.
type sample float64

func parseSampleRate(v any) (node, error) {
	if !bsonvalue.IsNumber(v) {
		return nil, badValue("argument to $sampleRate must be a numeric type")
	}
	rate := bsonvalue.ToDouble(v)
	if !(rate >= 0 && rate <= 1) {
		return nil, badValue("numeric argument to $sampleRate must be in [0, 1]")
	}
	return sample(rate), nil
}

func (s sample) matches(bson.D, *int) (bool, error) { return rand.Float64() < float64(s), nil }

// parseText checks $text, which needs an index of a kind that there is not.
func parseText(v any) (node, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, badValue("$text expects an object")
	}
	switch search := field(d, "$search").(type) {
	case string:
		return nil, mongoerror.New(mongoerror.IndexNotFound, "text index required for $text query")
	default:
		if bsonvalue.IsMissing(search) {
			return nil, mongoerror.New(mongoerror.NoSuchKey, "Missing expected field \"$search\"")
		}
		return nil, mongoerror.New(mongoerror.TypeMismatch, "\"$search\" had the wrong type. Expected string, found %s", bsonvalue.TypeName(search))
	}
}
