package expression

import (
	"math"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/summation"
)

func init() {
	register(
		&operator{name: "$sum", most: -1, associative: true, commutative: true, evaluate: accumulate(sum)},
		&operator{name: "$avg", most: -1, evaluate: accumulate(average)},
		&operator{name: "$min", most: -1, associative: true, commutative: true, evaluate: accumulate(extreme(-1))},
		&operator{name: "$max", most: -1, associative: true, commutative: true, evaluate: accumulate(extreme(1))},
		&operator{name: "$stdDevPop", most: -1, evaluate: accumulate(deviation(0))},
		&operator{name: "$stdDevSamp", most: -1, evaluate: accumulate(deviation(1))},
		&operator{name: "$mergeObjects", most: -1, evaluate: accumulate(mergeObjects)},
	)
}

// accumulate makes an operator's function of one for a list of values: those of the operands, or
// the elements of a single one that is an array.
func accumulate(compute func(f *frame, v []any) (any, error)) func(*frame, []node) (any, error) {
	return func(f *frame, operands []node) (any, error) {
		values := make([]any, len(operands))
		for i, n := range operands {
			var err error
			if values[i], err = n.evaluate(f); err != nil {
				return nil, err
			}
		}
		if len(values) == 1 {
			if a, ok := values[0].(bson.A); ok {
				values = a
			}
		}
		return compute(f, values)
	}
}

func sum(_ *frame, v []any) (any, error) {
	var s summation.Sum
	for _, x := range v {
		s.Add(x)
	}
	return s.Total(), nil
}

func average(_ *frame, v []any) (any, error) {
	var s summation.Sum
	n := int64(0)
	for _, x := range v {
		if s.Add(x) {
			n++
		}
	}
	if n == 0 {
		return nil, nil
	}
	return s.Average(n), nil
}

// extreme is $min or $max: of equal values the first stays.
func extreme(wanted int) func(f *frame, v []any) (any, error) {
	return func(f *frame, v []any) (any, error) {
		var best any
		found := false
		for _, x := range v {
			if !nullish(x) && (!found || f.compare(x, best)*wanted > 0) {
				best, found = x, true
			}
		}
		return best, nil
	}
}

// deviation is $stdDevPop, or $stdDevSamp with one value less in the divisor. It goes on from value
// to value, since a sum of squares would lose what large values differ in.
func deviation(less float64) func(f *frame, v []any) (any, error) {
	return func(_ *frame, v []any) (any, error) {
		count, mean, squares := 0.0, 0.0, 0.0
		for _, x := range v {
			if !bsonvalue.IsNumber(x) {
				continue
			}
			d := bsonvalue.ToDouble(x)
			count++
			if delta := d - mean; delta != 0 {
				mean += delta / count
				squares += delta * (d - mean)
			}
		}
		if count <= less {
			return nil, nil
		}
		return math.Sqrt(squares / (count - less)), nil
	}
}

// mergeObjects has a field that comes again in its first place, with its last value.
func mergeObjects(_ *frame, v []any) (any, error) {
	out := bson.D{}
	at := map[string]int{}
	for _, x := range v {
		if nullish(x) {
			continue
		}
		d, ok := x.(bson.D)
		if !ok {
			return nil, mongoerror.New(40400, "$mergeObjects requires object inputs, but input %s is of type %s", bsonvalue.Format(x), bsonvalue.TypeName(x))
		}
		for _, e := range d {
			if i, found := at[e.Key]; found {
				out[i].Value = e.Value
				continue
			}
			at[e.Key] = len(out)
			out = append(out, e)
		}
	}
	return out, nil
}
