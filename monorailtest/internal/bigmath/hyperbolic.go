package bigmath

import "math/big"

// bigExponent is a power of two beyond which a hyperbolic function would be infinite.
const bigExponent = 15

// exponentials returns e^x and e^-x. The bits that a difference of them would lose are there.
func exponentials(x *big.Float) (up, down *big.Float) {
	work := uint(working)
	if e := x.MantExp(nil); e < 0 {
		work += uint(-2 * e)
	}
	up = Exp(number(work).Set(x), work)
	return up, number(work).Quo(number(work).SetInt64(1), up)
}

// tiny tells whether x is so small that an odd function of it is x.
func tiny(x *big.Float) bool { return x.Sign() == 0 || x.MantExp(nil) < -working/2 }

// Sinh returns the hyperbolic sine of x.
func Sinh(x *big.Float) *big.Float {
	switch {
	case tiny(x):
		return number(working).Set(x)
	case x.MantExp(nil) > bigExponent:
		return new(big.Float).SetInf(x.Sign() < 0)
	}
	up, down := exponentials(x)
	up.Sub(up, down)
	return up.SetMantExp(up, -1)
}

// Cosh returns the hyperbolic cosine of x.
func Cosh(x *big.Float) *big.Float {
	switch {
	case tiny(x):
		return number(working).SetInt64(1)
	case x.MantExp(nil) > bigExponent:
		return new(big.Float).SetInf(false)
	}
	up, down := exponentials(x)
	up.Add(up, down)
	return up.SetMantExp(up, -1)
}

// Tanh returns the hyperbolic tangent of x.
func Tanh(x *big.Float) *big.Float {
	switch {
	case tiny(x):
		return number(working).Set(x)
	case x.MantExp(nil) > bigExponent:
		return number(working).SetInt64(int64(x.Sign()))
	}
	up, down := exponentials(x)
	difference := new(big.Float).SetPrec(up.Prec()).Sub(up, down)
	return difference.Quo(difference, up.Add(up, down))
}

// Asinh returns the area hyperbolic sine of x.
func Asinh(x *big.Float) *big.Float {
	if tiny(x) {
		return number(working).Set(x)
	}
	work := uint(working)
	if e := x.MantExp(nil); e < 0 {
		work += uint(-2 * e)
	}
	z := number(work).Abs(x)
	root := number(work).Mul(z, z)
	root.Sqrt(root.Add(root, number(work).SetInt64(1)))
	out := Log(root.Add(root, z), working)
	if x.Sign() < 0 {
		out.Neg(out)
	}
	return out
}

// Acosh returns the area hyperbolic cosine of x, which is 1 at least.
func Acosh(x *big.Float) *big.Float {
	const work = 2 * working
	root := number(work).Mul(x, x)
	root.Sqrt(root.Sub(root, number(work).SetInt64(1)))
	return Log(root.Add(root, x), working)
}

// Atanh returns the area hyperbolic tangent of x, which is between -1 and 1.
func Atanh(x *big.Float) *big.Float {
	if tiny(x) {
		return number(working).Set(x)
	}
	work := uint(2 * working)
	if e := x.MantExp(nil); e < 0 {
		work += uint(-2 * e)
	}
	one := number(work).SetInt64(1)
	quotient := number(work).Add(one, x)
	quotient.Quo(quotient, number(work).Sub(one, x))
	out := Log(quotient, working)
	return out.SetMantExp(out, -1)
}
