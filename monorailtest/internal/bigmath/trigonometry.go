package bigmath

import "math/big"

// arctanSeries sums the series of the arc tangent of a small z.
func arctanSeries(z *big.Float, work uint) *big.Float {
	square := number(work).Mul(z, z)
	square.Neg(square)
	sum, power := number(work).Set(z), number(work).Set(z)
	for i := int64(3); ; i += 2 {
		power.Mul(power, square)
		term := number(work).Quo(power, number(work).SetInt64(i))
		if negligible(term, sum, work) {
			return sum
		}
		sum.Add(sum, term)
	}
}

// Atan returns the arc tangent of x.
func Atan(x *big.Float, precision uint) *big.Float {
	work := precision + guard
	if x.Sign() == 0 {
		return number(precision)
	}
	z := number(work).Abs(x)
	one := number(work).SetInt64(1)
	inverted := z.Cmp(one) > 0
	if inverted {
		z.Quo(one, z)
	}
	// arctan z = 2 arctan(z / (1 + sqrt(1 + z^2))), three times over.
	const halvings = 3
	for range halvings {
		root := number(work).Mul(z, z)
		root.Sqrt(root.Add(root, one))
		z.Quo(z, root.Add(root, one))
	}
	out := arctanSeries(z, work)
	out.SetMantExp(out, halvings)
	if inverted {
		half := number(work).SetMantExp(Pi(work), -1)
		out.Sub(half, out)
	}
	if x.Sign() < 0 {
		out.Neg(out)
	}
	return number(precision).Set(out)
}

// SinCos returns the sine and the cosine of x.
func SinCos(x *big.Float, precision uint) (sin, cos *big.Float) {
	// A large argument, and one near a multiple of pi/2, lose bits when that is taken away.
	exponent := x.MantExp(nil)
	work := precision + 2*guard + x.Prec()
	if exponent > 0 {
		work += uint(exponent)
	}
	half := number(work).SetMantExp(Pi(work), -1)
	quotient := number(work).Quo(number(work).Set(x), half)
	n, _ := quotient.Add(quotient, big.NewFloat(halfOf(x))).Int(nil)
	r := number(work).Sub(number(work).Set(x), number(work).Mul(half, number(work).SetInt(n)))
	s, c := sinCosSeries(r, precision+guard)
	switch new(big.Int).And(n, big.NewInt(3)).Int64() {
	case 1:
		s, c = c, s.Neg(s)
	case 2:
		s, c = s.Neg(s), c.Neg(c)
	case 3:
		s, c = c.Neg(c), s
	}
	return number(precision).Set(s), number(precision).Set(c)
}

// halfOf is what is added before a number is cut off to the nearest integer.
func halfOf(x *big.Float) float64 {
	if x.Sign() < 0 {
		return -0.5
	}
	return 0.5
}

// sinCosSeries sums the series for a small r.
func sinCosSeries(r *big.Float, work uint) (sin, cos *big.Float) {
	r = number(work).Set(r)
	square := number(work).Mul(r, r)
	square.Neg(square)
	sum := func(first *big.Float, from int64) *big.Float {
		sum, term := number(work).Set(first), number(work).Set(first)
		for i := from; term.Sign() != 0; i += 2 {
			term.Mul(term, square)
			term.Quo(term, number(work).SetInt64(i*(i+1)))
			if negligible(term, sum, work) {
				break
			}
			sum.Add(sum, term)
		}
		return sum
	}
	return sum(r, 2), sum(number(work).SetInt64(1), 1)
}
