package store

import (
	"github.com/mongo-monorail/monorail/monorailtest/internal/indexkey"
)

// fork is what the copy of a collection in a transaction knows of its original. The transaction's
// goroutine alone uses it.
type fork struct {
	transaction *Transaction
	// base is the original; nil where the transaction has made the collection.
	base *Collection
	// definition is that of the original when the copy was made.
	definition int
	// written are the documents that the transaction has inserted, replaced or deleted.
	written map[RecordID]struct{}
}

// forkLocked returns a copy of the collection for a transaction. The two share all that neither of
// them has changed since. The caller holds the collection's lock for writing, since the trees
// have to know that they are shared.
func (c *Collection) forkLocked(t *Transaction) *Collection {
	f := &Collection{
		UUID: c.UUID, examined: c.examined, version: c.version,
		documents: c.documents.Copy(), indexes: make([]*Index, len(c.indexes)), last: c.last, bytes: c.bytes,
		fork: &fork{transaction: t, base: c, definition: c.definition, written: map[RecordID]struct{}{}},
	}
	f.namespace.Store(c.namespace.Load())
	f.options.Store(c.Options())
	for i, x := range c.indexes {
		y := *x
		y.entries = x.entries.Copy()
		f.indexes[i] = &y
	}
	return f
}

// claim takes what a change of the copy needs in the original, or fails with WriteConflict (112)
// where somebody was first. An inserted document gets its record there.
func (f *fork) claim(old, d *Document, before, after [][]indexkey.Key) error {
	c, t := f.base, f.transaction
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old != nil && !c.claims.holds(t, old.Record) {
		present, ok := c.documents.Get(old)
		if !ok || present != old || c.claims.onRecord(old.Record) != nil {
			return errWriteConflict()
		}
	}
	var keys []uniqueKey
	if d != nil {
		for i, x := range c.indexes {
			if !x.spec.Unique || before != nil && sameKeys(before[i], after[i]) {
				continue
			}
			for _, k := range after[i] {
				if !c.claims.free(t, x, k) {
					return errWriteConflict()
				}
				keys = append(keys, newUniqueKey(x, k))
			}
		}
	}
	record := RecordID(0)
	if old != nil {
		record = old.Record
	} else {
		c.last++
		record = c.last
		d.Record = record
	}
	if c.claims == nil {
		c.claims = &claims{records: map[RecordID]*Transaction{}, keys: map[uniqueKey]*Transaction{}}
	}
	c.claims.records[record] = t
	for _, k := range keys {
		c.claims.keys[k] = t
	}
	f.written[record] = struct{}{}
	return nil
}

// carryOverLocked makes the changes of the copy c in the original, whose lock the caller holds.
func (f *fork) carryOverLocked(c *Collection) {
	f.base.version.Add(1)
	for record := range f.written {
		at := &Document{Record: record}
		before, _ := f.base.documents.Get(at)
		after, _ := c.documents.Get(at)
		f.base.putLocked(before, after)
	}
}
