//go:build !race

package integration

// poolLosses: see race_test.go.
const poolLosses = 0
