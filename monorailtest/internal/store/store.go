package store

import (
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// maxNamespace is the length of the longest namespace, "database.collection": 255 bytes since 4.4.
const maxNamespace = 255

// codeDatabaseDiffersInCase is DatabaseDifferCase.
const codeDatabaseDiffersInCase = 13297

// Store holds the databases of a server. It is safe for concurrent use.
type Store struct {
	// journal is told of every change; nil for none. Set once.
	journal Journal
	// catalog is held while collections are made, dropped or renamed, so that the journal is told of
	// it in the order in which it happens, and by whoever takes the locks of several collections. It
	// comes before the lock of any collection.
	catalog sync.Mutex
	// mu guards the maps below. It is held to look up, add and remove collections only, and no
	// collection's lock is taken while it is held.
	mu sync.RWMutex
	// databases holds the collections by database and name. No database is empty.
	databases map[string]map[string]*Collection
	// identified holds the same collections by their UUIDs.
	identified map[string]*Collection
	// reserved holds the namespaces in which open transactions have made a collection.
	reserved map[namespace]*Transaction
	// examined counts what scans look at. Set once.
	examined *Examined
	// version grows with every change. Set once.
	version *atomic.Uint64

	// transaction is whose private copy this store is; nil for every other store.
	transaction *Transaction
}

// namespace names a collection.
type namespace struct{ database, name string }

// New returns an empty store.
func New() *Store { return NewJournaled(nil) }

// NewJournaled returns an empty store that tells j of every change.
func NewJournaled(j Journal) *Store {
	return &Store{journal: j, databases: map[string]map[string]*Collection{}, identified: map[string]*Collection{},
		reserved: map[namespace]*Transaction{}, examined: &Examined{}, version: &atomic.Uint64{}}
}

func uuidKey(uuid primitive.Binary) string { return string(uuid.Data) }

// databaseOf returns the database of a namespace.
func databaseOf(namespace string) string {
	database, _, _ := strings.Cut(namespace, ".")
	return database
}

// Collection returns a collection, or nil if there is none.
func (s *Store) Collection(database, name string) *Collection {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.databases[database][name]
}

// Identified returns the collection with a UUID, or nil if there is none.
func (s *Store) Identified(uuid primitive.Binary) *Collection {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.identified[uuidKey(uuid)]
}

// Create makes an empty collection. It fails with NamespaceExists (48) if there is one, with
// DatabaseDifferCase (13297) if there is a database whose name differs in case only, and with a
// *Conflict while an open transaction has made the collection.
func (s *Store) Create(database, name string, options bson.D) (*Collection, error) {
	s.catalog.Lock()
	defer s.catalog.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.databases[database][name] != nil {
		return nil, mongoerror.New(mongoerror.NamespaceExists, "Collection already exists. NS: %s.%s", database, name)
	}
	return s.createLocked(database, name, options)
}

// Open returns a collection, and makes it, as Create does, if there is none. created tells which.
func (s *Store) Open(database, name string) (c *Collection, created bool, err error) {
	if c := s.Collection(database, name); c != nil {
		return c, false, nil
	}
	s.catalog.Lock()
	defer s.catalog.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.databases[database][name]; c != nil {
		return c, false, nil
	}
	c, err = s.createLocked(database, name, bson.D{})
	return c, true, err
}

func (s *Store) createLocked(database, name string, options bson.D) (*Collection, error) {
	if n := len(database) + 1 + len(name); n > maxNamespace {
		return nil, mongoerror.New(mongoerror.InvalidNamespace,
			"Fully qualified namespace is too long. Namespace: %s.%s Max: %d", database, name, maxNamespace)
	}
	if s.databases[database] == nil {
		for other := range s.databases {
			if differsInCase(other, database) {
				return nil, mongoerror.New(codeDatabaseDiffersInCase,
					"db already exists with different case already have: [%s] trying to create [%s]", other, database)
			}
		}
	}
	c := s.newCollection(database+"."+name, options, newUUID())
	if err := s.reserveLocked(namespace{database, name}, c); err != nil {
		return nil, err
	}
	w := &Writer{c: c}
	if err := w.log(Change{Kind: CreateCollection, Options: options}); err != nil {
		return nil, err
	}
	s.addLocked(c)
	return c, nil
}

// differsInCase tells of two different names of databases whether they differ in case only.
func differsInCase(a, b string) bool { return a != b && strings.EqualFold(a, b) }

func (s *Store) newCollection(namespace string, options bson.D, uuid primitive.Binary) *Collection {
	c := newCollection(namespace, options, uuid)
	c.journal, c.examined, c.version = s.journalOf(databaseOf(namespace)), s.examined, s.version
	return c
}

// journalOf returns the journal for the collections of a database, nil for none.
func (s *Store) journalOf(database string) Journal {
	if database == unreplicated {
		return nil
	}
	return s.journal
}

// addLocked adds a collection under its name.
func (s *Store) addLocked(c *Collection) {
	database, name, _ := strings.Cut(c.Namespace(), ".")
	if s.databases[database] == nil {
		s.databases[database] = map[string]*Collection{}
	}
	s.databases[database][name] = c
	s.identified[uuidKey(c.UUID)] = c
	s.version.Add(1)
}

// Drop removes a collection and returns it, or nil if there was none. What still uses it gets
// ErrDropped. It fails with a *Conflict while an open transaction uses the collection.
func (s *Store) Drop(database, name string) (*Collection, error) {
	s.catalog.Lock()
	defer s.catalog.Unlock()
	c := s.Collection(database, name)
	if c == nil {
		return nil, s.unreserved(namespace{database, name})
	}
	return c, s.dropCatalogLocked(c)
}

// dropCatalogLocked removes a collection. The caller holds catalog.
func (s *Store) dropCatalogLocked(c *Collection) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.redefinableLocked(); err != nil {
		return err
	}
	if c.journal != nil {
		if err := c.journal.Append(&Change{Kind: DropCollection, Collection: c.UUID, Namespace: c.Namespace()}); err != nil {
			return err
		}
	}
	s.forgetAndDropLocked(c)
	return nil
}

// forgetAndDropLocked removes a collection. The caller holds catalog and the collection's lock.
func (s *Store) forgetAndDropLocked(c *Collection) {
	s.mu.Lock()
	s.forgetLocked(c)
	s.mu.Unlock()
	c.dropLocked()
}

// forgetLocked takes a collection out of the maps.
func (s *Store) forgetLocked(c *Collection) {
	s.version.Add(1)
	delete(s.identified, uuidKey(c.UUID))
	database, name, _ := strings.Cut(c.Namespace(), ".")
	if s.databases[database][name] != c {
		return
	}
	delete(s.databases[database], name)
	if len(s.databases[database]) == 0 {
		delete(s.databases, database)
	}
}

// DropDatabase removes a database with all its collections, and tells whether there was one. It fails
// with a *Conflict while an open transaction uses one of them: others may have gone already.
func (s *Store) DropDatabase(database string) (found bool, err error) {
	s.catalog.Lock()
	defer s.catalog.Unlock()
	if err := s.unreservedDatabase(database); err != nil {
		return false, err
	}
	for _, c := range s.Collections(database) {
		found = true
		if err := s.dropCatalogLocked(c.Collection); err != nil {
			return found, err
		}
	}
	if j := s.journalOf(database); j != nil && found {
		return found, j.Append(&Change{Kind: DropDatabase, Namespace: database + ".$cmd"})
	}
	return found, nil
}

// Rename gives a collection another name, also in another database. It fails with
// NamespaceNotFound (26) if there is none, with NamespaceExists (48) if the new name is taken,
// unless replace is set: then that collection is dropped, and with a *Conflict while an open
// transaction uses either.
func (s *Store) Rename(database, name, toDatabase, toName string, replace bool) error {
	s.catalog.Lock()
	defer s.catalog.Unlock()
	c, target := s.Collection(database, name), s.Collection(toDatabase, toName)
	if c == nil {
		return mongoerror.New(mongoerror.NamespaceNotFound, "Source collection %s.%s does not exist", database, name)
	}
	if target != nil && !replace {
		return mongoerror.New(mongoerror.NamespaceExists, "target namespace exists")
	}
	if err := s.unreserved(namespace{toDatabase, toName}); err != nil {
		return err
	}
	for _, changed := range []*Collection{c, target} {
		if changed == nil {
			continue
		}
		changed.mu.Lock()
		defer changed.mu.Unlock()
		if err := changed.redefinableLocked(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	to := toDatabase + "." + toName
	if s.journalOf(database) != s.journalOf(toDatabase) {
		return mongoerror.New(mongoerror.IllegalOperation,
			"Cannot rename collections between a replicated and an unreplicated database")
	}
	if j := s.journalOf(database); j != nil {
		var changes []*Change
		if target != nil {
			changes = append(changes, &Change{Kind: DropCollection, Collection: target.UUID, Namespace: to})
		}
		changes = append(changes, &Change{Kind: RenameCollection, Collection: c.UUID, Namespace: c.Namespace(), To: to})
		if err := j.Append(changes...); err != nil {
			return err
		}
	}
	if target != nil {
		s.forgetLocked(target)
		target.dropLocked()
	}
	s.renameLocked(c, to)
	c.definition++
	return nil
}

// renameLocked moves a collection to another name.
func (s *Store) renameLocked(c *Collection, to string) {
	s.forgetLocked(c)
	c.namespace.Store(&to)
	s.addLocked(c)
}

// Databases returns the names of the databases, sorted.
func (s *Store) Databases() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	names := make([]string, 0, len(s.databases))
	for name := range s.databases {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Named is a collection with its name in its database.
type Named struct {
	Name       string
	Collection *Collection
}

// Collections returns the collections of a database, sorted by name.
func (s *Store) Collections(database string) []Named {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]Named, 0, len(s.databases[database]))
	for name, c := range s.databases[database] {
		out = append(out, Named{name, c})
	}
	slices.SortFunc(out, func(a, b Named) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// newUUID returns a random UUID (version 4).
func newUUID() primitive.Binary {
	data := make([]byte, 16)
	// crypto/rand.Read never fails: it ends the program instead.
	rand.Read(data)
	data[6] = data[6]&0x0f | 0x40
	data[8] = data[8]&0x3f | 0x80
	return primitive.Binary{Subtype: 4, Data: data}
}
