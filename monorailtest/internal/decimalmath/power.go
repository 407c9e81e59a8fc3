package decimalmath

import (
	"math/big"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bigmath"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// Pow returns x to the power of y, with as many digits as there can be. Both may be infinite or
// NaN; a base of zero has an exponent that is not negative.
func Pow(x, y primitive.Decimal128) primitive.Decimal128 {
	return bsonvalue.Widen(power(x, y))
}

func power(x, y primitive.Decimal128) primitive.Decimal128 {
	one := bsonvalue.ToDecimal(int32(1))
	switch {
	case bsonvalue.CompareNumbers(x, int32(10)) == 0 && bsonvalue.IsFinite(y):
		return exponential10(y)
	case bsonvalue.CompareNumbers(x, int32(2)) == 0 && bsonvalue.IsFinite(y):
		return exponential2(y)
	case bsonvalue.CompareNumbers(y, int32(0)) == 0, bsonvalue.CompareNumbers(x, int32(1)) == 0:
		return one
	case x.IsNaN():
		return x
	case y.IsNaN():
		return y
	case y.IsInf() != 0:
		return powerOfInfinity(bsonvalue.CompareNumbers(bsonvalue.Abs(x), int32(1)) * y.IsInf())
	}
	negative := bsonvalue.CompareNumbers(x, int32(0)) < 0
	exponent := exact(y)
	odd := exponent.IsInt() && exponent.Num().Bit(0) == 1
	sign := func(d primitive.Decimal128) primitive.Decimal128 {
		if negative && odd {
			return bsonvalue.Negate(d)
		}
		return d
	}
	switch {
	case x.IsInf() != 0:
		return sign(powerOfInfinity(exponent.Sign()))
	case bsonvalue.CompareNumbers(x, int32(0)) == 0:
		return bsonvalue.ToDecimal(int32(0))
	case negative && !exponent.IsInt():
		return nan
	}
	return sign(powerByLogarithm(bsonvalue.Abs(x), y))
}

// powerOfInfinity returns infinity, zero or one for what goes up, down or neither.
func powerOfInfinity(direction int) primitive.Decimal128 {
	switch {
	case direction > 0:
		return infinity
	case direction < 0:
		return bsonvalue.ToDecimal(int32(0))
	}
	return bsonvalue.ToDecimal(int32(1))
}

// powerByLogarithm returns e^(y ln x). The logarithm has two parts of decimal digits, and so has
// the product: the exponential of its first part is corrected by the second.
func powerByLogarithm(x, y primitive.Decimal128) primitive.Decimal128 {
	const highDigits, lowDigits = 28, 47
	log := bigmath.Log(new(big.Float).SetPrec(2*fine).SetRat(exact(x)), fine)
	value, _ := log.Rat(nil)
	high := cutOff(value, highDigits)
	rest := new(big.Rat).Sub(value, high)
	low := cutOff(rest, lowDigits)
	exponent := exact(y)
	product := new(big.Rat).Mul(exponent, high)
	first := rounded(product)
	second := new(big.Rat).Sub(product, exact(first))
	second.Add(second, new(big.Rat).Mul(exponent, low))
	out := Exp(first)
	if !bsonvalue.IsFinite(out) || bsonvalue.CompareNumbers(out, int32(0)) == 0 {
		return out
	}
	r := exact(out)
	return rounded(r.Add(r, new(big.Rat).Mul(r, second)))
}

// cutOff leaves out the digits of a fraction behind a number of them.
func cutOff(r *big.Rat, places int64) *big.Rat {
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(places), nil)
	n := new(big.Int).Mul(r.Num(), power)
	return new(big.Rat).SetFrac(n.Quo(n, r.Denom()), power)
}

// rounded returns the decimal nearest to a value.
func rounded(r *big.Rat) primitive.Decimal128 {
	return bsonvalue.DivideIntegers(r.Num(), r.Denom())
}

// exponential10 computes the power of the fraction of y only.
func exponential10(y primitive.Decimal128) primitive.Decimal128 {
	x := exact(y)
	switch limit := big.NewRat(6400, 1); {
	case x.Cmp(limit) > 0:
		return infinity
	case x.Cmp(limit.Neg(limit)) < 0:
		return bsonvalue.NewDecimal(new(big.Int), primitive.MinDecimal128Exp)
	}
	whole, _ := bsonvalue.RoundToLong(y)
	fraction := binary(new(big.Rat).Sub(x, new(big.Rat).SetInt64(whole)))
	ln10 := bigmath.Log(number(10), fine)
	r := decimal(round(bigmath.Exp(ln10.Mul(ln10, fraction), fine)))
	c, e, err := r.BigInt()
	if err != nil {
		return nan
	}
	return bsonvalue.NewDecimal(c, e+int(whole))
}

func exponential2(y primitive.Decimal128) primitive.Decimal128 {
	x := exact(y)
	switch limit := big.NewRat(25000, 1); {
	case x.Sign() == 0:
		return bsonvalue.ToDecimal(int32(1))
	case x.Cmp(limit) > 0:
		return infinity
	case x.Cmp(limit.Neg(limit)) < 0:
		return bsonvalue.NewDecimal(new(big.Int), primitive.MinDecimal128Exp)
	}
	high, low := twoPart(x)
	ln2 := bigmath.Log(number(2), fine)
	var r *big.Float
	if n, accuracy := high.Int64(); accuracy == big.Exact {
		r = new(big.Float).SetPrec(quad).SetMantExp(number(1), int(n))
	} else {
		r = round(bigmath.Exp(new(big.Float).SetPrec(fine).Mul(ln2, high), fine))
	}
	return decimal(corrected(r, low, ln2))
}
