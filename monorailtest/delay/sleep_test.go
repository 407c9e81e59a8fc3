package delay

import (
	"testing"
	"time"
)

func TestSleepsUntilTheTime(t *testing.T) {
	sleepUntil, release := newSleeper()
	defer release()
	for _, d := range []time.Duration{-time.Second, 0, time.Nanosecond, 300 * time.Microsecond, 5 * time.Millisecond, 100 * time.Microsecond} {
		due := time.Now().Add(d)
		sleepUntil(due)
		if now := time.Now(); now.Before(due) {
			t.Errorf("a sleep of %v ended %v early", d, due.Sub(now))
		}
	}
}
