package bigmath

import "math/big"

// working is the precision of the functions that are made of others.
const working = 320

// Asin returns the arc sine of x, which is between -1 and 1.
func Asin(x *big.Float) *big.Float {
	one := number(working).SetInt64(1)
	rest := number(working).Mul(x, x)
	rest.Sub(one, rest)
	if rest.Sign() == 0 {
		half := number(working).SetMantExp(Pi(working), -1)
		if x.Sign() < 0 {
			half.Neg(half)
		}
		return half
	}
	return Atan(rest.Quo(number(working).Set(x), rest.Sqrt(rest)), working)
}

// Acos returns the arc cosine of x, which is between -1 and 1.
func Acos(x *big.Float) *big.Float {
	// 2 arctan(sqrt((1-x)/(1+x))) keeps the bits of a small angle.
	one := number(working).SetInt64(1)
	below := number(working).Add(one, x)
	if below.Sign() == 0 {
		return number(working).Set(Pi(working))
	}
	above := number(working).Sub(one, x)
	above.Quo(above, below)
	out := Atan(above.Sqrt(above), working)
	return out.SetMantExp(out, 1)
}

// Atan2 returns the angle of the point (x, y).
func Atan2(y, x *big.Float, precision uint) *big.Float {
	switch {
	case y.Sign() == 0 && (x.Sign() > 0 || x.Sign() == 0 && !x.Signbit()):
		return number(precision).Set(y)
	case x.Sign() == 0 && y.Sign() == 0, y.Sign() == 0:
		out := number(precision).Set(Pi(precision))
		if y.Signbit() {
			out.Neg(out)
		}
		return out
	case x.Sign() == 0:
		out := number(precision).SetMantExp(Pi(precision), -1)
		if y.Sign() < 0 {
			out.Neg(out)
		}
		return out
	}
	out := Atan(number(precision+guard).Quo(y, x), precision+guard)
	if x.Sign() < 0 {
		if y.Sign() > 0 {
			out.Add(out, Pi(precision+guard))
		} else {
			out.Sub(out, Pi(precision+guard))
		}
	}
	return number(precision).Set(out)
}
