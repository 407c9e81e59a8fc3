//go:build !race

package monorailtest

// manyUpdates is how many updates must not make memory grow.
const manyUpdates = 1_000_000
