package replset

import (
	"cmp"
	"time"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// defaultKept is how many entries that no member needs an oplog may have before they are cut off: few
// enough to cost little memory, many enough for a change stream that is read late, or resumed.
const defaultKept = 1 << 16

// OpTime is the place of an entry in the history of the set.
type OpTime struct {
	Timestamp primitive.Timestamp
	Term      int64
}

// Compare orders optimes as elections do: by term, then by time.
func (t OpTime) Compare(o OpTime) int {
	return cmp.Or(cmp.Compare(t.Term, o.Term), CompareTimestamps(t.Timestamp, o.Timestamp))
}

// CompareTimestamps orders timestamps.
func CompareTimestamps(a, b primitive.Timestamp) int {
	return cmp.Or(cmp.Compare(a.T, b.T), cmp.Compare(a.I, b.I))
}

// entry is one entry of the oplog. It is immutable and shared by the members that have it: where two
// oplogs have the same entry at one position, they are the same up to there.
type entry struct {
	time OpTime
	wall time.Time
	// changes are made together; none for a no-op.
	changes []*store.Change
}

// oplog is what a member has of the history: entries by their positions, which begin with 0 and are
// the same in every oplog that has the entry. The lock of the set guards it.
type oplog struct {
	// first is the position of entries[0].
	first int
	// entries is never empty: the one that all members begin with stands at position 0.
	entries []*entry
}

// last returns the position of the newest entry.
func (l *oplog) last() int { return l.first + len(l.entries) - 1 }

// newest returns the newest entry.
func (l *oplog) newest() *entry { return l.entries[len(l.entries)-1] }

// at returns the entry at a position, nil where there is none (any more).
func (l *oplog) at(i int) *entry {
	if i < l.first || i > l.last() {
		return nil
	}
	return l.entries[i-l.first]
}

// has reports whether e stands at a position.
func (l *oplog) has(i int, e *entry) bool { return e != nil && l.at(i) == e }

func (l *oplog) append(e *entry) { l.entries = append(l.entries, e) }

// truncate removes all entries behind a position.
func (l *oplog) truncate(i int) { l.entries = l.entries[: i-l.first+1 : i-l.first+1] }

// trim forgets entries before a position once they are more than those to be kept.
func (l *oplog) trim(before, kept int) {
	if n := before - l.first; n > kept {
		l.entries = append([]*entry(nil), l.entries[n:]...)
		l.first = before
	}
}

// common returns the last position up to which two oplogs are the same. None goes back further than
// what is committed, so that there is one.
func common(a, b *oplog) int {
	i := min(a.last(), b.last())
	for i > max(a.first, b.first) && a.at(i) != b.at(i) {
		i--
	}
	return i
}
