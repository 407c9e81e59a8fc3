package store

import (
	"maps"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/indexkey"
)

// claims is what open transactions have written to a collection and not committed. The lock of the
// collection guards it; a nil *claims is an empty one.
type claims struct {
	// records are the documents inserted, replaced or deleted, by who did it.
	records map[RecordID]*Transaction
	// keys are the keys of unique indexes that were added, by who did it.
	keys map[uniqueKey]*Transaction
}

// uniqueKey is a key of a unique index, comparable.
type uniqueKey struct {
	index *Index
	key   string
}

func newUniqueKey(x *Index, k indexkey.Key) uniqueKey {
	return uniqueKey{x, string(bsonvalue.AppendKey(nil, bson.A(k)))}
}

// onRecord returns who has claimed a document; nil for nobody.
func (l *claims) onRecord(r RecordID) *Transaction {
	if l == nil {
		return nil
	}
	return l.records[r]
}

// holds tells whether t has claimed a document.
func (l *claims) holds(t *Transaction, r RecordID) bool { return l.onRecord(r) == t }

// onKey returns who has claimed a key of a unique index; nil for nobody.
func (l *claims) onKey(x *Index, k indexkey.Key) *Transaction {
	if l == nil || len(l.keys) == 0 {
		return nil
	}
	return l.keys[newUniqueKey(x, k)]
}

// free tells whether t may add a key that its copy does not have: nobody else has claimed it, and
// whatever document has it in the original is one that t itself has changed.
func (l *claims) free(t *Transaction, x *Index, k indexkey.Key) bool {
	if owner := l.onKey(x, k); owner != nil {
		return owner == t
	}
	free := true
	x.entries.Ascend(entry{key: k}, func(e entry) bool {
		if !e.key.HasPrefix(k) {
			return false
		}
		free = l.holds(t, e.record)
		return free
	})
	return free
}

// without returns the claims that are left when t has ended; nil for none.
func (l *claims) without(t *Transaction) *claims {
	if l == nil {
		return nil
	}
	maps.DeleteFunc(l.records, func(_ RecordID, owner *Transaction) bool { return owner == t })
	maps.DeleteFunc(l.keys, func(_ uniqueKey, owner *Transaction) bool { return owner == t })
	if len(l.records) == 0 && len(l.keys) == 0 {
		return nil
	}
	return l
}

// redefinableLocked fails with a *Conflict while an open transaction uses the collection.
func (c *Collection) redefinableLocked() error {
	for t := range c.users {
		return &Conflict{t}
	}
	return nil
}

// admitLocked lets a change through before it is made, with the keys of the document before and after;
// nil for none. It fails where transactions are in the way: with a *Conflict outside a
// transaction, with WriteConflict (112) inside one.
func (c *Collection) admitLocked(old, d *Document, before, after [][]indexkey.Key) error {
	if c.fork != nil {
		return c.fork.claim(old, d, before, after)
	}
	if c.claims == nil {
		return nil
	}
	if old != nil {
		if t := c.claims.onRecord(old.Record); t != nil {
			return &Conflict{t}
		}
	}
	for i := range after {
		x := c.indexes[i]
		if !x.spec.Unique || before != nil && sameKeys(before[i], after[i]) {
			continue
		}
		for _, k := range after[i] {
			if t := c.claims.onKey(x, k); t != nil {
				return &Conflict{t}
			}
		}
	}
	return nil
}
