package bsonvalue

import (
	"math/big"

	"go.mongodb.org/mongo-driver/bson/primitive"
)

// Rounding is a way to leave digits out.
type Rounding int

// The ways to round: to the nearest, and to the even one of two that are as near; towards zero;
// down; up.
const (
	HalfEven Rounding = iota
	TowardZero
	Down
	Up
)

// Quantize returns the decimal with an exponent of its own choice: rounded to a multiple of
// 10^exponent. It is NaN where more than 34 digits would be needed, and for an infinity.
func Quantize(d primitive.Decimal128, exponent int, r Rounding) primitive.Decimal128 {
	if magnitudeOf(d) != finite {
		return decimalNaN
	}
	c, e := parts(d)
	if e >= exponent {
		// A zero of any exponent has no digits to keep.
		if c.Sign() != 0 && e-exponent > decimalDigits {
			return decimalNaN
		}
		if c.Sign() != 0 {
			c = new(big.Int).Mul(c, powerOfTen(e-exponent))
		}
	} else {
		c = roundCoefficient(c, exponent-e, r)
	}
	if len(new(big.Int).Abs(c).String()) > decimalDigits {
		return decimalNaN
	}
	return signed(newDecimal(c, exponent), isNegative(d))
}

// roundCoefficient leaves the last digits of a coefficient out.
func roundCoefficient(c *big.Int, digits int, r Rounding) *big.Int {
	if have := len(new(big.Int).Abs(c).String()); digits > have+1 {
		// Nothing is left but its being more than zero.
		digits, c = 2, big.NewInt(int64(c.Sign()))
	}
	power := powerOfTen(digits)
	quotient, remainder := new(big.Int).QuoRem(c, power, new(big.Int))
	away := false
	switch r {
	case HalfEven:
		twice := new(big.Int).Abs(remainder)
		half := twice.Lsh(twice, 1).Cmp(power)
		away = half > 0 || half == 0 && quotient.Bit(0) == 1
	case Down:
		away = remainder.Sign() < 0
	case Up:
		away = remainder.Sign() > 0
	}
	if away {
		quotient.Add(quotient, big.NewInt(int64(c.Sign())))
	}
	return quotient
}

// Reduce returns a decimal of the same value with its exponent as near to zero as it can be.
func Reduce(d primitive.Decimal128) primitive.Decimal128 {
	if magnitudeOf(d) != finite {
		return d
	}
	c, e := parts(d)
	if c.Sign() == 0 {
		return signed(newDecimal(c, 0), isNegative(d))
	}
	ten, digit := big.NewInt(10), new(big.Int)
	for e < 0 {
		shorter := new(big.Int)
		if shorter.QuoRem(c, ten, digit); digit.Sign() != 0 {
			break
		}
		c, e = shorter, e+1
	}
	for limit := powerOfTen(decimalDigits - 1); e > 0 && new(big.Int).Abs(c).Cmp(limit) < 0; e-- {
		c = new(big.Int).Mul(c, ten)
	}
	return newDecimal(c, e)
}

// Widen returns a decimal of the same value with as many digits as there can be.
func Widen(d primitive.Decimal128) primitive.Decimal128 {
	return addDecimals(d, newDecimal(new(big.Int), primitive.MinDecimal128Exp))
}

// RoundToLong returns the integer nearest to a decimal, and whether an int64 holds it.
func RoundToLong(d primitive.Decimal128) (n int64, ok bool) {
	if magnitudeOf(d) != finite {
		return 0, false
	}
	c, e := parts(d)
	if e < 0 {
		c = roundCoefficient(c, -e, HalfEven)
	} else {
		c = new(big.Int).Mul(c, powerOfTen(e))
	}
	return c.Int64(), c.IsInt64()
}

// Remainder returns what a division of x by y with its quotient cut off leaves. It is NaN for an
// infinite x; y is not zero.
func Remainder(x, y primitive.Decimal128) primitive.Decimal128 {
	mx, my := magnitudeOf(x), magnitudeOf(y)
	switch {
	case mx == notANumber || my == notANumber, mx != finite:
		return decimalNaN
	case my != finite:
		return x
	}
	cx, ex := parts(x)
	cy, ey := parts(y)
	e := min(ex, ey)
	cx = new(big.Int).Mul(cx, powerOfTen(ex-e))
	cy = new(big.Int).Mul(cy, powerOfTen(ey-e))
	return signed(newDecimal(cx.Rem(cx, cy), e), isNegative(x))
}

// Abs returns the decimal without its sign.
func Abs(d primitive.Decimal128) primitive.Decimal128 {
	if isNegative(d) {
		return negateDecimal(d)
	}
	return d
}

// Negate returns the decimal with the other sign.
func Negate(d primitive.Decimal128) primitive.Decimal128 { return negateDecimal(d) }

// NewDecimal returns coefficient * 10^exponent, rounded to 34 digits.
func NewDecimal(coefficient *big.Int, exponent int) primitive.Decimal128 {
	return newDecimal(coefficient, exponent)
}

// DivideIntegers returns the decimal nearest to a / b. b is not zero.
func DivideIntegers(a, b *big.Int) primitive.Decimal128 {
	return divideCoefficients(a, 0, b, 0)
}
