package bsonvalue

import (
	"cmp"
	"math"
	"math/big"

	"go.mongodb.org/mongo-driver/bson/primitive"
)

// IsNumber tells whether v is an int32, int64, double or decimal.
func IsNumber(v any) bool {
	switch v.(type) {
	case int32, int64, float64, primitive.Decimal128:
		return true
	}
	return false
}

// CompareNumbers compares two numbers by value, exactly, whatever their types. NaN is equal to
// NaN and less than every other number.
func CompareNumbers(a, b any) int {
	switch x := a.(type) {
	case int32:
		switch y := b.(type) {
		case int32:
			return cmp.Compare(x, y)
		case int64:
			return cmp.Compare(int64(x), y)
		case float64:
			return cmp.Compare(float64(x), y)
		}
	case int64:
		switch y := b.(type) {
		case int32:
			return cmp.Compare(x, int64(y))
		case int64:
			return cmp.Compare(x, y)
		case float64:
			return -compareDoubleToLong(y, x)
		}
	case float64:
		switch y := b.(type) {
		case int32:
			return cmp.Compare(x, float64(y))
		case int64:
			return compareDoubleToLong(x, y)
		case float64:
			return cmp.Compare(x, y)
		}
	}
	return compareExact(a, b)
}

func compareDoubleToLong(d float64, l int64) int {
	switch {
	case math.IsNaN(d), d < -0x1p63:
		return -1
	case d >= 0x1p63:
		return 1
	}
	whole := math.Trunc(d)
	if c := cmp.Compare(int64(whole), l); c != 0 {
		return c
	}
	return cmp.Compare(d, whole)
}

// compareExact compares numbers of which one at least is a decimal.
func compareExact(a, b any) int {
	x, y := magnitudeOf(a), magnitudeOf(b)
	if x != finite || y != finite {
		return cmp.Compare(x, y)
	}
	return rational(a).Cmp(rational(b))
}

// magnitude tells the numbers that are no rational apart, in their order.
type magnitude int

const (
	notANumber magnitude = iota
	negativeInfinity
	finite
	positiveInfinity
)

func magnitudeOf(v any) magnitude {
	switch x := v.(type) {
	case float64:
		switch {
		case math.IsNaN(x):
			return notANumber
		case math.IsInf(x, -1):
			return negativeInfinity
		case math.IsInf(x, 1):
			return positiveInfinity
		}
	case primitive.Decimal128:
		switch {
		case x.IsNaN():
			return notANumber
		case x.IsInf() < 0:
			return negativeInfinity
		case x.IsInf() > 0:
			return positiveInfinity
		}
	}
	return finite
}

// rational returns the exact value of a finite number.
func rational(v any) *big.Rat {
	switch x := v.(type) {
	case int32:
		return new(big.Rat).SetInt64(int64(x))
	case int64:
		return new(big.Rat).SetInt64(x)
	case float64:
		return new(big.Rat).SetFloat64(x)
	}
	coefficient, exponent := parts(v.(primitive.Decimal128))
	r := new(big.Rat).SetInt(coefficient)
	power := new(big.Rat).SetInt(powerOfTen(max(exponent, -exponent)))
	if exponent < 0 {
		return r.Quo(r, power)
	}
	return r.Mul(r, power)
}

// Add returns a + b as $inc and $add compute it: in the wider of the two types, an int32 that
// overflows becoming an int64. overflow says that the sum of int64s does not fit; the result is
// then that of doubles, which $add uses and $inc refuses.
func Add(a, b any) (sum any, overflow bool) {
	return arithmetic(a, b, addLongs, func(x, y float64) float64 { return x + y }, addDecimals)
}

// Multiply returns a * b by the rules of Add.
func Multiply(a, b any) (product any, overflow bool) {
	return arithmetic(a, b, multiplyLongs, func(x, y float64) float64 { return x * y }, multiplyDecimals)
}

// Subtract returns a - b by the rules of Add.
func Subtract(a, b any) (difference any, overflow bool) {
	return arithmetic(a, b, subtractLongs, func(x, y float64) float64 { return x - y }, subtractDecimals)
}

func arithmetic(a, b any, longs func(x, y int64) (int64, bool), doubles func(x, y float64) float64,
	decimals func(x, y primitive.Decimal128) primitive.Decimal128) (any, bool) {
	_, decimalA := a.(primitive.Decimal128)
	_, decimalB := b.(primitive.Decimal128)
	if decimalA || decimalB {
		return decimals(ToDecimal(a), ToDecimal(b)), false
	}
	_, doubleA := a.(float64)
	_, doubleB := b.(float64)
	if doubleA || doubleB {
		return doubles(ToDouble(a), ToDouble(b)), false
	}
	x, narrowA := integer(a)
	y, narrowB := integer(b)
	r, ok := longs(x, y)
	if !ok {
		return doubles(float64(x), float64(y)), true
	}
	if narrowA && narrowB && r == int64(int32(r)) {
		return int32(r), false
	}
	return r, false
}

// integer returns the value of an int32 or int64, and whether it is an int32.
func integer(v any) (n int64, narrow bool) {
	if i, ok := v.(int32); ok {
		return int64(i), true
	}
	return v.(int64), false
}

func addLongs(x, y int64) (int64, bool) {
	r := x + y
	return r, (r > x) == (y > 0)
}

func subtractLongs(x, y int64) (int64, bool) {
	r := x - y
	return r, (r < x) == (y > 0)
}

func multiplyLongs(x, y int64) (int64, bool) {
	if x == 0 || y == 0 {
		return 0, true
	}
	if (x == -1 && y == math.MinInt64) || (y == -1 && x == math.MinInt64) {
		return 0, false
	}
	r := x * y
	return r, r/y == x
}

// ToDouble returns the double nearest to a number.
func ToDouble(v any) float64 {
	switch x := v.(type) {
	case int32:
		return float64(x)
	case int64:
		return float64(x)
	case float64:
		return x
	}
	d := v.(primitive.Decimal128)
	switch magnitudeOf(d) {
	case notANumber:
		return math.NaN()
	case negativeInfinity:
		return math.Inf(-1)
	case positiveInfinity:
		return math.Inf(1)
	}
	f, _ := rational(d).Float64()
	if f == 0 && isNegative(d) {
		return math.Copysign(0, -1)
	}
	return f
}

// ToLong returns the integer part of a number, and whether the number is one that an int64 holds
// exactly.
func ToLong(v any) (n int64, exact bool) {
	switch x := v.(type) {
	case int32:
		return int64(x), true
	case int64:
		return x, true
	case float64:
		if math.IsNaN(x) {
			return 0, false
		}
		if x >= 0x1p63 {
			return math.MaxInt64, false
		}
		if x < -0x1p63 {
			return math.MinInt64, false
		}
		return int64(x), x == math.Trunc(x)
	case primitive.Decimal128:
		return decimalToLong(x)
	}
	return 0, false
}

func decimalToLong(d primitive.Decimal128) (int64, bool) {
	switch magnitudeOf(d) {
	case notANumber:
		return 0, false
	case negativeInfinity:
		return math.MinInt64, false
	case positiveInfinity:
		return math.MaxInt64, false
	}
	r := rational(d)
	whole := new(big.Int).Quo(r.Num(), r.Denom())
	if !whole.IsInt64() {
		if whole.Sign() < 0 {
			return math.MinInt64, false
		}
		return math.MaxInt64, false
	}
	return whole.Int64(), r.IsInt()
}

// IsNaN tells whether v is the double or decimal NaN.
func IsNaN(v any) bool {
	return IsNumber(v) && magnitudeOf(v) == notANumber
}

// IsFinite tells whether v is a number other than NaN and the infinities.
func IsFinite(v any) bool {
	return IsNumber(v) && magnitudeOf(v) == finite
}

// Truth tells whether the server takes v for true: all but false, null, undefined, Missing and
// the numbers equal to zero.
func Truth(v any) bool {
	switch x := v.(type) {
	case nil, primitive.Undefined, primitive.Null:
		return false
	case bool:
		return x
	case int32, int64, float64, primitive.Decimal128:
		return CompareNumbers(v, int32(0)) != 0
	}
	return !IsMissing(v)
}
