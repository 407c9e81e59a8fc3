//go:build !linux

package delay

import "time"

// sleepUntil returns at t.
func sleepUntil(t time.Time) { time.Sleep(time.Until(t)) }
