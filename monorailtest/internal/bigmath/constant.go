package bigmath

import (
	"math/big"
	"sync"
)

// cache holds a constant with as many bits as have been asked for.
type cache struct {
	mu sync.Mutex
	// value is the constant, guarded by mu; a value that is there is never changed.
	value *big.Float
}

var ln2Cache, piCache cache

// cached returns a constant with the given precision, or more.
func cached(c *cache, precision uint, compute func(work uint) *big.Float) *big.Float {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.value == nil || c.value.Prec() < precision {
		c.value = number(precision + guard).Set(compute(precision + 2*guard))
	}
	return c.value
}

// Pi returns the circle's constant, with the given precision or more. It must not be changed.
func Pi(precision uint) *big.Float {
	return cached(&piCache, precision, func(work uint) *big.Float {
		// Machin: pi/4 = 4 arctan(1/5) - arctan(1/239).
		one := number(work).SetInt64(1)
		a := arctanSeries(number(work).Quo(one, number(work).SetInt64(5)), work)
		b := arctanSeries(number(work).Quo(one, number(work).SetInt64(239)), work)
		a.SetMantExp(a, 2)
		a.Sub(a, b)
		return a.SetMantExp(a, 2)
	})
}
