package replset

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/session"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// Set is a replica set. It is safe for concurrent use.
type Set struct {
	// name is the setName.
	name string
	// electionDelay is how long the set is without a primary before the next is elected.
	electionDelay time.Duration
	// kept is how many entries that no member needs an oplog keeps. It is set before the first is made.
	kept int
	// ctx is done when the set closes; it ends the goroutines of the members.
	ctx    context.Context
	cancel context.CancelFunc
	// running counts the goroutines of the members; Close waits for them.
	running sync.WaitGroup

	// mu guards everything below, and in every member what its fields say. A member's store may be
	// locked when it is taken, so nothing that takes a lock of a store is called while it is held.
	mu      sync.Mutex
	members []*Member
	// version is that of the configuration.
	version int
	// term is the newest term of an election.
	term int64
	// commit is the position up to which the history is on a majority, and committed the entry there. It
	// never goes back.
	commit    int
	committed *entry
	// clock is the cluster time: not less than that of any entry.
	clock primitive.Timestamp
	// progress tells of everything that somebody may wait for, topology of new answers of hello only, so
	// that those who wait for them are not woken by each write.
	progress, topology notice
	// election fires when it is time to look for a primary; nil while none is due.
	election *time.Timer
	closed   bool
}

// New starts a set: the first member is primary, and every member empty. Close ends it.
func New(name string, electionDelay time.Duration, configs []Config) *Set {
	s := &Set{name: name, electionDelay: electionDelay, kept: defaultKept, version: 1, term: 1}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	first := &entry{time: OpTime{s.tickLocked(), s.term}, wall: time.Now()}
	s.committed = first
	for i, c := range configs {
		m := &Member{set: s, index: i, config: c, role: Secondary, term: s.term, process: primitive.NewObjectID()}
		m.log.append(first)
		m.Data = Data{store.NewJournaled(m), session.NewTable()}
		m.Committed = Data{store.New(), session.NewTable()}
		s.members = append(s.members, m)
	}
	s.members[0].role = Primary
	s.members[0].electionID = electionID(s.term)
	for _, m := range s.members {
		// Owned by the set; ends when Close cancels; Close waits.
		s.running.Go(m.replicate)
	}
	return s
}

// Close ends replication and elections, and returns when every goroutine has ended. What waits for
// anything of the set gets an error.
func (s *Set) Close() {
	s.mu.Lock()
	s.closed = true
	if s.election != nil {
		s.election.Stop()
		s.election = nil
	}
	s.mu.Unlock()
	s.cancel()
	s.running.Wait()
}

// Name returns the setName.
func (s *Set) Name() string { return s.name }

// Member returns member i.
func (s *Set) Member(i int) *Member { return s.members[i] }

// Primary returns the primary, that of the newest term where there are two, or nil.
func (s *Set) Primary() *Member {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.primaryLocked()
}

func (s *Set) primaryLocked() *Member {
	var p *Member
	for _, m := range s.members {
		if m.role == Primary && (p == nil || m.log.newest().time.Term > p.log.newest().time.Term) {
			p = m
		}
	}
	return p
}

// seenPrimaryLocked returns the primary as m knows it, nil for none.
func (s *Set) seenPrimaryLocked(m *Member) *Member {
	var p *Member
	for _, o := range s.members {
		if o.role == Primary && m.connectedLocked(o) && (p == nil || o.log.newest().time.Term > p.log.newest().time.Term) {
			p = o
		}
	}
	return p
}

// majorityLocked returns how many members are one.
func (s *Set) majorityLocked() int { return s.sizeLocked()/2 + 1 }

// sizeLocked returns how many members the configuration has.
func (s *Set) sizeLocked() int {
	n := 0
	for _, m := range s.members {
		if m.role != Removed {
			n++
		}
	}
	return n
}

// broadcastLocked wakes whoever waits for something of the set.
func (s *Set) broadcastLocked() { s.progress.tell() }

// wait calls done under the lock until it returns true, after every change of the set, or until ctx
// is done, whose error it returns.
func (s *Set) wait(ctx context.Context, done func() bool) error {
	return s.waitFor(ctx, &s.progress, done)
}

// waitFor is wait that looks again after what n tells of.
func (s *Set) waitFor(ctx context.Context, n *notice, done func() bool) error {
	for {
		s.mu.Lock()
		if done() {
			s.mu.Unlock()
			return nil
		}
		changed := n.next()
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
	}
}

// setRoleLocked changes the role of a member, and tells everybody whose hello it changes.
func (s *Set) setRoleLocked(m *Member, role Role) {
	if m.role == role {
		return
	}
	m.role, m.refusing, m.elected = role, false, false
	s.announceLocked()
}

// announceLocked says that the answers of hello have changed.
func (s *Set) announceLocked() {
	for _, m := range s.members {
		m.counter++
	}
	s.topology.tell()
	s.broadcastLocked()
}

// electionID makes the election id of a term, as MongoDB does: ids of later terms are greater.
func electionID(term int64) primitive.ObjectID {
	id := primitive.ObjectID{0x7f, 0xff, 0xff, 0xff}
	binary.BigEndian.PutUint64(id[4:], uint64(term))
	return id
}

// AwaitPrimary returns the primary as soon as there is one that takes writes.
func (s *Set) AwaitPrimary(ctx context.Context) (*Member, error) {
	var p *Member
	err := s.wait(ctx, func() bool {
		p = s.primaryLocked()
		return p != nil && p.writableLocked()
	})
	return p, err
}

// AwaitReplication waits until every member that runs has all entries of the primary, and knows them to be committed.
func (s *Set) AwaitReplication(ctx context.Context) error {
	return s.wait(ctx, func() bool {
		p := s.primaryLocked()
		if p == nil {
			return false
		}
		for _, m := range s.members {
			if m.upLocked() && (!m.log.has(p.log.last(), p.log.newest()) || m.stable < p.log.last() || m.role == Rollback) {
				return false
			}
		}
		return true
	})
}
