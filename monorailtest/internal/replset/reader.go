package replset

import (
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// Entry is an entry of the oplog to a Reader.
type Entry struct {
	Time primitive.Timestamp
	// Changes are made together. They must not be changed.
	Changes []*store.Change
}

// Reader reads the oplog of a member as far as it is committed on the majority: what it has read is never
// rolled back. It is used by one goroutine at a time.
type Reader struct {
	member *Member
	// next is the position of the entry to be read next.
	next int
}

// ReadFrom returns a reader of the entries that are not older than t. It fails with ChangeStreamHistoryLost
// (286) where some of them may have been forgotten.
func (m *Member) ReadFrom(t primitive.Timestamp) (*Reader, error) {
	s := m.set
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &m.log
	if l.first > 0 && CompareTimestamps(t, l.entries[0].time.Timestamp) < 0 {
		return nil, mongoerror.New(codeHistoryLost,
			"Resume of change stream was not possible, as the resume point may no longer be in the oplog.")
	}
	next := l.last() + 1
	for next > l.first && CompareTimestamps(l.at(next-1).time.Timestamp, t) >= 0 {
		next--
	}
	return &Reader{m, next}, nil
}

// Codes of a reader that comes too late.
const (
	codeHistoryLost        = 286
	codeCappedPositionLost = 136
)

// Next returns the next entries, at most n; none at the end. It fails with CappedPositionLost (136) where
// the reader was so slow that some were forgotten.
func (r *Reader) Next(n int) ([]Entry, error) {
	m := r.member
	m.set.mu.Lock()
	defer m.set.mu.Unlock()
	if r.next < m.log.first {
		return nil, mongoerror.New(codeCappedPositionLost, "CollectionScan died due to position in capped collection being deleted.")
	}
	// A rollback goes back to stable at most, which it has not read beyond.
	n = max(0, min(n, m.stable+1-r.next))
	out := make([]Entry, n)
	for i := range out {
		e := m.log.at(r.next + i)
		out[i] = Entry{e.time.Timestamp, e.changes}
	}
	r.next += n
	return out, nil
}

// Grown returns a channel that is closed when something has happened to the set: more may be committed.
func (r *Reader) Grown() <-chan struct{} {
	s := r.member.set
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.progress.next()
}
