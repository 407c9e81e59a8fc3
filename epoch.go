package monorail

import (
	"sync/atomic"
)

// epoch is what one request sends on one socket: a request that renews itself after a break begins
// another one. Operations keep the epoch in which they began, so that a late one cannot slip into
// the next. It may be shared between goroutines.
type epoch struct {
	series *series
	// number counts the epochs of the request before this one.
	number int
	// pin is the socket. It is set before any operation can find the epoch.
	pin *pin

	// issued counts the statements of unacknowledged writes that were queued, confirmed how many of
	// them the server is known to have processed: confirmed <= issued, and both only grow.
	issued, confirmed atomic.Int64
	// begun counts the statements of unacknowledged writes before they are queued: issued <= begun. A
	// write that meets the break itself is among them, and may have left in part.
	begun atomic.Int64

	// kept holds what is not confirmed; nil without SetKeepUnconfirmed.
	kept *ledger
	// written is the namespace of the last message that may have written; nil before that.
	written atomic.Pointer[namespace]

	// breaking is set before a break counts what may be lost: a write that began before that is counted,
	// and one that begins later finds it set. It is written with the series' lock held.
	breaking atomic.Bool
	// broken is set once, before any operation hears of the break.
	broken atomic.Pointer[BrokenError]
}

// newEpoch returns an epoch that has no socket yet.
func newEpoch(s *series, number int) *epoch {
	e := &epoch{series: s, number: number}
	if limit := s.client.settings.keepUnconfirmed; limit > 0 {
		e.kept = &ledger{limit: limit}
	}
	return e
}

// Processed implements inbox.Position: a reply came to a message before which mark statements had
// been queued. It takes no lock, as the inbox asks.
func (e *epoch) Processed(mark int64) {
	for {
		confirmed := e.confirmed.Load()
		if confirmed >= mark || e.confirmed.CompareAndSwap(confirmed, mark) {
			return
		}
	}
}

// unconfirmed counts the statements whose fate is not known. Reading confirmed first keeps the
// difference from ever being too small.
func (e *epoch) unconfirmed() int {
	confirmed := e.confirmed.Load()
	return int(e.issued.Load() - confirmed)
}

// breakOff notes that the socket is gone. The pin calls it, once, before any operation hears of it.
// The break of an epoch whose request has ended is nobody's.
func (e *epoch) breakOff(cause error) {
	s := e.series
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == seriesEnded {
		return
	}
	e.breaking.Store(true)
	e.broken.Store(e.brokenBy(cause))
	if s.state == seriesPinned && s.epoch == e {
		s.setStateLocked(seriesBroken)
		e.noteBroken(e.broken.Load())
	}
}

// brokenMeanwhile tells whether the epoch is broken, or about to be by a break that may not have counted
// what the caller has begun; it waits until broken tells.
func (e *epoch) brokenMeanwhile() bool {
	if !e.breaking.Load() {
		return false
	}
	e.series.mu.Lock()
	defer e.series.mu.Unlock()
	return e.broken.Load() != nil
}

// brokenBy returns the error of a break, as of now.
func (e *epoch) brokenBy(cause error) *BrokenError {
	confirmed := e.confirmed.Load()
	broken := &BrokenError{
		Cause:        cause,
		Unconfirmed:  int(e.begun.Load() - confirmed),
		Address:      e.pin.address().String(),
		ConnectionID: e.pin.id,
	}
	if e.kept != nil {
		broken.Writes = e.kept.writes(confirmed)
		// A write may have been kept, and not have begun yet.
		broken.Unconfirmed = max(broken.Unconfirmed, len(broken.Writes))
	}
	return broken
}

// release gives the socket back, and turns a failure of that into the error of a break.
func (e *epoch) release() error {
	err := e.pin.release()
	if err == nil || e.unconfirmed() == 0 {
		return nil // a connection that nobody needs any more is no loss
	}
	return e.brokenBy(err)
}
