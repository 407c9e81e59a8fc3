package expression

import (
	"math"
	"math/big"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bigmath"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/decimalmath"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	register(
		numeric("$exp", exponential),
		numeric("$ln", naturalLogarithm),
		numeric("$log10", logarithm10),
		numeric("$sqrt", squareRoot),
		&operator{name: "$log", least: 2, most: 2, evaluate: binary(logarithm)},
		&operator{name: "$pow", least: 2, most: 2, evaluate: binary(power)},
	)
}

func exponential(v any) (any, error) {
	if d, ok := v.(primitive.Decimal128); ok {
		return decimalmath.Exp(d), nil
	}
	return exp(bsonvalue.ToDouble(v)), nil
}

// binaryPrecision is more than a double needs to be rounded as exactly as C's library does.
const binaryPrecision = 96

// nearest returns the double nearest to a function's value.
func nearest(x float64, f func(x *big.Float, precision uint) *big.Float) float64 {
	d, _ := f(big.NewFloat(x), binaryPrecision).Float64()
	return d
}

func exp(x float64) float64 {
	// Beyond these it is infinite or zero; NaN is neither.
	if !(math.Abs(x) < 746) {
		return math.Exp(x)
	}
	return nearest(x, bigmath.Exp)
}

// log is the natural logarithm of a number that is not negative.
func log(x float64) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) || x <= 0 {
		return math.Log(x)
	}
	return nearest(x, bigmath.Log)
}

// isPositive tells whether a number is more than zero.
func isPositive(v any) bool { return bsonvalue.CompareNumbers(v, int32(0)) > 0 }

func naturalLogarithm(v any) (any, error) {
	if d, ok := v.(primitive.Decimal128); ok && isPositive(v) {
		return decimalmath.Log(d), nil
	}
	d := bsonvalue.ToDouble(v)
	if d <= 0 {
		return nil, mongoerror.New(28766, "$ln's argument must be a positive number, but is %s", formatDouble(d))
	}
	return log(d), nil
}

func logarithm10(v any) (any, error) {
	if d, ok := v.(primitive.Decimal128); ok && isPositive(v) {
		return decimalmath.LogBase(d, bsonvalue.ToDecimal(int32(10))), nil
	}
	d := bsonvalue.ToDouble(v)
	if d <= 0 {
		return nil, mongoerror.New(28761, "$log10's argument must be a positive number, but is %s", formatDouble(d))
	}
	if math.IsNaN(d) || math.IsInf(d, 1) {
		return d, nil
	}
	return log10(d), nil
}

// log10 takes the power of two apart first, as C's library does: the parts are rounded.
func log10(d float64) float64 {
	const high, low, factor = 3.01029995663611771306e-01, 3.69423907715893078616e-13, 4.34294481903251816668e-01
	fraction, k := math.Frexp(d)
	fraction, k = fraction*2, k-1
	if k < 0 {
		fraction, k = fraction/2, k+1
	}
	n := float64(k)
	product := float64(factor * log(fraction))
	sum := float64(n*low) + product
	return sum + float64(n*high)
}

func logarithm(v, base any) (any, error) {
	switch {
	case nullish(v) || nullish(base):
		return nil, nil
	case !bsonvalue.IsNumber(v):
		return nil, mongoerror.New(28756, "$log's argument must be numeric, not %s", bsonvalue.TypeName(v))
	case !bsonvalue.IsNumber(base):
		return nil, mongoerror.New(28757, "$log's base must be numeric, not %s", bsonvalue.TypeName(base))
	}
	if anyDecimal(v, base) && isPositive(v) && isPositive(base) && bsonvalue.CompareNumbers(base, int32(1)) != 0 {
		return decimalmath.LogBase(bsonvalue.ToDecimal(v), bsonvalue.ToDecimal(base)), nil
	}
	d, b := bsonvalue.ToDouble(v), bsonvalue.ToDouble(base)
	if d <= 0 {
		return nil, mongoerror.New(28758, "$log's argument must be a positive number, but is %s", formatDouble(d))
	}
	if b <= 0 || b == 1 {
		return nil, mongoerror.New(28759, "$log's base must be a positive number not equal to 1, but is %s", formatDouble(b))
	}
	return log(d) / log(b), nil
}

func squareRoot(v any) (any, error) {
	if bsonvalue.CompareNumbers(v, int32(0)) < 0 && !bsonvalue.IsNaN(v) {
		return nil, mongoerror.New(28714, "$sqrt's argument must be greater than or equal to 0")
	}
	if d, ok := v.(primitive.Decimal128); ok {
		return decimalmath.Sqrt(d), nil
	}
	return math.Sqrt(bsonvalue.ToDouble(v)), nil
}

func power(base, exponent any) (any, error) {
	switch {
	case nullish(base) || nullish(exponent):
		return nil, nil
	case !bsonvalue.IsNumber(base):
		return nil, mongoerror.New(28762, "$pow's base must be numeric, not %s", bsonvalue.TypeName(base))
	case !bsonvalue.IsNumber(exponent):
		return nil, mongoerror.New(28763, "$pow's exponent must be numeric, not %s", bsonvalue.TypeName(exponent))
	case isZero(base) && bsonvalue.CompareNumbers(exponent, int32(0)) < 0 && !bsonvalue.IsNaN(exponent) && !bsonvalue.IsNaN(base):
		return nil, mongoerror.New(28764, "$pow cannot take a base of 0 and a negative exponent")
	case anyDecimal(base, exponent):
		return decimalmath.Pow(bsonvalue.ToDecimal(base), bsonvalue.ToDecimal(exponent)), nil
	}
	_, doubleBase := base.(float64)
	_, doubleExponent := exponent.(float64)
	x, y := bsonvalue.ToDouble(base), bsonvalue.ToDouble(exponent)
	if doubleBase || doubleExponent {
		return pow(x, y), nil
	}
	b, n := toLong(base), toLong(exponent)
	result, ok := powerOfIntegers(b, n)
	if !ok {
		return pow(x, y), nil
	}
	_, longBase := base.(int64)
	_, longExponent := exponent.(int64)
	if longBase || longExponent {
		return result, nil
	}
	return intOrLong(result), nil
}

// powerOfIntegers returns a power that an int64 holds.
func powerOfIntegers(b, n int64) (result int64, ok bool) {
	switch {
	case b == 0 && n > 0:
		return 0, true
	case b == 1 || b == 0:
		return 1, true
	case b == -1:
		return 1 - 2*(n&1), true
	case n < 0 || n > 63:
		return 0, false
	}
	r := new(big.Int).Exp(big.NewInt(b), big.NewInt(n), nil)
	return r.Int64(), r.IsInt64()
}

// pow has the special cases from the library, and rounds the others exactly.
func pow(x, y float64) float64 {
	rough := math.Pow(x, y)
	if rough == 0 || math.IsNaN(rough) || math.IsInf(rough, 0) || x == 1 || x == -1 || y == 0 || math.IsInf(y, 0) {
		return rough
	}
	l := bigmath.Log(new(big.Float).Abs(big.NewFloat(x)), 2*binaryPrecision)
	d, _ := bigmath.Exp(l.Mul(l, big.NewFloat(y)), binaryPrecision).Float64()
	return math.Copysign(d, rough)
}
