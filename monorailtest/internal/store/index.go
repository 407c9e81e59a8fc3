package store

import (
	"fmt"
	"math"

	"github.com/tidwall/btree"
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/indexkey"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// IndexSpec describes an index. It is immutable.
type IndexSpec struct {
	// Name is unique within the collection.
	Name string
	// Key is the key pattern as the client gave it: field names with 1 or -1.
	Key bson.D
	// Unique refuses a second document with the same key (11000).
	Unique bool
	// Sparse leaves out documents that have none of the fields.
	Sparse bool
	// Partial leaves out documents that do not meet the filter; nil for none.
	Partial *query.Filter
	// Collation is how strings compare in the index; nil for byte by byte. The index holds sort keys.
	Collation *collation.Collation
	// Kind says how documents are indexed.
	Kind IndexKind
	// Hidden keeps the index out of the choice for a query.
	Hidden bool
	// Expires deletes documents ExpireAfter seconds after the date in their field.
	Expires     bool
	ExpireAfter int64
	// Document is how listIndexes shows the index.
	Document bson.D
}

// IndexKind says how an index holds documents.
type IndexKind int

const (
	// Ordered indexes hold the values of their fields in order.
	Ordered IndexKind = iota
	// Hashed indexes hold values in order, too, but no arrays: nothing shows the hashes.
	Hashed
	// Nominal indexes are listed and hold nothing: those on all fields, on text and on places. Every
	// query finds without them what it would find with them.
	Nominal
)

// codeHashedArray is the error of an array in a hashed field.
const codeHashedArray = 16766

// Index is an index of a collection. The lock of the collection guards it.
type Index struct {
	spec       IndexSpec
	names      []string
	paths      []indexkey.Path
	descending []bool
	// multikey says that some document has had several keys, or a key out of an array; it stays
	// set. Lookups by more than the first field are then not complete.
	multikey bool
	entries  *btree.BTreeG[entry]
}

// entry says that the document with that record id has that key. With a key of fewer values than the index has fields, or
// with one of the records below, it is no entry but an edge: a place between entries.
type entry struct {
	key    indexkey.Key
	record RecordID
}

// The records of edges: the place before or behind all entries whose keys begin with the edge's.
const (
	beforeAll RecordID = 0
	behindAll RecordID = math.MaxUint64
)

// less orders entries and edges by the directions of their index.
func less(a, b entry, descending []bool) bool {
	n := min(len(a.key), len(b.key))
	if r := indexkey.Compare(a.key[:n], b.key[:n], descending); r != 0 {
		return r < 0
	}
	switch {
	case len(a.key) < len(b.key):
		return a.record != behindAll
	case len(b.key) < len(a.key):
		return b.record == behindAll
	}
	return a.record < b.record
}

func newIndex(spec IndexSpec) *Index {
	x := &Index{spec: spec}
	for _, e := range spec.Key {
		x.names = append(x.names, e.Key)
		x.paths = append(x.paths, indexkey.NewPath(e.Key))
		x.descending = append(x.descending, bsonvalue.IsNumber(e.Value) && bsonvalue.CompareNumbers(e.Value, int32(0)) < 0)
	}
	x.entries = btree.NewBTreeGOptions(func(a, b entry) bool {
		return less(a, b, x.descending)
	}, btree.Options{NoLocks: true})
	return x
}

// Spec returns the description of the index.
func (x *Index) Spec() IndexSpec { return x.spec }

// keys returns the keys of a document; none if the index leaves the document out.
func (x *Index) keys(d bson.D) (keys []indexkey.Key, multikey bool, err error) {
	if x.spec.Kind == Nominal {
		return nil, false, nil
	}
	if x.spec.Partial != nil {
		if ok, err := x.spec.Partial.Match(d); !ok || err != nil {
			return nil, false, err
		}
	}
	k, err := indexkey.Generate(d, x.paths)
	if err != nil || x.spec.Sparse && !k.Present {
		return nil, false, err
	}
	if k.Multikey && x.spec.Kind == Hashed {
		return nil, false, mongoerror.New(codeHashedArray, "hashed indexes do not currently support array values")
	}
	if c := x.spec.Collation; c != nil {
		for _, key := range k.List {
			for i := range key {
				key[i] = c.Value(key[i])
			}
		}
	}
	return k.List, k.Multikey, nil
}

// duplicate returns the key that another document than record has already.
func (x *Index) duplicate(keys []indexkey.Key, record RecordID) (indexkey.Key, bool) {
	if !x.spec.Unique {
		return nil, false
	}
	for _, k := range keys {
		found := false
		x.entries.Ascend(entry{key: k}, func(e entry) bool {
			if !e.key.HasPrefix(k) {
				return false
			}
			found = e.record != record
			return !found
		})
		if found {
			return k, true
		}
	}
	return nil, false
}

// duplicateError is the server's DuplicateKey (11000) for a key of this index. Under a collation it
// has sort keys in the place of strings.
func (x *Index) duplicateError(namespace string, k indexkey.Key) error {
	value, shown := make(bson.D, len(k)), make(bson.D, len(k))
	for i := range k {
		value[i] = bson.E{Key: x.names[i], Value: k[i]}
		shown[i] = value[i]
		if s, ok := k[i].(string); ok && x.spec.Collation != nil {
			shown[i].Value = fmt.Sprintf("0x%x", s)
		}
	}
	under := ""
	if c := x.spec.Collation; c != nil {
		under = " collation: " + bsonvalue.Format(c.Document())
	}
	return mongoerror.New(mongoerror.DuplicateKey, "E11000 duplicate key error collection: %s index: %s%s dup key: %s",
		namespace, x.spec.Name, under, bsonvalue.Format(shown)).
		WithFields(bson.D{{Key: "keyPattern", Value: x.spec.Key}, {Key: "keyValue", Value: value}})
}

func sameKeys(a, b []indexkey.Key) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		// Not only equal: a key keeps the type of its number, for the message of a duplicate.
		if !bsonvalue.Identical(bson.A(a[i]), bson.A(b[i])) {
			return false
		}
	}
	return true
}

func (x *Index) add(keys []indexkey.Key, record RecordID) {
	for _, k := range keys {
		x.entries.Set(entry{k, record})
	}
}

func (x *Index) remove(keys []indexkey.Key, record RecordID) {
	for _, k := range keys {
		x.entries.Delete(entry{k, record})
	}
}
