package pipeline

import (
	"math/rand/v2"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// sample is $sample.
type sample int64

func parseSample(_ *Context, v any) (stage, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(28745, "the $sample stage specification must be an object")
	}
	size := int64(-1)
	for _, e := range d {
		if e.Key != "size" {
			return nil, mongoerror.New(28748, "unrecognized option to $sample: %s", e.Key)
		}
		if !bsonvalue.IsNumber(e.Value) {
			return nil, mongoerror.New(28746, "size argument to $sample must be a number")
		}
		if size, _ = bsonvalue.ToLong(e.Value); size < 0 {
			return nil, mongoerror.New(28747, "size argument to $sample must not be negative")
		}
	}
	if size < 0 {
		return nil, mongoerror.New(28749, "$sample stage must specify a size")
	}
	return sample(size), nil
}

// open keeps as many documents as are wanted, each of those that come with the same probability.
func (s sample) open(r *run, in Iterator) Iterator {
	return later(func() ([]bson.D, error) {
		if s == 0 {
			return nil, nil
		}
		var kept []bson.D
		var seen int64
		err := r.each(in, func(d bson.D) error {
			seen++
			if int64(len(kept)) < int64(s) {
				kept = append(kept, d)
			} else if i := rand.Int64N(seen); i < int64(s) {
				kept[i] = d
			}
			return nil
		})
		rand.Shuffle(len(kept), func(i, j int) { kept[i], kept[j] = kept[j], kept[i] })
		return kept, err
	})
}
