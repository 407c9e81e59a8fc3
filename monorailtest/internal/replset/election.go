package replset

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// reconsiderLocked looks after something has happened that elections depend on: it has an old primary
// give way to a newer one, and sets the timer where the set needs an election.
func (s *Set) reconsiderLocked() {
	s.spreadTermLocked()
	if s.closed || s.election != nil || !s.unsettledLocked() {
		return
	}
	// Owned by the set; Close stops it. It takes the lock and nothing else.
	s.election = time.AfterFunc(s.electionDelay, s.hold)
}

// spreadTermLocked tells members that are connected the newest term that one of them has heard of. A
// primary of an earlier term gives way.
func (s *Set) spreadTermLocked() {
	for _, m := range s.members {
		for _, o := range s.members {
			if m.connectedLocked(o) {
				m.term = max(m.term, o.term)
			}
		}
		if m.role == Primary && m.log.newest().time.Term < m.term {
			s.setRoleLocked(m, Secondary)
		}
	}
}

// unsettledLocked reports whether there is a majority without a primary, or a primary without one.
func (s *Set) unsettledLocked() bool {
	voters := 0
	for _, m := range s.members {
		if m.role == Primary && !m.isolated {
			return s.reachableLocked(m) < s.majorityLocked()
		}
		if m.upLocked() && !m.isolated {
			voters++
		}
	}
	return voters >= s.majorityLocked()
}

// reachableLocked returns how many members a member can talk to, itself included.
func (s *Set) reachableLocked(m *Member) int {
	n := 0
	for _, o := range s.members {
		if o.upLocked() && m.connectedLocked(o) {
			n++
		}
	}
	return n
}

// hold is the election: of the members that may become primary, the one with the newest entry is
// elected if a majority has none newer. A primary that sees no majority steps down.
func (s *Set) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.election = nil
	if s.closed || !s.unsettledLocked() {
		return
	}
	if p := s.primaryLocked(); p != nil && !p.isolated {
		s.setRoleLocked(p, Secondary)
		s.reconsiderLocked()
		return
	}
	var best *Member
	var frozen time.Duration
	for _, m := range s.members {
		if m.role != Secondary || !m.config.electable() || m.isolated || s.votesLocked(m) < s.majorityLocked() {
			continue
		}
		if left := time.Until(m.frozenUntil); left > 0 {
			if frozen == 0 || left < frozen {
				frozen = left
			}
			continue
		}
		if best == nil || m.log.newest().time.Compare(best.log.newest().time) > 0 {
			best = m
		}
	}
	switch {
	case best != nil:
		best.elected = true
		s.broadcastLocked()
	case frozen > 0:
		s.election = time.AfterFunc(frozen, s.hold)
	default:
		// A member that is rolling back may be what is missing.
		s.election = time.AfterFunc(s.electionDelay, s.hold)
	}
}

// votesLocked returns how many members would vote for m: those that it reaches and that have nothing
// newer.
func (s *Set) votesLocked(m *Member) int {
	n := 0
	for _, o := range s.members {
		if o.upLocked() && m.connectedLocked(o) && o.log.newest().time.Compare(m.log.newest().time) <= 0 {
			n++
		}
	}
	return n
}

// becomePrimaryLocked ends an election. It is called by the goroutine of m, which is not busy then.
func (s *Set) becomePrimaryLocked(m *Member) {
	m.elected = false
	if s.closed || s.votesLocked(m) < s.majorityLocked() {
		s.reconsiderLocked()
		s.broadcastLocked()
		return
	}
	s.term++
	m.term = s.term
	m.electionID = electionID(s.term)
	m.log.append(&entry{time: OpTime{s.tickLocked(), s.term}, wall: time.Now()})
	s.setRoleLocked(m, Primary)
	// Whoever was primary and hears of it gives way.
	s.reconsiderLocked()
	s.advanceLocked(m)
}

// ErrBehind says that a member cannot be elected: no majority is up to vote for it, or too many have
// entries that it lacks.
var ErrBehind = errors.New("no majority would vote for the member")

// Elect makes a member primary, and returns when it is. A primary that it can reach gives way. A member
// that is behind and takes in what it lacks is waited for.
func (m *Member) Elect(ctx context.Context) error {
	s := m.set
	var failed error
	err := s.wait(ctx, func() bool {
		switch {
		case m.role == Primary && s.primaryLocked() == m:
			return true
		case m.role != Secondary && m.role != Rollback && m.role != Primary:
			failed = fmt.Errorf("member %d is %s", m.index, m.role)
		case !m.config.electable():
			failed = fmt.Errorf("member %d has priority 0", m.index)
		case m.role == Secondary && !m.elected && s.votesLocked(m) < s.majorityLocked():
			if p := s.seenPrimaryLocked(m); p == nil || m.stopped || s.reachableLocked(m) < s.majorityLocked() {
				failed = ErrBehind
			}
		case m.role == Secondary && !m.elected:
			m.frozenUntil = time.Time{}
			m.elected = true
			s.broadcastLocked()
		}
		return failed != nil
	})
	if failed != nil {
		return failed
	}
	return err
}

// Freeze keeps a member from being elected for d; 0 ends that, and also what a step-down has left.
func (m *Member) Freeze(d time.Duration) { m.change(func() { m.frozenUntil = time.Now().Add(d) }) }
