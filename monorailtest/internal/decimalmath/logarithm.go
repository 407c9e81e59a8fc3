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
	return decimal(logarithm(d))
}

// logarithm returns the natural logarithm in quad precision.
func logarithm(d primitive.Decimal128) *big.Float {
	x := exact(d)
	q := binary(x)
	r := round(bigmath.Log(q, fine))
	// Near one the rounding of the argument is made up for.
	e := new(big.Float).SetPrec(quad).Sub(q, number(1))
	if new(big.Float).Abs(e).Cmp(big.NewFloat(0.5)) < 0 {
		t := binary(new(big.Rat).Sub(x, big.NewRat(1, 1)))
		t.Sub(e, t)
		t.Quo(t, q)
		r.Sub(r, t)
	}
	return r
}

// LogBase returns the logarithm to a base, both more than zero.
func LogBase(d, base primitive.Decimal128) primitive.Decimal128 {
	for _, known := range []int64{2, 10} {
		if bsonvalue.CompareNumbers(base, known) == 0 && d.IsInf() == 0 {
			factor := bigmath.Log(number(known), fine)
			r := logarithm(d)
			return decimal(r.Mul(r, round(factor.Quo(number(1), factor))))
		}
	}
	return bsonvalue.DivideDecimals(Log(d), Log(base))
}
