package query

import (
	"math/rand/v2"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
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
