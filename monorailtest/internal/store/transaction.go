package store

import (
	"maps"
	"slices"
	"sync"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// Transaction is a transaction over several documents. It reads and writes a private copy of the
// store, made when it began, which costs little because the copies share what neither side has
// changed. Each of its writes claims a document, and the keys of unique indexes, in the original
// at once: who finds them claimed, or changed since the transaction began, loses. Commit carries
// the changes over to the original in one step.
//
// A transaction is used by one goroutine at a time, Ended apart.
type Transaction struct {
	base *Store
	view *Store
	// used are the originals that have been asked for by Use, each once.
	used []*Collection
	// created are the namespaces in which the transaction has made a collection.
	created []namespace
	// changes are all that it has made, in their order.
	changes []*Change
	// ended is closed by Commit or Abort, whichever comes first; nothing is sent on it. Whoever
	// waits for the transaction receives.
	ended     chan struct{}
	endedOnce sync.Once
}

// Conflict is the error of a change that an open transaction stands in the way of. The change can
// be tried again when the transaction has ended. It has then had no effect.
type Conflict struct{ With *Transaction }

func (*Conflict) Error() string { return "store: an open transaction is in the way" }

// errWriteConflict is the error of the transaction that comes second.
func errWriteConflict() error {
	return mongoerror.New(mongoerror.WriteConflict,
		"WriteConflict error: this operation conflicted with another operation. Please retry your operation or multi-document transaction.")
}

// errSnapshotUnavailable is the error of a transaction that needs a collection in a shape that it
// no longer has.
func errSnapshotUnavailable() error {
	return mongoerror.New(mongoerror.SnapshotUnavailable,
		"Unable to read from a snapshot due to pending collection catalog changes; please retry the operation.")
}

// Begin starts a transaction on the store as it is now. Every change that was finished before is in
// the copy, and none that begins later. Commit or Abort ends it.
func (s *Store) Begin() *Transaction {
	t := &Transaction{base: s, view: New(), ended: make(chan struct{})}
	t.view.transaction, t.view.examined, t.view.version = t, s.examined, s.version
	s.catalog.Lock()
	defer s.catalog.Unlock()
	s.mu.RLock()
	originals := slices.Collect(maps.Values(s.identified))
	s.mu.RUnlock()
	for _, c := range originals {
		c.mu.Lock()
		defer c.mu.Unlock()
	}
	for _, c := range originals {
		t.view.addLocked(c.forkLocked(t))
	}
	return t
}

// Store returns the private copy. It may be read and written, until the transaction ends, in
// collections that Use was called for; a collection can be made in it, but neither dropped nor
// renamed. A write that comes second fails with WriteConflict (112), and the transaction must
// then be aborted.
func (t *Transaction) Store() *Store { return t.view }

// Use says that the transaction is about to read or write a collection: from here on, until it
// ends, the collection keeps its name and indexes. It fails with SnapshotUnavailable (246) if the
// collection was made, dropped, renamed or given other indexes since the transaction began.
func (t *Transaction) Use(database, name string) error {
	f := t.view.Collection(database, name)
	if f == nil {
		if t.base.Collection(database, name) != nil {
			return errSnapshotUnavailable()
		}
		return nil
	}
	if f.fork.base == nil {
		return nil
	}
	c := f.fork.base
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dropped || c.definition != f.fork.definition {
		return errSnapshotUnavailable()
	}
	if _, ok := c.users[t]; !ok {
		if c.users == nil {
			c.users = map[*Transaction]struct{}{}
		}
		c.users[t] = struct{}{}
		t.used = append(t.used, c)
	}
	return nil
}

// Created tells whether the transaction itself has made the collection.
func (t *Transaction) Created(database, name string) bool {
	f := t.view.Collection(database, name)
	return f != nil && f.fork.base == nil
}

// Ended returns a channel that is closed when the transaction has ended, and its changes are there
// or gone.
func (t *Transaction) Ended() <-chan struct{} { return t.ended }

// Commit carries the changes over to the store, all of them in one step, and ends the transaction. The
// journal is told of them as one entry; statement is what it is told that they are for. An error is
// the journal's, which has refused them, or SnapshotUnavailable (246) after a Restore: the
// transaction is aborted. Nothing else can be in the way, since all was claimed. It does nothing
// after the end.
func (t *Transaction) Commit(statement *Statement) error { return t.end(true, statement) }

// Abort ends the transaction without a trace. It does nothing after the end.
func (t *Transaction) Abort() {
	// Only a commit fails.
	_ = t.end(false, nil)
}

func (t *Transaction) end(commit bool, statement *Statement) (err error) {
	t.endedOnce.Do(func() {
		defer close(t.ended)
		t.base.catalog.Lock()
		defer t.base.catalog.Unlock()
		for _, c := range t.used {
			c.mu.Lock()
			defer c.mu.Unlock()
		}
		t.base.mu.Lock()
		defer t.base.mu.Unlock()
		for _, n := range t.created {
			delete(t.base.reserved, n)
		}
		if commit {
			err = t.carryOverLocked(statement)
		}
		for _, c := range t.used {
			delete(c.users, t)
			c.claims = c.claims.without(t)
		}
	})
	return err
}

// carryOverLocked makes the changes of the copy in the store, whose locks, and those of the
// collections, the caller holds.
func (t *Transaction) carryOverLocked(statement *Statement) error {
	for _, c := range t.used {
		if c.dropped {
			// Restore asks nobody.
			return errSnapshotUnavailable()
		}
	}
	if j := t.base.journal; j != nil && len(t.changes) > 0 {
		changes := t.changes
		if statement != nil {
			changes = append(changes, &Change{Kind: CommitTransaction, Statement: statement})
		}
		if err := j.Append(changes...); err != nil {
			return err
		}
	}
	for _, f := range t.view.identified {
		switch {
		case f.fork.base == nil:
			f.fork = nil
			f.journal = t.base.journalOf(databaseOf(f.Namespace()))
			t.base.addLocked(f)
		case len(f.fork.written) > 0:
			f.fork.carryOverLocked(f)
		}
	}
	return nil
}

// reserveLocked keeps others from making the collection that a transaction makes in its copy, and
// lets nobody else make one that a transaction has made. The caller holds the lock of s.
func (s *Store) reserveLocked(n namespace, c *Collection) error {
	t := s.transaction
	if t == nil {
		return s.reservedLocked(n)
	}
	t.base.mu.Lock()
	defer t.base.mu.Unlock()
	if t.base.databases[n.database][n.name] != nil || t.base.reservedLocked(n) != nil {
		return errWriteConflict()
	}
	for database := range t.base.databases {
		if differsInCase(database, n.database) {
			return errWriteConflict()
		}
	}
	t.base.reserved[n] = t
	t.created = append(t.created, n)
	c.fork = &fork{transaction: t}
	return nil
}

// reservedLocked fails with a *Conflict where an open transaction has made the collection, or a
// database whose name differs in case only.
func (s *Store) reservedLocked(n namespace) error {
	for other, t := range s.reserved {
		if other == n || differsInCase(other.database, n.database) {
			return &Conflict{t}
		}
	}
	return nil
}

// unreserved is reservedLocked for whoever does not hold the lock.
func (s *Store) unreserved(n namespace) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.reservedLocked(n)
}

// unreservedDatabase fails with a *Conflict where an open transaction has made a collection in a
// database.
func (s *Store) unreservedDatabase(database string) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for other, t := range s.reserved {
		if other.database == database {
			return &Conflict{t}
		}
	}
	return nil
}
