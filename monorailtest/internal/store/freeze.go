package store

import (
	"maps"
	"slices"
	"strings"

	"github.com/tidwall/btree"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// Frozen is a collection as it was at one moment. It may be read without any lock, whatever becomes of the collection.
type Frozen struct {
	// Namespace is "database.collection".
	Namespace string
	UUID      primitive.Binary
	Options   bson.D
	// Indexes are the descriptions of the indexes, the one on _id first.
	Indexes []IndexSpec

	documents *btree.BTreeG[*Document]
}

// Len returns the number of documents.
func (f *Frozen) Len() int { return f.documents.Len() }

// Each calls fn with every document in the order of their insertion, until it returns an error, which Each returns.
func (f *Frozen) Each(fn func(*Document) error) (err error) {
	f.documents.Scan(func(d *Document) bool {
		err = fn(d)
		return err == nil
	})
	return err
}

// Freeze returns all collections as they are at one moment, by their namespaces. What open transactions have written is not
// there. It costs little: what changes afterwards is copied.
func (s *Store) Freeze() []Frozen {
	s.catalog.Lock()
	defer s.catalog.Unlock()
	s.mu.RLock()
	collections := slices.Collect(maps.Values(s.identified))
	s.mu.RUnlock()
	for _, c := range collections {
		c.mu.Lock()
		defer c.mu.Unlock()
	}
	out := make([]Frozen, len(collections))
	for i, c := range collections {
		out[i] = Frozen{
			Namespace: c.Namespace(), UUID: c.UUID, Options: c.Options().Document, documents: c.documents.Copy(),
		}
		for _, x := range c.indexes {
			out[i].Indexes = append(out[i].Indexes, x.spec)
		}
	}
	slices.SortFunc(out, func(a, b Frozen) int { return strings.Compare(a.Namespace, b.Namespace) })
	return out
}

// Version grows whenever the store may have changed: what Freeze returns afterwards has the change.
func (s *Store) Version() uint64 { return s.version.Load() }
