package main

import (
	"slices"
	"time"
)

// percentile returns the smallest duration that at least p percent of sorted do not exceed (the
// nearest rank), for p above 0 and up to 100; 0 for no durations.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*p + 99) / 100 // rounded up
	return sorted[rank-1]
}

// sortDurations sorts durations in place and returns them.
func sortDurations(durations []time.Duration) []time.Duration {
	slices.Sort(durations)
	return durations
}
