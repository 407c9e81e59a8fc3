//go:build race

package bench

// poolLosses is how many allocations an operation may have more: the race detector makes every sync.Pool
// lose a part of what is put back, which is then made anew.
const poolLosses = 8
