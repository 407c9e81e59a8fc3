package delay

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// newSleeper returns a function that returns at a given time, for one goroutine at a time, and one
// that releases what it needs.
//
// time.Sleep rounds up to the next millisecond on Linux when the process is idle, since the runtime's
// epoll counts in milliseconds: 0.5 ms took 1.17 ms, too coarse for half a round trip. A timer file is
// an event for the same epoll that comes on time. (nanosleep would be as precise, but keeps a
// processor of the runtime for as long as it sleeps: 64 sleepers held all others up.)
func newSleeper() (sleepUntil func(time.Time), release func()) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return coarseSleepUntil, func() {}
	}
	file := os.NewFile(uintptr(fd), "timer") // non-blocking: reads wait in the runtime's epoll
	expirations := make([]byte, 8)
	sleepUntil = func(t time.Time) {
		left := time.Until(t)
		if left <= 0 {
			return
		}
		once := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(left))}
		if err := unix.TimerfdSettime(fd, 0, &once, nil); err != nil {
			coarseSleepUntil(t)
			return
		}
		// The only error is that of a closed file, and release comes after the last call.
		_, _ = file.Read(expirations)
	}
	return sleepUntil, func() { _ = file.Close() }
}
