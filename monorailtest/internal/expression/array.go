package expression

import (
	"slices"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	register(
		&operator{name: "$size", least: 1, most: 1, evaluate: unary(size)},
		&operator{name: "$isArray", least: 1, most: 1, evaluate: unary(func(v any) (any, error) {
			_, ok := v.(bson.A)
			return ok, nil
		})},
		&operator{name: "$arrayElemAt", least: 2, most: 2, evaluate: binary(func(v, index any) (any, error) {
			return elementAt("$arrayElemAt's first argument", v, index)
		})},
		&operator{name: "$first", least: 1, most: 1, evaluate: unary(func(v any) (any, error) {
			return elementAt("$first's argument", v, int32(0))
		})},
		&operator{name: "$last", least: 1, most: 1, evaluate: unary(func(v any) (any, error) {
			return elementAt("$last's argument", v, int32(-1))
		})},
		&operator{name: "$concatArrays", most: -1, associative: true, evaluate: concatArrays},
		&operator{name: "$reverseArray", least: 1, most: 1, evaluate: unary(reverseArray)},
		&operator{name: "$in", least: 2, most: 2, evaluate: ordered(in)},
		&operator{name: "$slice", least: 2, most: 3, evaluate: slice},
		&operator{name: "$range", least: 2, most: 3, evaluate: list(numberRange)},
	)
}

func size(v any) (any, error) {
	a, ok := v.(bson.A)
	if !ok {
		return nil, mongoerror.New(17124, "The argument to $size must be an array, but was of type: %s", bsonvalue.TypeName(v))
	}
	return int32(len(a)), nil
}

// elementAt returns an element, those of a negative index counted from the end; missing beyond.
func elementAt(what string, v, index any) (any, error) {
	if nullish(v) || nullish(index) {
		return nil, nil
	}
	a, ok := v.(bson.A)
	switch {
	case !ok:
		return nil, mongoerror.New(28689, "%s must be an array, but is %s", what, bsonvalue.TypeName(v))
	case !bsonvalue.IsNumber(index):
		return nil, mongoerror.New(28690, "$arrayElemAt's second argument must be a numeric value, but is %s", bsonvalue.TypeName(index))
	case !integral(index):
		return nil, mongoerror.New(28691, "$arrayElemAt's second argument must be representable as a 32-bit integer: %s", formatDouble(bsonvalue.ToDouble(index)))
	}
	i := int(toLong(index))
	if i < 0 {
		i += len(a)
	}
	if i < 0 || i >= len(a) {
		return bsonvalue.Missing, nil
	}
	return a[i], nil
}

func concatArrays(f *frame, operands []node) (any, error) {
	arrays := make([]bson.A, len(operands))
	count := 0
	for i, n := range operands {
		v, err := n.evaluate(f)
		if err != nil || nullish(v) {
			return nil, err
		}
		var ok bool
		if arrays[i], ok = v.(bson.A); !ok {
			return nil, mongoerror.New(28664, "$concatArrays only supports arrays, not %s", bsonvalue.TypeName(v))
		}
		count += len(arrays[i])
	}
	if count > maxElements {
		return nil, tooMany("$concatArrays")
	}
	out := make(bson.A, 0, count)
	for _, a := range arrays {
		out = append(out, a...)
	}
	return out, nil
}

func reverseArray(v any) (any, error) {
	if nullish(v) {
		return nil, nil
	}
	a, ok := v.(bson.A)
	if !ok {
		return nil, mongoerror.New(34435, "The argument to $reverseArray must be an array, but was of type: %s", bsonvalue.TypeName(v))
	}
	a = slices.Clone(a)
	slices.Reverse(a)
	return a, nil
}

func in(f *frame, wanted, v any) (any, error) {
	a, ok := v.(bson.A)
	if !ok {
		return nil, mongoerror.New(40081, "$in requires an array as a second argument, found: %s", bsonvalue.TypeName(v))
	}
	return slices.ContainsFunc(a, func(item any) bool { return f.compare(wanted, item) == 0 }), nil
}

// slice is [array, n], or [array, position, n].
func slice(f *frame, operands []node) (any, error) {
	v, err := operands[0].evaluate(f)
	if err != nil {
		return nil, err
	}
	second, err := operands[1].evaluate(f)
	if err != nil || nullish(v) || nullish(second) {
		return nil, err
	}
	a, ok := v.(bson.A)
	switch {
	case !ok:
		return nil, mongoerror.New(28724, "First argument to $slice must be an array, but is of type: %s", bsonvalue.TypeName(v))
	case !bsonvalue.IsNumber(second):
		return nil, mongoerror.New(28725, "Second argument to $slice must be a numeric value, but is of type: %s", bsonvalue.TypeName(second))
	case !integral(second):
		return nil, mongoerror.New(28726, "Second argument to $slice can't be represented as a 32-bit integer: %s", formatDouble(bsonvalue.ToDouble(second)))
	}
	n := int(toLong(second))
	if len(operands) == 2 {
		if n < 0 {
			return slices.Clip(a[max(0, len(a)+n):]), nil
		}
		return slices.Clip(a[:min(n, len(a))]), nil
	}
	third, err := operands[2].evaluate(f)
	if err != nil || nullish(third) {
		return nil, err
	}
	switch {
	case !bsonvalue.IsNumber(third):
		return nil, mongoerror.New(28727, "Third argument to $slice must be numeric, but is of type: %s", bsonvalue.TypeName(third))
	case !integral(third):
		return nil, mongoerror.New(28728, "Third argument to $slice can't be represented as a 32-bit integer: %s", formatDouble(bsonvalue.ToDouble(third)))
	case toLong(third) <= 0:
		return nil, mongoerror.New(28729, "Third argument to $slice must be positive: %d", toLong(third))
	}
	if n < 0 {
		n = max(0, len(a)+n)
	}
	n = min(n, len(a))
	return slices.Clip(a[n:min(n+int(toLong(third)), len(a))]), nil
}

// maxElements is the number of elements that an operator may make an array of. One with more could
// not be sent: an element takes its type, an index of one digit or more, and its value.
const maxElements = bsonvalue.MaxEncoded / 7

func tooMany(name string) error {
	return mongoerror.New(mongoerror.ExceededMemoryLimit, "%s would use too much memory", name)
}

func numberRange(v []any) (any, error) {
	for i, what := range []struct{ article, name string }{{"a", "starting"}, {"an", "ending"}, {"a", "step"}}[:len(v)] {
		code := 34443 + 2*int32(i)
		if !bsonvalue.IsNumber(v[i]) {
			return nil, mongoerror.New(code, "$range requires a numeric %s value, found value of type: %s", what.name, bsonvalue.TypeName(v[i]))
		}
		if !integral(v[i]) {
			return nil, mongoerror.New(code+1, "$range requires %s %s value that can be represented as a 32-bit integer, found value: %s",
				what.article, what.name, bsonvalue.Format(v[i]))
		}
	}
	from, to, step := toLong(v[0]), toLong(v[1]), int64(1)
	if len(v) == 3 {
		if step = toLong(v[2]); step == 0 {
			return nil, mongoerror.New(34449, "$range requires a non-zero step value")
		}
	}
	count := int64(0)
	if step > 0 && from < to || step < 0 && from > to {
		count = (to-from-sign(step))/step + 1
	}
	if count > maxElements {
		return nil, tooMany("$range")
	}
	out := make(bson.A, count)
	for i := range out {
		out[i] = int32(from + int64(i)*step)
	}
	return out, nil
}

func sign(n int64) int64 {
	if n < 0 {
		return -1
	}
	return 1
}
