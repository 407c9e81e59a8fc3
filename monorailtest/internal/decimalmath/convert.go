// Package decimalmath has the elementary functions of decimals as the server computes them: by way
// of binary numbers with 113 bits, which shows in the last digits.
//
// Arguments are finite unless a function says otherwise.
package decimalmath

import (
	"math/big"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

const (
	// quad is the precision of the binary numbers in between.
	quad = 113
	// fine is a precision whose errors never show in a rounded result.
	fine = 2 * quad
	// digits is the precision of a decimal.
	digits = 34
)

// exact returns the value of a decimal.
func exact(d primitive.Decimal128) *big.Rat {
	c, e, err := d.BigInt()
	if err != nil {
		return new(big.Rat)
	}
	r := new(big.Rat).SetInt(c)
	power := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(e, -e))), nil))
	if e < 0 {
		return r.Quo(r, power)
	}
	return r.Mul(r, power)
}

// binary rounds a value to quad precision.
func binary(r *big.Rat) *big.Float { return new(big.Float).SetPrec(quad).SetRat(r) }

// twoPart returns a value as a sum of two numbers of quad precision.
func twoPart(r *big.Rat) (high, low *big.Float) {
	high = binary(r)
	part, _ := high.Rat(nil)
	return high, binary(new(big.Rat).Sub(r, part))
}

// round returns a number in quad precision.
func round(f *big.Float) *big.Float { return new(big.Float).SetPrec(quad).Set(f) }

// decimal returns the decimal nearest to a number. One that is exact has no zeros at its end.
func decimal(f *big.Float) primitive.Decimal128 {
	d, err := primitive.ParseDecimal128(f.Text('e', digits-1))
	if err != nil {
		return bsonvalue.ToDecimal(0.0)
	}
	if value, _ := f.Rat(nil); value != nil && value.Cmp(exact(d)) == 0 {
		return bsonvalue.Reduce(d)
	}
	return d
}

// number returns a constant.
func number(n int64) *big.Float { return new(big.Float).SetPrec(fine).SetInt64(n) }

// apply computes a function in quad precision.
func apply(d primitive.Decimal128, f func(x *big.Float) *big.Float) primitive.Decimal128 {
	return decimal(round(f(binary(exact(d)))))
}

var nan, infinity = parse("NaN"), parse("Infinity")

func parse(s string) primitive.Decimal128 {
	d, err := primitive.ParseDecimal128(s)
	if err != nil {
		panic(err)
	}
	return d
}
