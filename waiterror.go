package monorail

import (
	"fmt"
	"strings"
	"time"
)

// WaitQueueError says why an operation got no connection of a full pool: errors.Is finds
// ErrWaitQueueTimeout or ErrTooManyWaiting. A timeout is one to the driver's users too:
// mongo.IsTimeout is true. The operation did not run, and its request, if it has one, goes on.
//
// A WaitQueueError is never changed after it was returned, and may be shared between goroutines.
type WaitQueueError struct {
	// Address is the server's, as host:port.
	Address string
	// MaxPoolSize is the size of its pool.
	MaxPoolSize int
	// Held counts the connections that requests hold; the others are in use by operations outside.
	Held int
	// Waiting counts the other operations that wait; see RequestWaitingEvent.
	Waiting int
	// Oldest is the request that has held its socket for the longest time; nil if none has one.
	Oldest *SocketHolder
	// Waited is how long the operation has waited; 0 if it was refused.
	Waited time.Duration
	// Refused tells that SetMaxWaiting did not let the operation wait.
	Refused bool
	// Cause is the driver's own error; nil if the operation was refused.
	Cause error
}

// Error implements error.
func (e *WaitQueueError) Error() string {
	var b strings.Builder
	if e.Refused {
		fmt.Fprintf(&b, "%v: %d wait already", ErrTooManyWaiting, e.Waiting)
	} else {
		fmt.Fprintf(&b, "%v: waited %v", ErrWaitQueueTimeout, e.Waited.Round(time.Millisecond))
	}
	fmt.Fprintf(&b, " for a connection to %s; MaxPoolSize is %d, and requests hold %d", e.Address, e.MaxPoolSize, e.Held)
	if e.Oldest != nil {
		fmt.Fprintf(&b, ", for the longest time %s", e.Oldest)
	}
	if e.Held > 0 {
		b.WriteString("; a goroutine that has a request open must give its operations the request's context, or they wait for the socket that it holds itself;" +
			" end requests early")
	}
	b.WriteString("; or raise MaxPoolSize")
	if e.Cause != nil {
		fmt.Fprintf(&b, ": %v", e.Cause)
	}
	return b.String()
}

// Unwrap returns Cause.
func (e *WaitQueueError) Unwrap() error { return e.Cause }

// Is tells whether target is ErrTooManyWaiting, or ErrWaitQueueTimeout, whichever it is.
func (e *WaitQueueError) Is(target error) bool {
	if e.Refused {
		return target == ErrTooManyWaiting
	}
	return target == ErrWaitQueueTimeout
}

// String names the request, and tells how long it has held its socket and, where that is known, where it
// was started.
func (h *SocketHolder) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "request %d", h.RequestID)
	if h.Name != "" {
		fmt.Fprintf(&b, " %q", h.Name)
	}
	fmt.Fprintf(&b, " (%v)", h.Age.Round(time.Millisecond))
	if len(h.Stack) > 0 {
		fmt.Fprintf(&b, ", started at\n%s", h.Stack)
	}
	return b.String()
}
