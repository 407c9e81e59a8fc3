package decimalmath

import (
	"math/big"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bigmath"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// Functions are the trigonometric and hyperbolic functions of one argument, in the server's names.
// The argument is in the function's domain; NaN is NaN.
var Functions = map[string]func(d primitive.Decimal128) primitive.Decimal128{
	"$sin": finite(func(x *big.Float) *big.Float {
		s, _ := bigmath.SinCos(x, fine)
		return s
	}),
	"$cos": finite(func(x *big.Float) *big.Float {
		_, c := bigmath.SinCos(x, fine)
		return c
	}),
	"$tan": finite(func(x *big.Float) *big.Float {
		s, c := bigmath.SinCos(x, fine)
		return s.Quo(s, c)
	}),
	"$asin":  finite(bigmath.Asin),
	"$acos":  finite(bigmath.Acos),
	"$atan":  atan,
	"$sinh":  odd(bigmath.Sinh),
	"$cosh":  cosh,
	"$tanh":  tanh,
	"$asinh": odd(bigmath.Asinh),
	"$acosh": acosh,
	"$atanh": atanh,
}

func finite(f func(x *big.Float) *big.Float) func(primitive.Decimal128) primitive.Decimal128 {
	return func(d primitive.Decimal128) primitive.Decimal128 {
		if !bsonvalue.IsFinite(d) {
			return nan
		}
		return apply(d, f)
	}
}

// odd is for a function that infinities and very large numbers give back, or leave as they are.
func odd(f func(x *big.Float) *big.Float) func(primitive.Decimal128) primitive.Decimal128 {
	return func(d primitive.Decimal128) primitive.Decimal128 {
		if !bsonvalue.IsFinite(d) {
			return d
		}
		return apply(d, f)
	}
}

// atan of an infinity is a right angle.
func atan(d primitive.Decimal128) primitive.Decimal128 {
	switch {
	case d.IsNaN():
		return d
	case d.IsInf() != 0:
		half := new(big.Float).SetPrec(fine).SetMantExp(bigmath.Pi(fine), -1)
		if d.IsInf() < 0 {
			half.Neg(half)
		}
		return decimal(round(half))
	}
	return apply(d, func(x *big.Float) *big.Float { return bigmath.Atan(x, fine) })
}

func cosh(d primitive.Decimal128) primitive.Decimal128 {
	if !bsonvalue.IsFinite(d) {
		return bsonvalue.Abs(d)
	}
	return apply(d, bigmath.Cosh)
}

func tanh(d primitive.Decimal128) primitive.Decimal128 {
	if d.IsInf() != 0 {
		return bsonvalue.ToDecimal(int32(d.IsInf()))
	}
	return odd(bigmath.Tanh)(d)
}

func acosh(d primitive.Decimal128) primitive.Decimal128 { return odd(bigmath.Acosh)(d) }

// atanh of one is infinite.
func atanh(d primitive.Decimal128) primitive.Decimal128 {
	if c := bsonvalue.CompareNumbers(bsonvalue.Abs(d), int32(1)); c == 0 {
		if bsonvalue.CompareNumbers(d, int32(0)) < 0 {
			return bsonvalue.Negate(infinity)
		}
		return infinity
	}
	return odd(bigmath.Atanh)(d)
}

// Atan2 returns the angle of the point (x, y). Both are finite.
func Atan2(y, x primitive.Decimal128) primitive.Decimal128 {
	if bsonvalue.IsNaN(y) || bsonvalue.IsNaN(x) || !bsonvalue.IsFinite(y) || !bsonvalue.IsFinite(x) {
		return nan
	}
	return decimal(round(bigmath.Atan2(binary(exact(y)), binary(exact(x)), fine)))
}
