// Package bigmath computes the elementary functions to many digits, so that a result can be rounded
// to a double or a decimal as exactly as the server's libraries do.
//
// Arguments and results are finite. precision is the number of correct bits wanted, relative to the
// result; functions work with some more.
package bigmath

import (
	"math"
	"math/big"
)

// guard is the number of bits that functions work with beyond the precision that is wanted.
const guard = 48

func number(precision uint) *big.Float { return new(big.Float).SetPrec(precision) }

// Exp returns e to the power of x. x is at most about 20000 from zero.
func Exp(x *big.Float, precision uint) *big.Float {
	work := precision + guard
	if x.Sign() == 0 {
		return number(precision).SetInt64(1)
	}
	// x = k ln 2 + r, and r is halved until the series converges fast.
	f, _ := x.Float64()
	k := int(math.Round(f / math.Ln2))
	r := number(work+32).Mul(ln2(work+32), number(work+32).SetInt64(int64(k)))
	r.Sub(number(work+32).Set(x), r)
	const halvings = 16
	r.SetMantExp(r, -halvings)
	sum, term := number(work).SetInt64(1), number(work).SetInt64(1)
	for i := int64(1); ; i++ {
		term.Mul(term, r)
		term.Quo(term, number(work).SetInt64(i))
		if negligible(term, sum, work) {
			break
		}
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	return number(precision).SetMantExp(sum, k)
}

// negligible tells whether a term is too small to change a sum.
func negligible(term, sum *big.Float, work uint) bool {
	return term.Sign() == 0 || term.MantExp(nil) < sum.MantExp(nil)-int(work)-2
}

// Log returns the natural logarithm of x, which is positive.
func Log(x *big.Float, precision uint) *big.Float {
	work := precision + guard
	one := number(work).SetInt64(1)
	if x.Cmp(one) == 0 {
		return number(precision)
	}
	// x = m 2^k with m near 1; ln m = 2 artanh((m-1)/(m+1)).
	m := number(x.Prec() + work)
	k := x.MantExp(m)
	if m.Cmp(big.NewFloat(math.Sqrt2/2)) < 0 {
		m.SetMantExp(m, 1)
		k--
	}
	// A result near zero has fewer bits than its parts.
	numerator := number(x.Prec()+work).Sub(m, one)
	if numerator.Sign() == 0 {
		return number(precision).Mul(ln2(work), number(work).SetInt64(int64(k)))
	}
	out := artanh(number(work).Quo(numerator, number(x.Prec()+work).Add(m, one)), work)
	out.SetMantExp(out, 1)
	if k != 0 {
		out.Add(out, number(work).Mul(ln2(work), number(work).SetInt64(int64(k))))
	}
	return number(precision).Set(out)
}

// artanh sums the series of the area hyperbolic tangent.
func artanh(z *big.Float, work uint) *big.Float {
	square := number(work).Mul(z, z)
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

// ln2 is 2 artanh(1/3).
func ln2(precision uint) *big.Float {
	return cached(&ln2Cache, precision, func(work uint) *big.Float {
		third := number(work).Quo(number(work).SetInt64(1), number(work).SetInt64(3))
		out := artanh(third, work)
		return out.SetMantExp(out, 1)
	})
}
