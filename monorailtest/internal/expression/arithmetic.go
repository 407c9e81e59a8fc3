package expression

import (
	"math"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/summation"
)

func init() {
	register(
		&operator{name: "$add", most: -1, associative: true, commutative: true, evaluate: add},
		&operator{name: "$subtract", least: 2, most: 2, evaluate: binary(subtract)},
		&operator{name: "$multiply", most: -1, associative: true, commutative: true, evaluate: multiply},
		&operator{name: "$divide", least: 2, most: 2, evaluate: binary(divide)},
		&operator{name: "$mod", least: 2, most: 2, evaluate: binary(modulo)},
	)
}

func add(f *frame, operands []node) (any, error) {
	var sum summation.Sum
	date := false
	for _, n := range operands {
		v, err := n.evaluate(f)
		switch {
		case err != nil:
			return nil, err
		case sum.Add(v):
			continue
		case nullish(v):
			return nil, nil
		}
		d, ok := v.(primitive.DateTime)
		if !ok {
			return nil, mongoerror.New(16554, "$add only supports numeric or date types, not %s", bsonvalue.TypeName(v))
		}
		if date {
			return nil, mongoerror.New(16612, "only one date allowed in an $add expression")
		}
		date = true
		sum.AddMillis(int64(d))
	}
	if !date {
		return sum.Total(), nil
	}
	millis, ok := sum.Millis()
	if !ok {
		return nil, mongoerror.New(mongoerror.Overflow, "date overflow in $add")
	}
	return primitive.DateTime(millis), nil
}

func subtract(a, b any) (any, error) {
	if bsonvalue.IsNumber(a) && bsonvalue.IsNumber(b) {
		v, _ := bsonvalue.Subtract(a, b)
		return v, nil
	}
	if nullish(a) || nullish(b) {
		return nil, nil
	}
	d, isDate := a.(primitive.DateTime)
	if !isDate {
		return nil, mongoerror.New(16556, "cant $subtract a%s from a %s", bsonvalue.TypeName(b), bsonvalue.TypeName(a))
	}
	if other, ok := b.(primitive.DateTime); ok {
		return int64(d - other), nil
	}
	if !bsonvalue.IsNumber(b) {
		return nil, mongoerror.New(16613, "cant $subtract a %s from a Date", bsonvalue.TypeName(b))
	}
	return d - primitive.DateTime(toLong(b)), nil
}

// multiply keeps a product of integers and one of doubles: the one that is not exact any more, or
// whose type is too narrow, is dropped at the end.
func multiply(f *frame, operands []node) (any, error) {
	double, long := 1.0, int64(1)
	var decimal any
	isDouble, isLong := false, false
	for _, n := range operands {
		v, err := n.evaluate(f)
		if err != nil {
			return nil, err
		}
		if nullish(v) {
			return nil, nil
		}
		if !bsonvalue.IsNumber(v) {
			return nil, mongoerror.New(16555, "$multiply only supports numeric types, not %s", bsonvalue.TypeName(v))
		}
		if _, ok := v.(primitive.Decimal128); ok && decimal == nil {
			decimal = bsonvalue.ToDecimal(long)
			if isDouble {
				decimal = bsonvalue.ToDecimal(double)
			}
		}
		if decimal != nil {
			decimal, _ = bsonvalue.Multiply(decimal, bsonvalue.ToDecimal(v))
			continue
		}
		double *= bsonvalue.ToDouble(v)
		switch x := v.(type) {
		case float64:
			isDouble = true
			continue
		case int64:
			isLong = true
			v = x
		case int32:
			v = int64(x)
		}
		product, overflow := bsonvalue.Multiply(long, v)
		if overflow {
			isDouble = true
		} else {
			long = product.(int64)
		}
	}
	switch {
	case decimal != nil:
		return decimal, nil
	case isDouble:
		return double, nil
	case isLong:
		return long, nil
	}
	return intOrLong(long), nil
}

// intOrLong returns an int32, an int64 where it does not fit.
func intOrLong(n int64) any {
	if n == int64(int32(n)) {
		return int32(n)
	}
	return n
}

func divide(a, b any) (any, error) {
	switch {
	case nullish(a) || nullish(b):
		return nil, nil
	case !bsonvalue.IsNumber(a) || !bsonvalue.IsNumber(b):
		return nil, mongoerror.New(16609, "$divide only supports numeric types, not %s and %s", bsonvalue.TypeName(a), bsonvalue.TypeName(b))
	case isZero(b):
		return nil, mongoerror.New(16608, "can't $divide by zero")
	case anyDecimal(a, b):
		return bsonvalue.DivideDecimals(bsonvalue.ToDecimal(a), bsonvalue.ToDecimal(b)), nil
	}
	return bsonvalue.ToDouble(a) / bsonvalue.ToDouble(b), nil
}

func modulo(a, b any) (any, error) {
	switch {
	case nullish(a) || nullish(b):
		return nil, nil
	case !bsonvalue.IsNumber(a) || !bsonvalue.IsNumber(b):
		return nil, mongoerror.New(16611, "$mod only supports numeric types, not %s and %s", bsonvalue.TypeName(a), bsonvalue.TypeName(b))
	case isZero(b):
		return nil, mongoerror.New(16610, "can't $mod by zero")
	case anyDecimal(a, b):
		return bsonvalue.Remainder(bsonvalue.ToDecimal(a), bsonvalue.ToDecimal(b)), nil
	}
	_, left := a.(float64)
	_, right := b.(float64)
	// A double that is a whole number divides integers as one.
	if left || right && !integral(b) {
		return math.Mod(bsonvalue.ToDouble(a), bsonvalue.ToDouble(b)), nil
	}
	x, _ := bsonvalue.ToLong(a)
	y, _ := bsonvalue.ToLong(b)
	rest := int64(0)
	if y != -1 {
		rest = x % y
	}
	if _, long := a.(int64); !long {
		if _, long = b.(int64); !long {
			return int32(rest), nil
		}
	}
	return rest, nil
}

func anyDecimal(values ...any) bool {
	for _, v := range values {
		if _, ok := v.(primitive.Decimal128); ok {
			return true
		}
	}
	return false
}

// isZero tells whether a number is zero of either sign.
func isZero(v any) bool { return bsonvalue.CompareNumbers(v, int32(0)) == 0 }

// integral tells whether v is a number that an int32 holds exactly.
func integral(v any) bool {
	n, exact := bsonvalue.ToLong(v)
	return exact && n == int64(int32(n))
}

// toLong returns a number as an int64: a double cut off, a decimal rounded.
func toLong(v any) int64 {
	if d, ok := v.(primitive.Decimal128); ok {
		n, _ := bsonvalue.RoundToLong(d)
		return n
	}
	n, _ := bsonvalue.ToLong(v)
	return n
}
