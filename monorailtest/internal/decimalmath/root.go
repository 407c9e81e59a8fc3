package decimalmath

import (
	"math/big"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// Sqrt returns the square root of a decimal that is not negative.
func Sqrt(d primitive.Decimal128) primitive.Decimal128 {
	if d.IsInf() > 0 {
		return d
	}
	c, e, err := d.BigInt()
	if err != nil {
		return nan
	}
	if c.Sign() == 0 {
		return bsonvalue.NewDecimal(c, floorHalf(e))
	}
	// The coefficient gets digits enough for those that are kept and for rounding.
	if e&1 != 0 {
		c, e = new(big.Int).Mul(c, big.NewInt(10)), e-1
	}
	root := new(big.Int).Sqrt(c)
	if new(big.Int).Mul(root, root).Cmp(c) == 0 {
		return bsonvalue.NewDecimal(root, e/2)
	}
	shift := digits + 4
	c = new(big.Int).Mul(c, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(2*shift)), nil))
	root.Sqrt(c)
	inexact := new(big.Int).Mul(root, root).Cmp(c) != 0
	root.Mul(root, big.NewInt(10))
	if inexact {
		root.Add(root, big.NewInt(1))
	}
	out := bsonvalue.NewDecimal(root, e/2-shift-1)
	if !inexact {
		out = bsonvalue.Reduce(out)
	}
	return out
}

func floorHalf(e int) int { return (e - (e & 1)) / 2 }
