package store

import (
	"crypto/rand"
	"slices"
	"strings"
	"sync"

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
	// mu guards databases and every map in it. It is held to look up, add and remove collections
	// only, and no collection's lock is taken while it is held.
	mu sync.RWMutex
	// databases holds the collections by database and name. No database is empty.
	databases map[string]map[string]*Collection
}

// New returns an empty store.
func New() *Store { return &Store{databases: map[string]map[string]*Collection{}} }

// Collection returns a collection, or nil if there is none.
func (s *Store) Collection(database, name string) *Collection {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.databases[database][name]
}

// Create makes an empty collection. It fails with NamespaceExists (48) if there is one, and with
// DatabaseDifferCase (13297) if there is a database whose name differs in case only.
func (s *Store) Create(database, name string, options bson.D) (*Collection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.databases[database][name] != nil {
		return nil, mongoerror.New(mongoerror.NamespaceExists, "Collection already exists. NS: %s.%s", database, name)
	}
	return s.createLocked(database, name, options)
}

// Open returns a collection, and makes it if there is none. created tells which.
func (s *Store) Open(database, name string) (c *Collection, created bool, err error) {
	if c := s.Collection(database, name); c != nil {
		return c, false, nil
	}
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
			if strings.EqualFold(other, database) {
				return nil, mongoerror.New(codeDatabaseDiffersInCase,
					"db already exists with different case already have: [%s] trying to create [%s]", other, database)
			}
		}
		s.databases[database] = map[string]*Collection{}
	}
	c := newCollection(database+"."+name, options)
	s.databases[database][name] = c
	return c, nil
}

// Drop removes a collection and returns it, or nil if there was none. What still uses it gets
// ErrDropped.
func (s *Store) Drop(database, name string) *Collection {
	s.mu.Lock()
	c := s.databases[database][name]
	s.removeLocked(database, name)
	s.mu.Unlock()
	if c != nil {
		c.drop()
	}
	return c
}

func (s *Store) removeLocked(database, name string) {
	delete(s.databases[database], name)
	if len(s.databases[database]) == 0 {
		delete(s.databases, database)
	}
}

// DropDatabase removes a database with all its collections, and tells whether there was one.
func (s *Store) DropDatabase(database string) bool {
	s.mu.Lock()
	collections, ok := s.databases[database]
	delete(s.databases, database)
	s.mu.Unlock()
	for _, c := range collections {
		c.drop()
	}
	return ok
}

// Rename gives a collection another name, also in another database. It fails with
// NamespaceNotFound (26) if there is none, and with NamespaceExists (48) if the new name is taken,
// unless replace is set: then that collection is dropped.
func (s *Store) Rename(database, name, toDatabase, toName string, replace bool) error {
	s.mu.Lock()
	c := s.databases[database][name]
	if c == nil {
		s.mu.Unlock()
		return mongoerror.New(mongoerror.NamespaceNotFound, "Source collection %s.%s does not exist", database, name)
	}
	target := s.databases[toDatabase][toName]
	if target != nil && !replace {
		s.mu.Unlock()
		return mongoerror.New(mongoerror.NamespaceExists, "target namespace exists")
	}
	s.removeLocked(database, name)
	if s.databases[toDatabase] == nil {
		s.databases[toDatabase] = map[string]*Collection{}
	}
	s.databases[toDatabase][toName] = c
	namespace := toDatabase + "." + toName
	c.namespace.Store(&namespace)
	s.mu.Unlock()
	if target != nil {
		target.drop()
	}
	return nil
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
