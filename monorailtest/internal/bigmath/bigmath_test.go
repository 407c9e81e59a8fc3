package bigmath

import (
	"math"
	"math/big"
	"testing"
)

// The values have 50 digits, as tables have them.
func TestKnownValues(t *testing.T) {
	const precision = 150
	x := func(f float64) *big.Float { return big.NewFloat(f) }
	sin, cos := SinCos(x(1), precision)
	far, _ := SinCos(x(1e22), precision)
	for _, c := range []struct {
		name string
		got  *big.Float
		want string
	}{
		{"exp 1", Exp(x(1), precision), "2.7182818284590452353602874713526624977572470937"},
		{"exp -0.5", Exp(x(-0.5), precision), "0.60653065971263342360379953499118045344191813549"},
		{"exp 0", Exp(x(0), precision), "1"},
		{"log 2", Log(x(2), precision), "0.69314718055994530941723212145817656807550013436"},
		{"log 10", Log(x(10), precision), "2.3025850929940456840179914546843642076011014886"},
		{"log 1", Log(x(1), precision), "0"},
		{"pi", Pi(precision), "3.1415926535897932384626433832795028841971693994"},
		{"atan 1", Atan(x(1), precision), "0.78539816339744830961566084581987572104929234984"},
		{"atan -2", Atan(x(-2), precision), "-1.1071487177940905030170654601785370400700476454"},
		{"sin 1", sin, "0.84147098480789650665250232163029899962256306080"},
		{"cos 1", cos, "0.54030230586813971740093660744297660373231042062"},
		{"sin 1e22", far, "-0.85220084976718880177270589375302936826176215041"},
	} {
		want, _, err := big.ParseFloat(c.want, 10, 200, big.ToNearestEven)
		if err != nil {
			t.Fatal(err)
		}
		difference := new(big.Float).Sub(c.got, want)
		if difference.Abs(difference).Cmp(big.NewFloat(1e-43)) > 0 {
			t.Errorf("%s = %s, want %s", c.name, c.got.Text('g', 45), c.want)
		}
	}
}

func TestAgainstDoubles(t *testing.T) {
	near := func(name string, x float64, got *big.Float, want float64) {
		t.Helper()
		if f, _ := got.Float64(); math.Abs(f-want) > 1e-14*math.Max(1e-300, math.Abs(want)) {
			t.Errorf("%s(%v) = %v, want %v", name, x, f, want)
		}
	}
	for _, x := range []float64{1e-300, 1e-9, 0.3, 0.7, 1.0000001, 2.5, 3.14159, 7, 100, 700} {
		b := big.NewFloat(x)
		near("exp", x, Exp(b, 64), math.Exp(x))
		near("log", x, Log(b, 64), math.Log(x))
		near("atan", x, Atan(b, 64), math.Atan(x))
		sin, cos := SinCos(b, 64)
		near("sin", x, sin, math.Sin(x))
		near("cos", x, cos, math.Cos(x))
		sin, _ = SinCos(new(big.Float).Neg(b), 64)
		near("sin", -x, sin, math.Sin(-x))
	}
}
