package decimalmath

import (
	"testing"
)

// The first two are what a server answered: the second is not exact in its last digit.
func TestPow(t *testing.T) {
	for _, c := range []struct{ x, y, want string }{
		{"1.5", "2", "2.250000000000000000000000000000000"},
		{"7.5", "2", "56.25000000000000000000000000000001"},
		{"-1.5", "3", "-3.375000000000000000000000000000000"},
		{"2", "3", "8.000000000000000000000000000000000"},
		{"10", "2", "100.0000000000000000000000000000000"},
		{"2", "0.5", "1.414213562373095048801688724209698"},
		{"0", "2", "0E-6176"},
		{"-2.5", "0.5", "NaN"},
		{"3", "Infinity", "Infinity"},
		{"0.5", "Infinity", "0E-6176"},
		{"5", "0", "1.000000000000000000000000000000000"},
		{"1E6000", "2", "Infinity"},
	} {
		if got := Pow(parse(c.x), parse(c.y)); got.String() != c.want {
			t.Errorf("%s ^ %s = %s, want %s", c.x, c.y, got, c.want)
		}
	}
}
