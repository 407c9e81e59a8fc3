package expression

import (
	"math"
	"math/big"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bigmath"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/decimalmath"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// unboundedly takes any number; a function with a domain says which it is.
const unboundedly = ""

func init() {
	everywhere := func(float64) bool { return true }
	isFinite := func(x float64) bool { return !math.IsInf(x, 0) }
	unit := func(x float64) bool { return x >= -1 && x <= 1 }
	register(
		trigonometric("$sin", sine, "(-inf,inf)", isFinite),
		trigonometric("$cos", cosine, "(-inf,inf)", isFinite),
		trigonometric("$tan", tangent, "(-inf,inf)", isFinite),
		trigonometric("$asin", arcSine, "[-1,1]", unit),
		trigonometric("$acos", arcCosine, "[-1,1]", unit),
		trigonometric("$atan", arcTangent, unboundedly, everywhere),
		trigonometric("$sinh", hyperbolicSine, unboundedly, everywhere),
		trigonometric("$cosh", hyperbolicCosine, unboundedly, everywhere),
		trigonometric("$tanh", hyperbolicTangent, unboundedly, everywhere),
		trigonometric("$asinh", areaSine, unboundedly, everywhere),
		trigonometric("$acosh", areaCosine, "[1,inf]", func(x float64) bool { return x >= 1 }),
		trigonometric("$atanh", math.Atanh, "[-1,1]", unit),
		numeric("$degreesToRadians", scale(math.Pi/180, "0.01745329251994329576923690768488612")),
		numeric("$radiansToDegrees", scale(180/math.Pi, "57.29577951308232087679815481410517")),
		&operator{name: "$atan2", least: 2, most: 2, evaluate: binary(arcTangent2)},
	)
}

func trigonometric(name string, double func(float64) float64, domain string, contains func(float64) bool) *operator {
	return numeric(name, func(v any) (any, error) {
		x := bsonvalue.ToDouble(v)
		d, isDecimal := v.(primitive.Decimal128)
		switch {
		case math.IsNaN(x):
			if isDecimal {
				return v, nil
			}
			return x, nil
		case !contains(x):
			return nil, mongoerror.New(50989, "cannot apply %s to %s, value must in %s", name, bsonvalue.Format(v), domain)
		case isDecimal:
			return decimalmath.Functions[name](d), nil
		}
		return double(x), nil
	})
}

// scale multiplies by a factor.
func scale(factor float64, decimal string) func(v any) (any, error) {
	exact, err := primitive.ParseDecimal128(decimal)
	if err != nil {
		panic(err)
	}
	return func(v any) (any, error) {
		if _, ok := v.(primitive.Decimal128); ok {
			out, _ := bsonvalue.Multiply(v, exact)
			return out, nil
		}
		return bsonvalue.ToDouble(v) * factor, nil
	}
}

// small numbers are their own sine, tangent and the like; the sign of zero stays.
func small(x float64) bool { return math.Abs(x) < 1e-30 }

func sine(x float64) float64 {
	if small(x) {
		return x
	}
	return nearest(x, func(x *big.Float, precision uint) *big.Float {
		s, _ := bigmath.SinCos(x, precision)
		return s
	})
}

func cosine(x float64) float64 {
	return nearest(x, func(x *big.Float, precision uint) *big.Float {
		_, c := bigmath.SinCos(x, precision)
		return c
	})
}

func tangent(x float64) float64 {
	if small(x) {
		return x
	}
	return nearest(x, func(x *big.Float, precision uint) *big.Float {
		s, c := bigmath.SinCos(x, precision)
		return s.Quo(s, c)
	})
}

func arcSine(x float64) float64 {
	if small(x) {
		return x
	}
	return nearest(x, func(x *big.Float, _ uint) *big.Float { return bigmath.Asin(x) })
}

func arcCosine(x float64) float64 {
	if x == 1 {
		return 0
	}
	return nearest(x, func(x *big.Float, _ uint) *big.Float { return bigmath.Acos(x) })
}

func arcTangent(x float64) float64 {
	if small(x) || math.IsInf(x, 0) {
		return math.Atan(x)
	}
	return nearest(x, bigmath.Atan)
}

// The hyperbolic functions take the ways of C's library, whose roundings show in the last digit.

func hyperbolicSine(x float64) float64 {
	h := math.Copysign(0.5, x)
	switch a := math.Abs(x); {
	case a < 0x1p-28 || math.IsInf(x, 0):
		return x
	case a < 1:
		t := math.Expm1(a)
		return h * (2*t - float64(t*t)/(t+1))
	case a < 22:
		t := math.Expm1(a)
		return h * (t + t/(t+1))
	default:
		return 2 * h * halfExponential(a)
	}
}

// halfExponential returns half of e^x where that is finite, though e^x itself may not be.
func halfExponential(x float64) float64 {
	if x < 709 {
		return 0.5 * exp(x)
	}
	w := exp(0.5 * x)
	return 0.5 * w * w
}

func hyperbolicCosine(x float64) float64 {
	switch a := math.Abs(x); {
	case math.IsInf(x, 0):
		return a
	case a < 0.5*math.Ln2:
		t := math.Expm1(a)
		w := 1 + t
		if a < 0x1p-55 {
			return w
		}
		return 1 + float64(t*t)/(w+w)
	case a < 22:
		t := exp(a)
		return 0.5*t + 0.5/t
	default:
		return halfExponential(a)
	}
}

func hyperbolicTangent(x float64) float64 {
	a := math.Abs(x)
	z := 1.0
	switch {
	case a < 0x1p-55:
		return x
	case a >= 22:
	case a >= 1:
		z = 1 - 2/(math.Expm1(2*a)+2)
	default:
		t := math.Expm1(-2 * a)
		z = -t / (t + 2)
	}
	return math.Copysign(z, x)
}

func areaSine(x float64) float64 {
	a := math.Abs(x)
	w := a
	switch {
	case a < 0x1p-28 || math.IsInf(x, 0):
		return x
	case a > 0x1p28:
		w = log(a) + math.Ln2
	case a > 2:
		w = log(2*a + 1/(math.Sqrt(x*x+1)+a))
	default:
		t := x * x
		w = math.Log1p(a + t/(1+math.Sqrt(1+t)))
	}
	return math.Copysign(w, x)
}

func areaCosine(x float64) float64 {
	switch {
	case math.IsInf(x, 1):
		return x
	case x >= 0x1p28:
		return log(x) + math.Ln2
	case x > 2:
		t := x * x
		return log(2*x - 1/(x+math.Sqrt(t-1)))
	default:
		t := x - 1
		return math.Log1p(t + math.Sqrt(2*t+t*t))
	}
}

func arcTangent2(y, x any) (any, error) {
	for i, v := range []any{y, x} {
		if nullish(v) {
			return nil, nil
		}
		if !bsonvalue.IsNumber(v) {
			return nil, mongoerror.New(51044+int32(i), "$atan2 only supports numeric types, not %s", bsonvalue.TypeName(v))
		}
	}
	if anyDecimal(y, x) {
		return decimalmath.Atan2(bsonvalue.ToDecimal(y), bsonvalue.ToDecimal(x)), nil
	}
	a, b := bsonvalue.ToDouble(y), bsonvalue.ToDouble(x)
	if a == 0 || b == 0 || math.IsNaN(a) || math.IsNaN(b) || math.IsInf(a, 0) || math.IsInf(b, 0) {
		return math.Atan2(a, b), nil
	}
	d, _ := bigmath.Atan2(big.NewFloat(a), big.NewFloat(b), binaryPrecision).Float64()
	return d, nil
}
