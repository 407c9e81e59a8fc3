package delay

import "time"

// coarseSleepUntil returns at t, or up to a millisecond later.
func coarseSleepUntil(t time.Time) { time.Sleep(time.Until(t)) }
