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
		numeric("$abs", absolute),
		numeric("$ceil", whole(math.Ceil, bsonvalue.Up)),
		numeric("$floor", whole(math.Floor, bsonvalue.Down)),
		&operator{name: "$round", least: 1, most: 2, evaluate: roundTo("$round", bsonvalue.HalfEven)},
		&operator{name: "$trunc", least: 1, most: 2, evaluate: roundTo("$trunc", bsonvalue.TowardZero)},
	)
}

// numeric makes an operator of a function of one number. Null gives null.
func numeric(name string, compute func(v any) (any, error)) *operator {
	return &operator{name: name, least: 1, most: 1, evaluate: unary(func(v any) (any, error) {
		switch {
		case nullish(v):
			return nil, nil
		case !bsonvalue.IsNumber(v):
			return nil, mongoerror.New(28765, "%s only supports numeric types, not %s", name, bsonvalue.TypeName(v))
		}
		return compute(v)
	})}
}

func absolute(v any) (any, error) {
	switch x := v.(type) {
	case float64:
		return math.Abs(x), nil
	case primitive.Decimal128:
		return bsonvalue.Abs(x), nil
	case int32:
		return intOrLong(max(int64(x), -int64(x))), nil
	}
	n := v.(int64)
	if n == math.MinInt64 {
		return nil, mongoerror.New(28680, "can't take $abs of long long min")
	}
	return max(n, -n), nil
}

// whole is $ceil or $floor.
func whole(double func(float64) float64, r bsonvalue.Rounding) func(v any) (any, error) {
	return func(v any) (any, error) {
		switch x := v.(type) {
		case float64:
			return double(x), nil
		case primitive.Decimal128:
			return bsonvalue.Quantize(x, 0, r), nil
		}
		return v, nil
	}
}

// roundTo is $round or $trunc, to a number of places behind the point, or before it where that is
// less than zero.
func roundTo(name string, r bsonvalue.Rounding) func(*frame, []node) (any, error) {
	return func(f *frame, operands []node) (any, error) {
		v, err := operands[0].evaluate(f)
		if err != nil || nullish(v) {
			return nil, err
		}
		if !bsonvalue.IsNumber(v) {
			return nil, mongoerror.New(51081, "%s only supports numeric types, not %s", name, bsonvalue.TypeName(v))
		}
		places := 0
		if len(operands) > 1 {
			p, err := operands[1].evaluate(f)
			if err != nil || nullish(p) {
				return nil, err
			}
			if places, err = placesOf(name, p); err != nil {
				return nil, err
			}
		}
		return roundNumber(name, v, places, r)
	}
}

func placesOf(name string, p any) (int, error) {
	const least, most = -20, 100
	if !bsonvalue.IsNumber(p) {
		return 0, mongoerror.New(16004, "can't convert from BSON type %s to long", bsonvalue.TypeName(p))
	}
	if !integral(p) {
		return 0, mongoerror.New(51082, "precision argument to  %s must be a integral value", name)
	}
	n := toLong(p)
	if n < least || n > most {
		return 0, mongoerror.New(51083, "cannot apply %s with precision value %d value must be in [%d, %d]", name, n, least, most)
	}
	return int(n), nil
}

func roundNumber(name string, v any, places int, r bsonvalue.Rounding) (any, error) {
	switch x := v.(type) {
	case primitive.Decimal128:
		return roundDecimal(x, places, r), nil
	case float64:
		return bsonvalue.ToDouble(roundDecimal(summation.ExactDecimal(x), places, r)), nil
	}
	if places >= 0 {
		return v, nil
	}
	n, ok := bsonvalue.RoundToLong(roundDecimal(bsonvalue.ToDecimal(v), places, r))
	if !ok {
		return nil, mongoerror.New(51080, "invalid conversion from Decimal128 result in %s resulting from arguments: [%v, %d]", name, v, places)
	}
	if _, long := v.(int64); long {
		return n, nil
	}
	return intOrLong(n), nil
}

// roundDecimal gives a number that has fewer places, even with all of a decimal's digits, as many
// digits as there can be.
func roundDecimal(d primitive.Decimal128, places int, r bsonvalue.Rounding) primitive.Decimal128 {
	if !bsonvalue.IsFinite(d) {
		return d
	}
	wide := bsonvalue.Widen(d)
	if _, exponent, err := wide.BigInt(); err == nil && exponent > -places {
		return wide
	}
	return bsonvalue.Quantize(d, -places, r)
}
