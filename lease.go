package monorail

import (
	"context"
	"sync/atomic"
)

// lease is what one handle has of a series. It is apart from the Request that the user holds, so that
// what outlives the handle, such as the watcher of a context, does not keep the handle reachable:
// that it is not is how a forgotten one is found. It may be shared between goroutines.
type lease struct {
	series *series
	state  atomic.Int32 // a leaseState; leaves leaseOpen exactly once
	// unwatch stops watching the context that StartRequest was given; nil where that cannot end. It is
	// set before the handle is given away.
	unwatch func() bool
	// lost has room for one error: what the watcher's end gave. The watcher sends, the first End after
	// it receives, nobody closes.
	lost  chan error
	stack Stack // where the handle was made; nil unless stacks are captured
}

// leaseState says who has ended a handle.
type leaseState int32

const (
	// leaseOpen: nobody.
	leaseOpen leaseState = iota
	// leaseCancelled: the context did, and End has not been called yet.
	leaseCancelled
	// leaseEnded: End was called, or nobody could call it any more.
	leaseEnded
)

// over tells whether the handle has ended.
func (l *lease) over() bool { return leaseState(l.state.Load()) != leaseOpen }

// become changes the state, and tells whether it was as expected.
func (l *lease) become(from, to leaseState) bool {
	return l.state.CompareAndSwap(int32(from), int32(to))
}

// endWith ends the handle when ctx is done.
func (l *lease) endWith(ctx context.Context) {
	if ctx.Done() != nil {
		l.lost = make(chan error, 1)
		l.unwatch = context.AfterFunc(ctx, func() {
			if l.become(leaseOpen, leaseCancelled) {
				defer l.series.tellMonitors()
				l.lost <- l.series.leave()
			}
		})
	}
}

// end ends the handle. See Request.End. The caller tells the monitors, as leave says.
func (l *lease) end() error {
	switch {
	case l.become(leaseOpen, leaseEnded):
		if l.unwatch != nil {
			l.unwatch()
		}
		return l.series.leave()
	case l.become(leaseCancelled, leaseEnded):
		return <-l.lost // nobody else would hear of it
	default:
		return nil
	}
}
