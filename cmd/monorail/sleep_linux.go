package main

import (
	"syscall"
	"time"
)

// sleepUntil returns at t. time.Sleep rounds up to the next millisecond on Linux when the process is
// idle (epoll counts in milliseconds; 0.5 ms took 1.17 ms), which is too coarse for half a round
// trip. nanosleep costs a thread instead, of which the proxy needs two per connection.
func sleepUntil(t time.Time) {
	for left := time.Until(t); left > 0; left = time.Until(t) {
		request := syscall.NsecToTimespec(int64(left))
		// A signal, such as the scheduler's own, cuts the sleep short; the loop goes on with the rest.
		_ = syscall.Nanosleep(&request, nil)
	}
}
