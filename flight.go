package monorail

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/mongo-monorail/monorail/internal/outbox"
)

// flight is what the context of an operation that Go has started carries: how far it is. It may be
// shared between goroutines.
type flight struct {
	// outer is the flight of the operation that called Go; nil where that is none.
	outer *flight
	// start is closed, once, when the first command is queued, or will not be: Go receives.
	start     chan struct{}
	startOnce sync.Once
	// done is closed by end. Those who wait for the result receive.
	done chan struct{}

	// posted says that the first acknowledged command is being queued, or was, and epoch where.
	posted atomic.Bool
	epoch  atomic.Pointer[epoch]
	// urged says that somebody waits for the operation, so that nothing of it should be held.
	urged atomic.Bool
	// whole says that Go waits for the whole operation.
	whole atomic.Bool

	// mu guards the fields below. With it, turns are passed on and a message is queued, which wait for
	// nothing.
	mu sync.Mutex
	// turns are the sessions that the operation has until it ends.
	turns []*turn
	ended bool
	// late says that Go has returned before a command of the operation was queued: one that is queued
	// from now on is behind what the caller has done since.
	late bool
}

// flightKey is the context key of the innermost flight.
type flightKey struct{}

func flightOf(ctx context.Context) *flight {
	f, _ := ctx.Value(flightKey{}).(*flight)
	return f
}

// init begins a flight. One that is in no request has nothing that Go could wait for.
func (f *flight) init(ctx context.Context) {
	f.start, f.done = make(chan struct{}), make(chan struct{})
	f.outer = flightOf(ctx)
	if !carriesRequest(ctx) {
		f.started()
	}
}

func (f *flight) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, flightKey{}, f)
}

// started lets Go return, if it does not wait for the whole operation.
func (f *flight) started() {
	if !f.whole.Load() {
		f.release()
	}
}

func (f *flight) release() { f.startOnce.Do(func() { close(f.start) }) }

// inline makes Go wait for the whole operation, which is part of another that has the session: two
// calls of Go in that one must not use it side by side.
func (f *flight) inline() {
	f.whole.Store(true)
	f.urged.Store(true)
}

// awaitStart returns when the first command is queued, or will not be, or ctx has ended.
func (f *flight) awaitStart(ctx context.Context) {
	if ctx.Done() == nil {
		<-f.start
		return
	}
	select {
	case <-f.start:
	case <-ctx.Done():
		f.mu.Lock()
		f.late = true
		f.mu.Unlock()
	}
}

// leaveGo is called for an operation outside requests: Go does not wait for a command of it.
func leaveGo(ctx context.Context) {
	if ctx == nil {
		return
	}
	if f := flightOf(ctx); f != nil {
		f.started()
	}
}

// over tells whether the operation has ended: its context may still be in use.
func (f *flight) over() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// end says that the operation has ended.
func (f *flight) end() {
	f.passTurns()
	f.release()
	close(f.done)
}

// wait returns nil when the operation has ended. It has sent what is held of it.
func (f *flight) wait(ctx context.Context) error {
	if f.over() {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	f.urge(ctx)
	select {
	case <-f.done:
	case <-ctx.Done():
		if !f.over() {
			return ctx.Err()
		}
	}
	return nil
}

// urge has the operation's first command leave: at once where it is held, else without being held.
func (f *flight) urge(ctx context.Context) {
	f.urged.Store(true)
	if e := f.epoch.Load(); e != nil {
		_ = e.pin.outbox.Urge(ctx) // the operation hears of a failure
		e.series.tellMonitors()
	}
}

// post is Write for the first acknowledged command of an operation that Go has started: it queues the
// message behind those of the calls of Go before, to leave with them.
func (h *handle) post(ctx context.Context, f *flight, requestID int32, message []byte) error {
	defer func() {
		if h.waiter == nil {
			f.posted.Store(false) // the operation may have another one
		}
	}()
	p := h.pin
	w, granted := p.inbox.Reserve(requestID, len(message), p.limit, h.epoch, h.epoch.issued.Load())
	if !granted {
		_ = p.outbox.Urge(ctx) // a failure ends the wait
		h.epoch.series.tellMonitors()
		if err := p.inbox.AwaitRoom(ctx, w); err != nil {
			return h.failure(ctx, err)
		}
	}
	full, err := f.queue(ctx, p.outbox, message)
	if err != nil {
		p.inbox.Cancel(w)
		return h.failure(ctx, err)
	}
	h.waiter = w
	f.epoch.Store(h.epoch)
	f.started()
	if full || f.urged.Load() || f.awaited() || p.inbox.InLine() {
		_ = p.outbox.Urge(ctx) // Read hears of a failure
	}
	h.epoch.series.tellMonitors()
	return nil
}

// queue appends the message to the outbox, unless its context has ended and Go may have returned.
func (f *flight) queue(ctx context.Context, out *outbox.Outbox, message []byte) (full bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.late && ctx.Err() != nil {
		return false, ctx.Err()
	}
	if f.outer != nil { // whose Go may have returned, while this one's has not noticed yet
		return f.outer.queue(ctx, out, message)
	}
	return out.Post(message)
}
