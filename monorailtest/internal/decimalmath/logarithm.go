package decimalmath

import (
	"math/big"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bigmath"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// Log returns the natural logarithm of a decimal that is more than zero; it may be infinite.
func Log(d primitive.Decimal128) primitive.Decimal128 {
	if d.IsInf() > 0 {
		return d
	}
	return decimal(logarithm(d, number(1)))
}

// logarithm returns the natural logarithm times a factor, in quad precision.
func logarithm(d primitive.Decimal128, factor *big.Float) *big.Float {
	x := exact(d)
	q := binary(x)
	log := bigmath.Log(q, fine)
	r := round(log.Mul(log, factor))
	// Near one the rounding of the argument is made up for.
	e := new(big.Float).SetPrec(quad).Sub(q, number(1))
	if new(big.Float).Abs(e).Cmp(big.NewFloat(0.5)) < 0 {
		t := binary(new(big.Rat).Sub(x, big.NewRat(1, 1)))
		t.Sub(e, t)
		t.Mul(t, round(factor))
		t.Quo(t, q)
		r.Sub(r, t)
	}
	return r
}

// LogBase returns the logarithm to a base, both more than zero. Bases 2 and 10 have ways of their
// own; that of 10 rounds once more.
func LogBase(d, base primitive.Decimal128) primitive.Decimal128 {
	reciprocal := func(base int64) *big.Float {
		l := bigmath.Log(number(base), fine)
		return l.Quo(number(1), l)
	}
	switch {
	case d.IsInf() != 0:
	case bsonvalue.CompareNumbers(base, int32(2)) == 0:
		return decimal(logarithm(d, reciprocal(2)))
	case bsonvalue.CompareNumbers(base, int32(10)) == 0:
		r := logarithm(d, number(1))
		return decimal(r.Mul(r, round(reciprocal(10))))
	}
	return bsonvalue.DivideDecimals(Log(d), Log(base))
}
