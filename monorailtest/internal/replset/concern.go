package replset

import (
	"context"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// Position is a place in the history of a primary, to wait for.
type Position struct {
	index int
	entry *entry
}

// Newest returns the position of the member's newest entry.
func (m *Member) Newest() Position {
	m.set.mu.Lock()
	defer m.set.mu.Unlock()
	return Position{m.log.last(), m.log.newest()}
}

// WriteConcern says how far an entry has to be for a write to count as done.
type WriteConcern struct {
	// Majority waits for the commit on the majority; else Members have to have the entry.
	Majority bool
	Members  int
	// Timeout bounds the wait; 0 does not.
	Timeout time.Duration
}

// Await waits until p has reached the write concern. The error is one for a writeConcernError:
// WriteConcernFailed (64) after the timeout, UnsatisfiableWriteConcern (100) where the set has too few
// members, and InterruptedDueToReplStateChange (11602) or PrimarySteppedDown (189) when the member is
// not the primary that it was.
func (m *Member) Await(ctx context.Context, p Position, wc WriteConcern) error {
	s := m.set
	var failed error
	first := true
	done := func() bool {
		defer func() { first = false }()
		switch {
		case !wc.Majority && wc.Members > s.sizeLocked():
			failed = mongoerror.New(mongoerror.UnsatisfiableWriteConcern, "Not enough data-bearing nodes")
		case p.index < m.log.first && m.log.newest().time.Term == p.entry.time.Term:
			// Every member has as committed what has been cut off.
			return true
		case wc.Majority && m.stable >= p.index && m.log.has(p.index, p.entry):
			return true
		case !wc.Majority && s.holdersLocked(p) >= wc.Members:
			return true
		case m.role == Primary && m.log.newest().time.Term == p.entry.time.Term:
		case first:
			failed = mongoerror.New(mongoerror.PrimarySteppedDown, "Primary stepped down while waiting for replication")
		default:
			failed = mongoerror.New(mongoerror.InterruptedDueToReplStateChange, "operation was interrupted")
		}
		return failed != nil
	}
	limited, cancel := ctx, func() {}
	if wc.Timeout > 0 {
		limited, cancel = context.WithTimeout(ctx, wc.Timeout)
	}
	defer cancel()
	err := s.wait(limited, done)
	switch {
	case failed != nil:
		return failed
	case err != nil && ctx.Err() == nil && limited.Err() != nil:
		return mongoerror.New(mongoerror.WriteConcernFailed, "waiting for replication timed out")
	}
	return err
}

// holdersLocked returns how many members have the entry.
func (s *Set) holdersLocked(p Position) int {
	n := 0
	for _, m := range s.members {
		if m.role != Removed && m.log.has(p.index, p.entry) {
			n++
		}
	}
	return n
}
