package decimalmath

import "testing"

// The values are those of tables, rounded to 34 digits.
func TestFunctions(t *testing.T) {
	for _, c := range []struct{ name, x, want string }{
		{"$sin", "0", "0"}, {"$sin", "1", "0.8414709848078965066525023216302990"}, {"$cos", "0", "1"}, {"$cos", "1", "0.5403023058681397174009366074429766"},
		{"$tan", "1", "1.557407724654902230506974807458360"}, {"$asin", "1", "1.570796326794896619231321691639751"}, {"$acos", "1", "0"}, {"$acos", "-1", "3.141592653589793238462643383279503"},
		{"$atan", "1", "0.7853981633974483096156608458198757"}, {"$atan", "-Infinity", "-1.570796326794896619231321691639751"},
		{"$sinh", "1", "1.175201193643801456882381850595601"}, {"$cosh", "1", "1.543080634815243778477905620757062"}, {"$tanh", "1", "0.7615941559557648881194582826047936"}, {"$tanh", "-Infinity", "-1"},
		{"$asinh", "1", "0.8813735870195430252326093249797923"}, {"$acosh", "2", "1.316957896924816708625046347307968"}, {"$atanh", "0.5", "0.5493061443340548456976226184612628"}, {"$atanh", "-1", "-Infinity"},
		{"$sin", "Infinity", "NaN"}, {"$sinh", "-Infinity", "-Infinity"}, {"$cosh", "-Infinity", "Infinity"},
	} {
		if got := Functions[c.name](parse(c.x)); got.String() != c.want {
			t.Errorf("%s %s = %s, want %s", c.name, c.x, got, c.want)
		}
	}
	for _, c := range []struct{ y, x, want string }{
		{"1", "-1", "2.356194490192344928846982537459627"}, {"-1", "0", "-1.570796326794896619231321691639751"}, {"0", "-1", "3.141592653589793238462643383279503"}, {"0", "1", "0"}, {"-1", "-1", "-2.356194490192344928846982537459627"},
	} {
		if got := Atan2(parse(c.y), parse(c.x)); got.String() != c.want {
			t.Errorf("atan2 %s, %s = %s, want %s", c.y, c.x, got, c.want)
		}
	}
}

func TestLogarithms(t *testing.T) {
	for _, c := range []struct{ x, base, want string }{
		{"1.5", "", "0.4054651081081643819780131154643491"}, {"1", "", "0"}, {"Infinity", "", "Infinity"}, {"1E-6000", "", "-13815.51055796427410410794872810618"},
		{"1", "8", "0E+33"}, {"64", "8", "2.000000000000000000000000000000000"}, {"81", "9", "2"}, {"163.0729", "12.77", "2.000000000000000000000000000000000"}, {"100", "10", "2"},
		{"2.718281828459045235360287471352662", "", "0.9999999999999999999999999999999998"}, {"8", "2", "3"}, {"1000", "10", "3"}, {"100", "5", "2.861353116146786101340213137527930"},
	} {
		got := Log(parse(c.x))
		if c.base != "" {
			got = LogBase(parse(c.x), parse(c.base))
		}
		if got.String() != c.want {
			t.Errorf("log %s %s = %s, want %s", c.x, c.base, got, c.want)
		}
	}
}

func TestExpAndSqrt(t *testing.T) {
	for _, c := range []struct{ x, want string }{
		{"0", "1"}, {"1", "2.718281828459045235360287471352662"}, {"-Infinity", "0"}, {"20000", "Infinity"}, {"NaN", "NaN"},
	} {
		if got := Exp(parse(c.x)); got.String() != c.want {
			t.Errorf("exp %s = %s, want %s", c.x, got, c.want)
		}
	}
	for _, c := range []struct{ x, want string }{
		{"4", "2"}, {"6.25", "2.5"}, {"2", "1.414213562373095048801688724209698"}, {"0", "0"}, {"1E+3", "31.62277660168379331998893544432719"}, {"Infinity", "Infinity"},
	} {
		if got := Sqrt(parse(c.x)); got.String() != c.want {
			t.Errorf("sqrt %s = %s, want %s", c.x, got, c.want)
		}
	}
}
