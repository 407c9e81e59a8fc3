package bsonvalue

import (
	"math"
	"math/big"
	"strconv"

	"go.mongodb.org/mongo-driver/bson/primitive"
)

// decimalDigits is the precision of decimal128.
const decimalDigits = 34

var (
	decimalNaN              = mustDecimal("NaN")
	decimalInfinity         = mustDecimal("Infinity")
	decimalNegativeInfinity = mustDecimal("-Infinity")
)

func mustDecimal(s string) primitive.Decimal128 {
	d, err := primitive.ParseDecimal128(s)
	if err != nil {
		panic(err)
	}
	return d
}

// ToDecimal converts a number. A double keeps 15 significant digits, as in the server's
// arithmetic.
func ToDecimal(v any) primitive.Decimal128 {
	switch x := v.(type) {
	case primitive.Decimal128:
		return x
	case int32:
		return newDecimal(big.NewInt(int64(x)), 0)
	case int64:
		return newDecimal(big.NewInt(x), 0)
	}
	switch d := v.(float64); magnitudeOf(d) {
	case notANumber:
		return decimalNaN
	case negativeInfinity:
		return decimalNegativeInfinity
	case positiveInfinity:
		return decimalInfinity
	default:
		if d == 0 {
			return signed(newDecimal(new(big.Int), 0), math.Signbit(d))
		}
		return mustDecimal(strconv.FormatFloat(d, 'e', 14, 64))
	}
}

// parts returns coefficient and exponent of a finite decimal.
func parts(d primitive.Decimal128) (*big.Int, int) {
	coefficient, exponent, err := d.BigInt()
	if err != nil {
		return new(big.Int), 0
	}
	return coefficient, exponent
}

func powerOfTen(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// newDecimal rounds coefficient * 10^exponent to 34 digits, half to even.
func newDecimal(coefficient *big.Int, exponent int) primitive.Decimal128 {
	digits := len(new(big.Int).Abs(coefficient).String())
	if cut := digits - decimalDigits; cut > 0 {
		power := powerOfTen(cut)
		quotient, remainder := new(big.Int).QuoRem(coefficient, power, new(big.Int))
		twice := new(big.Int).Abs(remainder)
		twice.Lsh(twice, 1)
		if c := twice.Cmp(power); c > 0 || (c == 0 && quotient.Bit(0) == 1) {
			quotient.Add(quotient, big.NewInt(int64(coefficient.Sign())))
		}
		return newDecimal(quotient, exponent+cut)
	}
	d, ok := primitive.ParseDecimal128FromBigInt(coefficient, exponent)
	if ok {
		return d
	}
	if exponent < 0 {
		return newDecimal(new(big.Int), primitive.MinDecimal128Exp)
	}
	if coefficient.Sign() < 0 {
		return decimalNegativeInfinity
	}
	return decimalInfinity
}

func addDecimals(x, y primitive.Decimal128) primitive.Decimal128 {
	mx, my := magnitudeOf(x), magnitudeOf(y)
	switch {
	case mx == notANumber || my == notANumber, mx != finite && my != finite && mx != my:
		return decimalNaN
	case mx != finite:
		return x
	case my != finite:
		return y
	}
	cx, ex := parts(x)
	cy, ey := parts(y)
	e := min(ex, ey)
	cx = new(big.Int).Mul(cx, powerOfTen(ex-e))
	cy = new(big.Int).Mul(cy, powerOfTen(ey-e))
	return signed(newDecimal(cx.Add(cx, cy), e), isNegative(x) && isNegative(y))
}

func subtractDecimals(x, y primitive.Decimal128) primitive.Decimal128 {
	return addDecimals(x, negateDecimal(y))
}

// decimalSign is the bit of a decimal's sign in its high half.
const decimalSign = 1 << 63

func negateDecimal(d primitive.Decimal128) primitive.Decimal128 {
	high, low := d.GetBytes()
	return primitive.NewDecimal128(high^decimalSign, low)
}

func isNegative(d primitive.Decimal128) bool {
	high, _ := d.GetBytes()
	return high&decimalSign != 0
}

// signed gives a result that is zero its sign, which the coefficient does not have.
func signed(d primitive.Decimal128, negative bool) primitive.Decimal128 {
	if negative && !isNegative(d) && magnitudeOf(d) == finite {
		if c, _ := parts(d); c.Sign() == 0 {
			return negateDecimal(d)
		}
	}
	return d
}

func multiplyDecimals(x, y primitive.Decimal128) primitive.Decimal128 {
	mx, my := magnitudeOf(x), magnitudeOf(y)
	if mx == notANumber || my == notANumber {
		return decimalNaN
	}
	zero := int32(0)
	sx, sy := CompareNumbers(x, zero), CompareNumbers(y, zero)
	if mx != finite || my != finite {
		switch sx * sy {
		case 0:
			return decimalNaN
		case 1:
			return decimalInfinity
		}
		return decimalNegativeInfinity
	}
	cx, ex := parts(x)
	cy, ey := parts(y)
	return signed(newDecimal(new(big.Int).Mul(cx, cy), ex+ey), isNegative(x) != isNegative(y))
}

// DivideDecimals returns x / y rounded to 34 digits. y is not zero.
func DivideDecimals(x, y primitive.Decimal128) primitive.Decimal128 {
	mx, my := magnitudeOf(x), magnitudeOf(y)
	zero := int32(0)
	switch {
	case mx == notANumber || my == notANumber, mx != finite && my != finite:
		return decimalNaN
	case mx != finite:
		if CompareNumbers(x, zero)*CompareNumbers(y, zero) < 0 {
			return decimalNegativeInfinity
		}
		return decimalInfinity
	case my != finite:
		return signed(newDecimal(new(big.Int), primitive.MinDecimal128Exp), isNegative(x) != isNegative(y))
	}
	cx, ex := parts(x)
	cy, ey := parts(y)
	return signed(divideCoefficients(cx, ex, cy, ey), isNegative(x) != isNegative(y))
}

// divideCoefficients returns cx * 10^ex / (cy * 10^ey). cy is not zero.
func divideCoefficients(cx *big.Int, ex int, cy *big.Int, ey int) primitive.Decimal128 {
	// Two digits more than kept: one for rounding and one that says whether anything was left.
	shift := max(0, decimalDigits+2+len(cy.String())-len(cx.String()))
	quotient, remainder := new(big.Int).QuoRem(new(big.Int).Mul(cx, powerOfTen(shift)), cy, new(big.Int))
	exponent := ex - ey - shift
	if remainder.Sign() != 0 {
		quotient.Mul(quotient, big.NewInt(10)).Add(quotient, big.NewInt(int64(cx.Sign()*cy.Sign())))
		return newDecimal(quotient, exponent-1)
	}
	// An exact quotient has the exponent nearest to the ideal ex - ey.
	ten, digit := big.NewInt(10), new(big.Int)
	for exponent < ex-ey {
		shorter := new(big.Int)
		if shorter.QuoRem(quotient, ten, digit); digit.Sign() != 0 {
			break
		}
		quotient, exponent = shorter, exponent+1
	}
	return newDecimal(quotient, exponent)
}
