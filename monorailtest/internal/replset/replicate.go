package replset

import (
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// batchSize is how many entries a member copies at a time: few, so that others see its progress soon.
const batchSize = 128

// Append implements store.Journal: it takes changes of a primary into the oplog. On any other member
// it fails with PrimarySteppedDown (189), since the command that makes them began on a primary.
func (m *Member) Append(changes ...*store.Change) error {
	s := m.set
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := m.steppedDownLocked(changes[0].Namespace); err != nil {
		return err
	}
	m.appendLocked(changes)
	for _, ch := range changes {
		m.Data.Sessions.Take(ch)
	}
	return nil
}

// CheckStatement refuses a statement of a command that began when the member was primary, as Append
// does.
func (m *Member) CheckStatement(namespace string) error {
	m.set.mu.Lock()
	defer m.set.mu.Unlock()
	return m.steppedDownLocked(namespace)
}

func (m *Member) steppedDownLocked(namespace string) error {
	if m.writableLocked() {
		return nil
	}
	return mongoerror.New(mongoerror.PrimarySteppedDown, "Not primary while writing to %s", namespace)
}

// AppendNote makes an entry without changes, as appendOplogNote does.
func (m *Member) AppendNote() error {
	m.set.mu.Lock()
	defer m.set.mu.Unlock()
	if !m.writableLocked() {
		return ErrNotPrimary
	}
	m.appendLocked(nil)
	return nil
}

// appendLocked makes an entry on a primary.
func (m *Member) appendLocked(changes []*store.Change) {
	s := m.set
	term := m.log.newest().time.Term
	m.log.append(&entry{time: OpTime{s.tickLocked(), term}, wall: time.Now(), changes: changes})
	s.advanceLocked(m)
	s.broadcastLocked()
}

// advanceLocked moves the commit point on, as far as the newest primary's entries are on a majority. An
// entry of an earlier term is committed by one of the present term behind it only.
func (s *Set) advanceLocked(p *Member) {
	if p != s.primaryLocked() {
		return
	}
	var few [8]int
	have := few[:0]
	for _, m := range s.members {
		switch {
		case m.role == Removed:
		case m.term > p.log.newest().time.Term:
			have = append(have, m.stable)
		case p.log.has(m.log.last(), m.log.newest()):
			have = append(have, m.log.last())
		default:
			have = append(have, common(&m.log, &p.log))
		}
	}
	slices.Sort(have)
	i := have[len(have)-s.majorityLocked()]
	e := p.log.at(i)
	if i > s.commit && e != nil && e.time.Term == p.log.newest().time.Term {
		s.commit, s.committed = i, e
		s.broadcastLocked()
	}
}

// task is what a member's goroutine has to do next, outside the lock.
type task struct {
	// commit are entries to make in the committed data.
	commit []*entry
	// copy are entries to make in the data.
	copy []*entry
	// rollback says that the member has entries which are not in the history.
	rollback bool
	// abort says that transactions are open on a member that is not primary any more.
	abort bool
	// wait is how long there is nothing to do; 0 for until something changes.
	wait time.Duration
}

// replicate is the member's goroutine: it makes the changes of other members' entries in the member's
// data, and of committed ones in its committed data, and rolls back.
func (m *Member) replicate() {
	s := m.set
	for {
		s.mu.Lock()
		t, changed := m.takeLocked(), s.progress.next()
		m.busy = len(t.copy) > 0 || t.rollback
		s.mu.Unlock()
		switch {
		case t.abort:
			m.Data.Sessions.KillAll()
		case t.rollback:
			m.rollBack()
		case len(t.commit) > 0 || len(t.copy) > 0:
			for _, e := range t.copy {
				m.Data.apply(e)
			}
			for _, e := range t.commit {
				m.Committed.apply(e)
			}
		default:
			if !m.sleep(t.wait, changed) {
				return
			}
			continue
		}
		s.mu.Lock()
		m.doneLocked(t)
		s.mu.Unlock()
		if s.ctx.Err() != nil {
			return
		}
	}
}

// sleep waits for a change, or for d where it is not 0. It reports whether the set goes on.
func (m *Member) sleep(d time.Duration, changed <-chan struct{}) bool {
	var timeout <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		timeout = timer.C
	}
	select {
	case <-changed:
	case <-timeout:
	case <-m.set.ctx.Done():
		return false
	}
	return true
}

// takeLocked returns what is to be done next.
func (m *Member) takeLocked() task {
	var t task
	if m.role != Primary && m.Data.Sessions.Open() > 0 {
		t.abort = true
		return t
	}
	if !m.upLocked() {
		return t
	}
	s := m.set
	if m.elected && m.role == Secondary {
		s.becomePrimaryLocked(m)
	}
	source := s.seenPrimaryLocked(m)
	if source == nil {
		return t
	}
	diverged := !source.log.has(m.log.last(), m.log.newest())
	// An old primary that does not know of a newer one has other entries in the places of committed ones.
	known := min(s.commit, m.log.last())
	if source.log.has(s.commit, s.committed) && !diverged && known > m.stable {
		t.commit = m.log.entries[m.stable+1-m.log.first : min(known, m.stable+batchSize)+1-m.log.first]
	}
	if source == m || m.stopped {
		return t
	}
	if diverged {
		t.rollback = source == s.primaryLocked()
		t.commit = nil
		return t
	}
	for i := m.log.last() + 1; i <= source.log.last() && len(t.copy) < batchSize; i++ {
		e := source.log.at(i)
		if left := m.lag - time.Since(e.wall); m.lag > 0 && left > 0 {
			t.wait = left
			break
		}
		t.copy = append(t.copy, e)
	}
	return t
}

// doneLocked notes that a task has been done.
func (m *Member) doneLocked(t task) {
	s := m.set
	m.busy = false
	for _, e := range t.copy {
		m.log.append(e)
	}
	m.stable += len(t.commit)
	if p := s.primaryLocked(); p != nil {
		s.advanceLocked(p)
	}
	s.trimLocked()
	s.broadcastLocked()
}

// trimLocked forgets entries that every member has as committed.
func (s *Set) trimLocked() {
	before := s.commit
	for _, m := range s.members {
		if m.role != Removed {
			before = min(before, m.stable)
		}
	}
	for _, m := range s.members {
		if m.role != Removed {
			m.log.trim(before, s.kept)
		}
	}
}

// rollBack takes a member back to the history of the primary: it closes the connections whose clients
// have said hello, and then gives up the entries that the primary does not have.
func (m *Member) rollBack() {
	s := m.set
	s.mu.Lock()
	source := s.seenPrimaryLocked(m)
	if source == nil || m.role != Secondary {
		s.mu.Unlock()
		return
	}
	s.setRoleLocked(m, Rollback)
	// From here on the entries count for no majority. Their changes are gone when the role says secondary again.
	m.log.truncate(common(&m.log, &source.log))
	keep := slices.Clone(m.log.entries[m.stable+1-m.log.first:])
	s.mu.Unlock()
	m.config.Disconnect()
	m.Data.Store.Restore(m.Committed.Store)
	m.Data.Sessions.Restore(m.Committed.Sessions)
	for _, e := range keep {
		m.Data.apply(e)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.role == Rollback {
		s.setRoleLocked(m, Secondary)
	}
}

// SetLag makes the member copy an entry only when it is d old.
func (m *Member) SetLag(d time.Duration) { m.change(func() { m.lag = d }) }

// SetStopped makes the member copy nothing, or go on.
func (m *Member) SetStopped(stopped bool) { m.change(func() { m.stopped = stopped }) }

// change changes the member under the lock, and has everybody look again.
func (m *Member) change(f func()) {
	s := m.set
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	s.reconsiderLocked()
	s.broadcastLocked()
}

// Restart makes a member that was killed one that runs again, with the data that it had.
func (m *Member) Restart() {
	m.change(func() {
		if m.role == Down {
			m.process, m.counter = primitive.NewObjectID(), 0
			m.set.setRoleLocked(m, Secondary)
		}
	})
}

// Kill makes the member one that does not run.
func (m *Member) Kill() {
	m.change(func() {
		if m.role != Removed {
			m.set.setRoleLocked(m, Down)
		}
	})
}

// SetIsolated cuts the member off from all others, or connects it again. An isolated primary does not
// notice, and remains primary.
func (m *Member) SetIsolated(isolated bool) { m.change(func() { m.isolated = isolated }) }

// Remove takes the member out of the configuration, for good.
func (m *Member) Remove() {
	m.change(func() {
		if m.role != Removed {
			m.set.version++
			m.set.setRoleLocked(m, Removed)
		}
	})
	m.config.Disconnect()
}
