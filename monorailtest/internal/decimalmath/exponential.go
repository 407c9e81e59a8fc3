package decimalmath

import (
	"math/big"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bigmath"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// Exp returns e to the power of a decimal, which may be infinite.
func Exp(d primitive.Decimal128) primitive.Decimal128 {
	switch {
	case d.IsInf() > 0:
		return infinity
	case d.IsInf() < 0:
		return bsonvalue.ToDecimal(int32(0))
	case d.IsNaN():
		return d
	}
	x := exact(d)
	switch {
	case x.Sign() == 0:
		return bsonvalue.ToDecimal(int32(1))
	case x.Cmp(big.NewRat(15000, 1)) > 0:
		return infinity
	case x.Cmp(big.NewRat(-15000, 1)) < 0:
		return bsonvalue.NewDecimal(new(big.Int), primitive.MinDecimal128Exp)
	}
	high, low := twoPart(x)
	r := round(bigmath.Exp(high, fine))
	return decimal(corrected(r, low, number(1)))
}

// corrected returns r + r * factor * low, each step in quad precision.
func corrected(r, low, factor *big.Float) *big.Float {
	t := new(big.Float).SetPrec(quad).Mul(r, round(factor))
	t.Mul(t, low)
	return t.Add(r, t)
}
