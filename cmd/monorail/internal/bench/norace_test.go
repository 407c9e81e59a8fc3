//go:build !race

package bench

// poolLosses: see race_test.go.
const poolLosses = 0
