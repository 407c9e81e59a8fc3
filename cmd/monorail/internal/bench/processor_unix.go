//go:build unix

package bench

import (
	"syscall"
	"time"
)

// processorTime returns what all threads of this process have used, in and below the kernel's calls.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
