package replset

import (
	"context"
	"errors"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// codeExceededTimeLimit is ExceededTimeLimit of error_codes.yml.
const codeExceededTimeLimit = 262

// ErrNotPrimary is what a member that is not primary answers to what only a primary does.
var ErrNotPrimary = mongoerror.New(mongoerror.NotWritablePrimary, "not master")

// ErrNoneCaughtUp is a step-down that fails because no secondary has everything in time.
var ErrNoneCaughtUp = mongoerror.New(codeExceededTimeLimit, "No electable secondaries caught up as of the deadline. "+
	"Please use the replSetStepDown command with the argument {force: true} to force node to step down.")

// StepDown makes a primary a secondary that is not elected again for period. From the call on it takes
// no writes. It waits until a majority and a member that can be elected have all its entries, at most
// for catchUp: then a forced step-down steps down all the same, and another fails, after which the
// member is the writable primary that it was.
func (m *Member) StepDown(ctx context.Context, period, catchUp time.Duration, force bool) error {
	s := m.set
	s.mu.Lock()
	if !m.writableLocked() {
		s.mu.Unlock()
		return mongoerror.New(mongoerror.NotWritablePrimary, "not primary so can't step down")
	}
	m.refusing = true
	term := m.log.newest().time.Term
	s.announceLocked()
	s.mu.Unlock()

	limited, cancel := context.WithTimeout(ctx, catchUp)
	defer cancel()
	still := func() bool { return m.role == Primary && m.log.newest().time.Term == term }
	err := s.wait(limited, func() bool { return !still() || s.caughtUpLocked(m) })

	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !still():
		return mongoerror.New(mongoerror.PrimarySteppedDown, "While waiting for secondaries to catch up before stepping down, this node decided to step down for other reasons")
	case err == nil, force && errors.Is(err, context.DeadlineExceeded):
		m.frozenUntil = time.Now().Add(period)
		s.setRoleLocked(m, Secondary)
		s.reconsiderLocked()
		return nil
	}
	m.refusing = false
	s.announceLocked()
	if errors.Is(err, context.DeadlineExceeded) {
		return ErrNoneCaughtUp
	}
	return err
}

// caughtUpLocked reports whether a majority has all the entries of m, and one of its members besides m
// can be elected.
func (s *Set) caughtUpLocked(m *Member) bool {
	n, candidate := 0, false
	for _, o := range s.members {
		if o.upLocked() && m.connectedLocked(o) && o.log.has(m.log.last(), m.log.newest()) {
			n++
			candidate = candidate || o != m && o.config.electable()
		}
	}
	return n >= s.majorityLocked() && candidate
}
