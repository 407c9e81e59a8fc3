package summation

import (
	"math"
	"testing"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

func decimal(t *testing.T, s string) primitive.Decimal128 {
	t.Helper()
	d, err := primitive.ParseDecimal128(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTotal(t *testing.T) {
	for _, c := range []struct {
		name string
		add  []any
		want any
	}{
		{"nothing", nil, int32(0)},
		{"ints", []any{int32(1), int32(2)}, int32(3)},
		{"ints that need a long", []any{int32(math.MaxInt32), int32(1)}, int64(1 << 31)},
		{"a long stays one", []any{int64(1), int32(1)}, int64(2)},
		{"longs that need a double", []any{int64(math.MaxInt64), int32(1)}, float64(1 << 63)},
		{"longs beyond the precision of a double", []any{int64(math.MaxInt64), int64(-1)}, int64(math.MaxInt64 - 1)},
		{"an overflow on the way", []any{int64(math.MaxInt64), int64(5), int64(-5)}, int64(math.MaxInt64)},
		{"doubles without their rounding errors", []any{0.1, 0.2, 0.3}, 0.6},
		{"infinity", []any{math.Inf(1), 1.0}, math.Inf(1)},
		{"decimals", []any{decimal(t, "1.5"), int32(7)}, decimal(t, "8.5")},
		{"a decimal and a double", []any{decimal(t, "2.25"), 45.5}, decimal(t, "47.75")},
		{"a decimal and an inexact double", []any{decimal(t, "0"), 0.1}, decimal(t, "0.1000000000000000055511151231257827")},
		{"no number", []any{"x", nil, int32(4)}, int32(4)},
	} {
		var s Sum
		for _, v := range c.add {
			s.Add(v)
		}
		if got := s.Total(); !bsonvalue.Identical(got, c.want) {
			t.Errorf("%s: %T %v, want %T %v", c.name, got, got, c.want, c.want)
		}
	}
}

func TestAverage(t *testing.T) {
	var s Sum
	s.Add(int32(1))
	s.Add(int32(2))
	if got := s.Average(2); got != 1.5 {
		t.Errorf("%v, want 1.5", got)
	}
	s.Add(decimal(t, "1.5"))
	if got := s.Average(3); got != decimal(t, "1.5") {
		t.Errorf("%v, want 1.5 as a decimal", got)
	}
}

func TestMillis(t *testing.T) {
	var s Sum
	s.AddMillis(1582988645123)
	s.Add(1.6)
	s.Add(int32(1))
	if n, ok := s.Millis(); !ok || n != 1582988645126 {
		t.Errorf("%d, %v: fractions round at the end", n, ok)
	}
	s.AddMillis(math.MaxInt64)
	if _, ok := s.Millis(); ok {
		t.Error("a date beyond int64 must not fit")
	}
}
