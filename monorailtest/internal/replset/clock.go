package replset

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// tickLocked advances the cluster time to the next of an entry.
func (s *Set) tickLocked() primitive.Timestamp {
	now := uint32(time.Now().Unix())
	if now > s.clock.T {
		s.clock = primitive.Timestamp{T: now, I: 1}
	} else {
		s.clock.I++
	}
	return s.clock
}

// ClusterTime returns the cluster time.
func (s *Set) ClusterTime() primitive.Timestamp {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock
}

// Gossip takes in a cluster time that a client has heard of.
func (s *Set) Gossip(t primitive.Timestamp) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if CompareTimestamps(t, s.clock) > 0 {
		s.clock = t
	}
}

// LastApplied returns the optime of the member's newest entry.
func (m *Member) LastApplied() OpTime {
	m.set.mu.Lock()
	defer m.set.mu.Unlock()
	return m.log.newest().time
}

// LastCommitted returns the optime of the newest entry that the member knows to be committed.
func (m *Member) LastCommitted() OpTime {
	m.set.mu.Lock()
	defer m.set.mu.Unlock()
	return m.log.at(m.stable).time
}

// AwaitTime waits until the member has everything up to t; with committed, until that is committed.
// A primary makes a no-op entry where nothing else would bring the time there. A time after the
// cluster time is refused (72).
func (m *Member) AwaitTime(ctx context.Context, t primitive.Timestamp, committed bool) error {
	s := m.set
	s.mu.Lock()
	if CompareTimestamps(t, s.clock) > 0 {
		s.mu.Unlock()
		return mongoerror.New(mongoerror.InvalidOptions, "readConcern afterClusterTime value must not be greater than the current clusterTime. "+
			"Requested clusterTime: { ts: Timestamp(%d, %d) }; current clusterTime: { ts: Timestamp(%d, %d) }", t.T, t.I, s.clock.T, s.clock.I)
	}
	if p := s.seenPrimaryLocked(m); p != nil && p.writableLocked() && CompareTimestamps(t, p.log.newest().time.Timestamp) > 0 {
		p.appendLocked(nil)
	}
	s.mu.Unlock()
	return s.wait(ctx, func() bool {
		have := m.log.newest()
		if committed {
			have = m.log.at(m.stable)
		}
		return CompareTimestamps(have.time.Timestamp, t) >= 0
	})
}
