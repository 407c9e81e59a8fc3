// Package summation adds numbers as the server's $sum, $avg and $add do: the types are kept apart,
// and rounding errors of doubles are carried along until the end.
package summation

import (
	"math"
	"strconv"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// Sum is a sum of numbers. The zero value is the sum of none. It is not for several goroutines.
type Sum struct {
	binary  doubleDouble
	decimal any
	long    bool
	double  bool
}

// Add adds a number; what is none is left out and gives false.
func (s *Sum) Add(v any) bool {
	switch x := v.(type) {
	case int32:
		s.binary.add(float64(x))
	case int64:
		s.long = true
		s.binary.addLong(x)
	case float64:
		s.double = true
		s.binary.add(x)
	case primitive.Decimal128:
		if s.decimal == nil {
			s.decimal = any(x)
		} else {
			s.decimal, _ = bsonvalue.Add(s.decimal, x)
		}
	default:
		return false
	}
	return true
}

// AddMillis adds the milliseconds of a date, which is no number and leaves the type as it is.
func (s *Sum) AddMillis(n int64) { s.binary.addLong(n) }

// Total returns the sum in the widest type of those that were added: int32, or int64 where it does
// not fit; a sum of integers that no int64 holds is a double.
func (s *Sum) Total() any {
	if s.decimal != nil {
		total, _ := bsonvalue.Add(s.decimal, s.binary.decimal())
		return total
	}
	if s.double || !s.binary.fitsLong() {
		return s.binary.double()
	}
	n := s.binary.toLong()
	if !s.long && n == int64(int32(n)) {
		return int32(n)
	}
	return n
}

// Millis returns the sum rounded to an integer, and whether an int64 holds it.
func (s *Sum) Millis() (n int64, ok bool) {
	if s.decimal != nil {
		total, _ := bsonvalue.Add(s.decimal, s.binary.decimal())
		return bsonvalue.RoundToLong(total.(primitive.Decimal128))
	}
	if !s.binary.fitsLong() {
		return 0, false
	}
	return s.binary.toLong(), true
}

// Average returns the sum divided by n: a decimal if one was added, otherwise a double.
func (s *Sum) Average(n int64) any {
	if s.decimal != nil {
		return bsonvalue.DivideDecimals(s.Total().(primitive.Decimal128), bsonvalue.ToDecimal(n))
	}
	return s.binary.double() / float64(n)
}

// doubleDouble is a sum of doubles in two parts: high is the sum rounded to a double, low what is
// missing from it.
type doubleDouble struct {
	high, low float64
	// simple is the plain sum, for where an infinity makes the parts NaN.
	simple float64
}

func (d *doubleDouble) add(x float64) {
	d.simple += x
	// The low part is far smaller than what is added, so that the short form of twoSum does.
	sum := x + d.low
	rest := d.low - (sum - x)
	var low float64
	d.high, low = twoSum(d.high, sum)
	d.low = rest + low
}

// addLong adds an int64 that a double may not hold.
func (d *doubleDouble) addLong(n int64) {
	low := n % (1 << 32)
	d.add(float64(low))
	d.add(float64(n - low))
}

// twoSum returns the rounded sum of two doubles, and the error of the rounding.
func twoSum(a, b float64) (sum, rest float64) {
	sum = a + b
	c := sum - b
	return sum, (a - c) + (b - (sum - c))
}

func (d *doubleDouble) double() float64 {
	if math.IsNaN(d.high) {
		return d.simple
	}
	return d.high
}

func (d *doubleDouble) fitsLong() bool {
	switch {
	case d.high > -0x1p63 && d.high < 0x1p63:
		return true
	case d.high == 0x1p63:
		return d.low < -0.5
	case d.high == -0x1p63:
		return d.low >= -0.5
	}
	return false
}

func (d *doubleDouble) toLong() int64 {
	if d.high == 0x1p63 {
		return math.MaxInt64 + (int64(math.Round(d.low)) + 1)
	}
	n := int64(math.Round(d.high))
	return n + int64(math.Round((d.high-float64(n))+d.low))
}

func (d *doubleDouble) decimal() primitive.Decimal128 {
	high := ExactDecimal(d.double())
	if math.IsNaN(d.high) || math.IsInf(d.high, 0) {
		return high
	}
	sum, _ := bsonvalue.Add(high, ExactDecimal(d.low))
	return sum.(primitive.Decimal128)
}

// ExactDecimal returns the decimal of a double's value with up to 34 digits, where bsonvalue's
// conversion has 15: an integer has no exponent, and a fraction no zeros at its end.
func ExactDecimal(d float64) primitive.Decimal128 {
	if math.IsNaN(d) || math.IsInf(d, 0) || d == 0 {
		return bsonvalue.ToDecimal(d)
	}
	s := strconv.FormatFloat(d, 'e', 33, 64)
	out, err := primitive.ParseDecimal128(s)
	if err != nil {
		return bsonvalue.ToDecimal(d)
	}
	return bsonvalue.Reduce(out)
}
