package store

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/tidwall/btree"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/indexkey"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// ErrDropped is returned by operations on a collection that was dropped after it was looked up.
var ErrDropped = errors.New("store: the collection was dropped")

// Collection holds the documents of one namespace. It is safe for concurrent use.
type Collection struct {
	// UUID identifies the collection, also after it was renamed.
	UUID primitive.Binary
	// options are what it was made with; Modify changes them.
	options atomic.Pointer[Options]
	// namespace is "database.collection"; a rename changes it.
	namespace atomic.Pointer[string]
	// journal is told of every change; nil for none. Set once.
	journal Journal
	// examined is told of what scans look at. Set once.
	examined *Examined
	// version is the store's. Set once.
	version *atomic.Uint64

	// mu guards what follows. It is held for one statement of a write, and for the collection of
	// some hundred documents of a read; never while a result is encoded or sent.
	mu        sync.RWMutex
	documents *btree.BTreeG[*Document]
	// indexes holds the index on _id first.
	indexes []*Index
	// last is the record id given out last.
	last RecordID
	// bytes is the sum of the sizes of the documents.
	bytes int64
	// dropped goes from false to true once; the collection is then empty and refuses writes.
	dropped bool
	// definition counts the changes of the name and of the indexes.
	definition int
	// users are the open transactions that have used the collection. While there is one, the
	// collection keeps its name and its indexes.
	users map[*Transaction]struct{}
	// claims is what users have written and not committed; nil where there is nothing.
	claims *claims

	// grown is closed by the next insert, for those who wait for one; nil while nobody does.
	grown chan struct{}

	// fork is what a transaction's copy knows of its original; nil for every other collection.
	fork *fork
}

func newCollection(namespace string, options bson.D, uuid primitive.Binary) *Collection {
	c := &Collection{UUID: uuid}
	o, err := ParseOptions(options)
	if err != nil {
		// Whoever makes a collection has checked its options.
		o = &Options{Document: options}
	}
	c.options.Store(o)
	c.namespace.Store(&namespace)
	c.resetLocked()
	c.indexes = []*Index{newIndex(IDIndex(o.Collation))}
	return c
}

// IDIndex describes the index on _id that every collection has, under the collection's collation.
func IDIndex(c *collation.Collation) IndexSpec {
	key := bson.D{{Key: "_id", Value: int32(1)}}
	x := IndexSpec{Name: "_id_", Key: key, Unique: true, Collation: c, Document: bson.D{
		{Key: "v", Value: int32(2)}, {Key: "key", Value: key}, {Key: "name", Value: "_id_"},
	}}
	if c != nil {
		x.Document = append(x.Document, bson.E{Key: "collation", Value: c.Document()})
	}
	return x
}

// Options returns what the collection was made with, or was given since.
func (c *Collection) Options() *Options { return c.options.Load() }

func (c *Collection) resetLocked() {
	c.documents = btree.NewBTreeGOptions(func(a, b *Document) bool { return a.Record < b.Record },
		btree.Options{NoLocks: true})
	c.bytes = 0
}

// Namespace returns "database.collection".
func (c *Collection) Namespace() string { return *c.namespace.Load() }

// Size returns the number of documents and the sum of their sizes in bytes.
func (c *Collection) Size() (documents int, bytes int64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.documents.Len(), c.bytes
}

// Indexes returns the descriptions of the indexes, the one on _id first.
func (c *Collection) Indexes() []IndexSpec {
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := make([]IndexSpec, len(c.indexes))
	for i, x := range c.indexes {
		out[i] = x.spec
	}
	return out
}

// Write runs fn with the collection locked for writing, so that what fn does happens at once for
// every other operation. fn does no I/O, and must not use the collection but by w. It returns
// ErrDropped without calling fn if the collection was dropped, else what fn returns: changes made
// before an error stay. With a *Conflict fn can be run again when the transaction in the way has
// ended.
func (c *Collection) Write(fn func(w *Writer) error) error { return c.WriteStatement(nil, fn) }

// WriteStatement is Write for one statement of a retryable write, which the journal is told of with
// each change; nil for none.
func (c *Collection) WriteStatement(st *Statement, fn func(w *Writer) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dropped {
		return ErrDropped
	}
	return fn(&Writer{c: c, statement: st})
}

// dropLocked empties the collection for good.
func (c *Collection) dropLocked() {
	c.grownLocked()
	c.dropped = true
	c.resetLocked()
	c.indexes = c.indexes[:1]
	c.indexes[0] = newIndex(IDIndex(c.Options().Collation))
}

// Writer changes a locked collection. It may be used inside Write only.
type Writer struct {
	c *Collection
	// statement is what the changes are made for; nil for none.
	statement *Statement
	// unchecked: what is stored need not meet the validator of the collection.
	unchecked bool
}

// SkipValidation lets documents be stored that do not meet the validator of the collection.
func (w *Writer) SkipValidation() { w.unchecked = true }

// validate fails with DocumentValidationFailure (121) where a document does not meet the validator.
func (w *Writer) validate(old, d *Document) error {
	if w.unchecked {
		return nil
	}
	ok, err := w.c.Options().admits(old, d)
	if err != nil || ok {
		return err
	}
	return mongoerror.New(mongoerror.DocumentValidationFailure, "Document failed validation")
}

// log tells the journal, or the transaction whose copy the collection is, of a change that is about
// to be made. With an error it must not be made.
func (w *Writer) log(ch Change) error {
	w.c.version.Add(1)
	if w.c.journal == nil && w.c.fork == nil {
		return nil
	}
	return w.tell(ch)
}

// tell is the part of log that puts the change on the heap.
func (w *Writer) tell(ch Change) error {
	c := w.c
	ch.Collection, ch.Namespace, ch.Statement = c.UUID, c.Namespace(), w.statement
	if c.fork != nil {
		c.fork.transaction.changes = append(c.fork.transaction.changes, &ch)
		return nil
	}
	return c.journal.Append(&ch)
}

// Insert stores a document. It fails with DuplicateKey (11000) where a unique index has its key
// already, with DocumentValidationFailure (121) where it does not meet the validator, and as Transaction says where one is in the way, and then stores nothing. raw is the
// BSON form of fields; both belong to the collection from here on and must not be changed any more.
func (w *Writer) Insert(fields bson.D, raw bson.Raw) (err error) {
	c := w.c
	d := &Document{Record: c.last + 1, Fields: fields, Raw: raw}
	if err := w.validate(nil, d); err != nil {
		return err
	}
	if err := c.checkCappedInsert(raw); err != nil {
		return err
	}
	keys := make([][]indexkey.Key, len(c.indexes))
	for i, x := range c.indexes {
		if keys[i], err = x.checkedKeys(c, d, nil); err != nil {
			return err
		}
	}
	if err := c.admitLocked(nil, d, nil, keys); err != nil {
		return err
	}
	if err := w.log(Change{Kind: Put, After: d}); err != nil {
		return err
	}
	c.last = d.Record
	for i, x := range c.indexes {
		x.add(keys[i], d.Record)
	}
	c.documents.Set(d)
	c.bytes += int64(len(raw))
	c.grownLocked()
	return w.evictLocked()
}

// Journaled tells whether a journal will be told of the changes.
func (w *Writer) Journaled() bool {
	f := w.c.fork
	return w.c.journal != nil || f != nil && f.transaction.base.journal != nil
}

// Replace stores fields in the place of old, which is the present version of its document. It
// fails as Insert does, and then changes nothing. It returns the new version.
func (w *Writer) Replace(old *Document, fields bson.D, raw bson.Raw) (*Document, error) {
	return w.Update(old, fields, raw, nil)
}

// Update is Replace by operators: delta is what they have changed.
func (w *Writer) Update(old *Document, fields bson.D, raw bson.Raw, delta *Delta) (_ *Document, err error) {
	c := w.c
	d := &Document{Record: old.Record, Fields: fields, Raw: raw}
	if err := w.validate(old, d); err != nil {
		return nil, err
	}
	if err := c.checkCappedReplace(old, raw); err != nil {
		return nil, err
	}
	before := make([][]indexkey.Key, len(c.indexes))
	after := make([][]indexkey.Key, len(c.indexes))
	for i, x := range c.indexes {
		if before[i], _, err = x.keys(old.Fields); err != nil {
			return nil, err
		}
		if after[i], err = x.checkedKeys(c, d, before[i]); err != nil {
			return nil, err
		}
	}
	if err := c.admitLocked(old, d, before, after); err != nil {
		return nil, err
	}
	if err := w.log(Change{Kind: Put, Before: old, After: d, Delta: delta}); err != nil {
		return nil, err
	}
	for i, x := range c.indexes {
		if !sameKeys(before[i], after[i]) {
			x.remove(before[i], old.Record)
			x.add(after[i], d.Record)
		}
	}
	c.documents.Set(d)
	c.bytes += int64(len(raw) - len(old.Raw))
	return d, nil
}

// Delete removes the present version of a document. It fails as Transaction says where one is in
// the way, and then changes nothing.
func (w *Writer) Delete(old *Document) error {
	if err := w.c.CheckDelete(); err != nil {
		return err
	}
	return w.remove(old, false)
}

// remove is Delete for capped collections, too.
func (w *Writer) remove(old *Document, evicted bool) error {
	c := w.c
	if err := c.admitLocked(old, nil, nil, nil); err != nil {
		return err
	}
	keys := make([][]indexkey.Key, len(c.indexes))
	for i, x := range c.indexes {
		var err error
		if keys[i], _, err = x.keys(old.Fields); err != nil {
			return err
		}
	}
	if err := w.log(Change{Kind: Put, Before: old, Evicted: evicted}); err != nil {
		return err
	}
	for i, x := range c.indexes {
		x.remove(keys[i], old.Record)
	}
	c.documents.Delete(old)
	c.bytes -= int64(len(old.Raw))
	return nil
}

// putLocked makes a change of a document that was checked elsewhere.
func (c *Collection) putLocked(before, after *Document) {
	for _, x := range c.indexes {
		if before != nil {
			// It was stored with these keys, so there is no error.
			keys, _, _ := x.keys(before.Fields)
			x.remove(keys, before.Record)
		}
		if after != nil {
			keys, multikey, _ := x.keys(after.Fields)
			x.multikey = x.multikey || multikey
			x.add(keys, after.Record)
		}
	}
	if before != nil {
		c.documents.Delete(before)
		c.bytes -= int64(len(before.Raw))
	}
	if after != nil {
		c.documents.Set(after)
		c.bytes += int64(len(after.Raw))
		c.last = max(c.last, after.Record)
		if before == nil {
			c.grownLocked()
		}
	}
}

// checkedKeys returns the keys of d, or the error of a duplicate among them.
func (x *Index) checkedKeys(c *Collection, d *Document, before []indexkey.Key) ([]indexkey.Key, error) {
	keys, multikey, err := x.keys(d.Fields)
	if err != nil {
		return nil, err
	}
	x.multikey = x.multikey || multikey
	if before != nil && sameKeys(before, keys) {
		return keys, nil
	}
	if k, dup := x.duplicate(keys, d.Record); dup {
		return nil, x.duplicateError(c.Namespace(), k)
	}
	return keys, nil
}

// Refresh returns the present versions of documents, those left out that are gone. It fails with
// ErrDropped if the collection was dropped.
func (c *Collection) Refresh(documents []*Document) ([]*Document, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.dropped {
		return nil, ErrDropped
	}
	out := make([]*Document, 0, len(documents))
	for _, d := range documents {
		if present, ok := c.documents.Get(d); ok {
			out = append(out, present)
		}
	}
	return out, nil
}
