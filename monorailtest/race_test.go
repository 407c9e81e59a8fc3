//go:build race

package monorailtest

// manyUpdates is fewer with the race detector, which makes them ten times as slow.
const manyUpdates = 100_000
