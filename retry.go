package monorail

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/mongo-monorail/monorail/internal/wire"
)

// The driver repeats a failed operation by itself. While the request is broken, the repetition finds no
// server; but the request may be renewed before it comes, by another goroutine for one. It would then
// run on the new socket, and nobody would hear that what the operation was issued behind may be lost.
// So a broken epoch leaves behind which operations it failed, and their repetitions are refused.

// failedAttempts are the attempts that a break has met. The series' lock guards it.
type failedAttempts struct {
	epoch    *epoch // that broke
	attempts map[wire.Attempt]struct{}
}

// noteFailed notes the operation of an epoch that has broken. If the server has answered it, all that was
// issued in front of it is processed, and a read is no matter; nor could a repetition of it be told from the
// next read, which gets the session that it leaves. The driver throws away the session of one that a
// failure of the socket has ended.
func (h *handle) noteFailed(answered bool) {
	a, ok := h.attempted()
	if !ok || answered && a.Number == 0 || h.epoch.broken.Load() == nil {
		return
	}
	s := h.epoch.series
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := &s.failed; f.epoch == nil || f.epoch.number < h.epoch.number {
		*f = failedAttempts{h.epoch, make(map[wire.Attempt]struct{})}
	}
	if s.failed.epoch == h.epoch {
		s.failed.attempts[a] = struct{}{}
	}
}

// refuseRetry returns an error for an operation that began in an earlier epoch. A context's error is in
// its chain, which has the driver neither try once more nor blame the server.
func (h *handle) refuseRetry() error {
	if h.epoch.number == 0 {
		return nil
	}
	a, ok := h.attempted()
	if !ok {
		return nil
	}
	s := h.epoch.series
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, failed := s.failed.attempts[a]; !failed || s.failed.epoch == h.epoch {
		return nil
	}
	delete(s.failed.attempts, a) // a change stream goes on in the same session
	return fmt.Errorf("%w (the request has been renewed since, and the driver's retry was stopped: %w)",
		s.failed.epoch.broken.Load(), context.Canceled)
}

// attempted returns what is known of the operation that wrote last. A read in a session of the
// program's cannot be told from the next one in that session.
func (h *handle) attempted() (wire.Attempt, bool) {
	if h.sent == nil {
		return wire.Attempt{}, false
	}
	a, ok := wire.ReadAttempt(h.sent)
	if !ok {
		a = h.attempt
	}
	if a == (wire.Attempt{}) || a.Number == 0 && mongo.SessionFromContext(h.ctx) != nil {
		return a, false
	}
	return a, true
}
