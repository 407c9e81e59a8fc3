package store

import (
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// ChangeKind says what a Change does.
type ChangeKind int

// The kinds of changes.
const (
	// Put stores, replaces or removes one document: Before and After tell which.
	Put ChangeKind = iota
	// CreateCollection makes an empty collection.
	CreateCollection
	// DropCollection removes a collection with its documents.
	DropCollection
	// RenameCollection gives a collection the name in To.
	RenameCollection
	// CreateIndex builds Index.
	CreateIndex
	// DropIndex removes the index with the name of Index.
	DropIndex
	// CommitTransaction changes nothing: behind the changes of a transaction it says whose they are,
	// in Statement.
	CommitTransaction
	// ModifyCollection gives a collection the options in Options.
	ModifyCollection
	// ModifyIndex gives the index with the name of Index that description.
	ModifyIndex
	// DropDatabase changes nothing: it follows the DropCollections of all collections of a database, and
	// has only its Namespace, "database.$cmd".
	DropDatabase
)

// Change is one change of a store, complete enough to be made again in a copy of it. It is
// immutable once a Journal has taken it, and its documents are shared with the store.
type Change struct {
	Kind ChangeKind
	// Collection is the UUID of the collection, which stays where a name changes.
	Collection primitive.Binary
	// Namespace is "database.collection" at the time of the change.
	Namespace string
	// Before and After are the versions of a document: nil Before is an insert, nil After a delete.
	Before, After *Document
	// Evicted says that the document went since its capped collection was full.
	Evicted bool
	// Delta is how operators made After of Before; nil where After is a replacement.
	Delta *Delta
	// Options are those of a collection that is made or modified.
	Options bson.D
	// Index is the index that is built or dropped; of a dropped one only the name counts.
	Index IndexSpec
	// To is the new "database.collection" of a rename.
	To string
	// Statement is the retryable statement that made the change, or the transaction that a
	// CommitTransaction ends; nil for none.
	Statement *Statement
}

// Delta is what update operators have changed in a document, as MongoDB's oplog has it: paths with the
// values that they have got, in the order in which the operators were applied, and paths that are gone.
type Delta struct {
	Set   bson.D
	Unset []string
}

// Statement identifies one statement of a retryable write.
type Statement struct {
	// Session is the id of the session, Number its transaction number.
	Session string
	Number  int64
	// ID numbers the statement within its command.
	ID int32
}

// Journal is told of every change before it is made. Append takes changes in as one entry, in the
// order in which the store makes them, or refuses them: then none is made. It is called with locks
// of the store held and so must not use the store, nor wait for anybody who does.
type Journal interface {
	Append(changes ...*Change) error
}

// unreplicated is the database whose changes no journal is told: each member has its own.
const unreplicated = "local"

// Apply makes a change that another store's journal has taken, without asking this store's own.
// The changes of that journal must come in their order. Unique indexes are not checked: the other
// store did.
func (s *Store) Apply(ch *Change) {
	switch ch.Kind {
	case CreateCollection:
		s.catalog.Lock()
		defer s.catalog.Unlock()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.addLocked(s.newCollection(ch.Namespace, ch.Options, ch.Collection))
		return
	case RenameCollection:
		s.catalog.Lock()
		defer s.catalog.Unlock()
		s.mu.Lock()
		defer s.mu.Unlock()
		if c := s.identified[uuidKey(ch.Collection)]; c != nil {
			s.renameLocked(c, ch.To)
		}
		return
	}
	c := s.collectionOf(ch)
	if c == nil {
		return
	}
	if ch.Kind == DropCollection {
		s.catalog.Lock()
		defer s.catalog.Unlock()
		c.mu.Lock()
		defer c.mu.Unlock()
		s.forgetAndDropLocked(c)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.applyLocked(ch)
}

// ApplyTogether makes the changes of one entry of a journal, as Apply does, in one step for every reader
// if they are those of a transaction: of documents, and of collections and indexes that are made.
func (s *Store) ApplyTogether(changes []*Change) {
	together := len(changes) > 1
	for _, ch := range changes {
		switch ch.Kind {
		case Put, CreateCollection, CreateIndex, CommitTransaction:
		default:
			together = false
		}
	}
	if !together {
		for _, ch := range changes {
			s.Apply(ch)
		}
		return
	}
	s.catalog.Lock()
	defer s.catalog.Unlock()
	changed, made := map[string]*Collection{}, []*Collection(nil)
	for _, ch := range changes {
		key := uuidKey(ch.Collection)
		c := changed[key]
		switch {
		case ch.Kind == CreateCollection:
			c = s.newCollection(ch.Namespace, ch.Options, ch.Collection)
			made = append(made, c)
		case c == nil:
			c = s.collectionOf(ch)
		}
		if c != nil && changed[key] != c {
			changed[key] = c
			c.mu.Lock()
			defer c.mu.Unlock()
		}
		if c != nil {
			c.applyLocked(ch)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range made {
		s.addLocked(c)
	}
}

// collectionOf returns the collection that a change is of, nil for none.
func (s *Store) collectionOf(ch *Change) *Collection {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.identified[uuidKey(ch.Collection)]
}

// applyLocked makes a change of what is in the collection.
func (c *Collection) applyLocked(ch *Change) {
	c.version.Add(1)
	switch ch.Kind {
	case Put:
		c.putLocked(ch.Before, ch.After)
	case CreateIndex:
		c.buildLocked(ch.Index)
	case DropIndex:
		c.unbuildLocked(ch.Index.Name)
	case ModifyCollection:
		// The other store has parsed them.
		if o, err := ParseOptions(ch.Options); err == nil {
			c.modifyLocked(o)
		}
	case ModifyIndex:
		c.modifyIndexLocked(ch.Index)
	}
}

// Restore replaces everything that s holds by what from holds. Documents are shared, and trees are
// copied when one of the two changes, so that it costs little. Readers of the old collections get
// ErrDropped.
func (s *Store) Restore(from *Store) {
	s.catalog.Lock()
	defer s.catalog.Unlock()
	copies := from.copies(s)
	s.mu.Lock()
	s.version.Add(1)
	old := s.identified
	s.databases, s.identified = map[string]map[string]*Collection{}, map[string]*Collection{}
	for key, c := range old {
		if databaseOf(c.Namespace()) == unreplicated {
			s.addLocked(c)
			delete(old, key)
		}
	}
	for _, c := range copies {
		s.addLocked(c)
	}
	s.mu.Unlock()
	for _, c := range old {
		c.mu.Lock()
		c.dropLocked()
		c.mu.Unlock()
	}
}

// copies returns copies of the collections of s for another store.
func (s *Store) copies(other *Store) []*Collection {
	s.mu.RLock()
	originals := make([]*Collection, 0, len(s.identified))
	for _, c := range s.identified {
		originals = append(originals, c)
	}
	s.mu.RUnlock()
	var out []*Collection
	for _, c := range originals {
		c.mu.Lock()
		if !c.dropped {
			d := &Collection{UUID: c.UUID, journal: other.journalOf(databaseOf(c.Namespace())), examined: other.examined, version: other.version,
				documents: c.documents.Copy(), last: c.last, bytes: c.bytes}
			namespace := c.Namespace()
			d.namespace.Store(&namespace)
			d.options.Store(c.Options())
			for _, x := range c.indexes {
				y := *x
				y.entries = x.entries.Copy()
				d.indexes = append(d.indexes, &y)
			}
			out = append(out, d)
		}
		c.mu.Unlock()
	}
	return out
}
