//go:build !linux

package delay

import "time"

// newSleeper returns a function that returns at a given time, and one that releases what it needs.
func newSleeper() (sleepUntil func(time.Time), release func()) {
	return coarseSleepUntil, func() {}
}
