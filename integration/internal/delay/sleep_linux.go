package delay

import (
	"syscall"
	"time"
)

// sleepUntil returns at t. In an idle process time.Sleep is only as fine as epoll's milliseconds;
// nanosleep is finer, and costs a thread while it lasts.
func sleepUntil(t time.Time) {
	for left := time.Until(t); left > 0; left = time.Until(t) {
		request := syscall.NsecToTimespec(int64(left))
		_ = syscall.Nanosleep(&request, nil) // a signal cuts it short, and the loop goes on
	}
}
