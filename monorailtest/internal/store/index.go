package store

import (
	"cmp"

	"github.com/tidwall/btree"
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
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
	// Document is how listIndexes shows the index.
	Document bson.D
}

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

// entry says that the document with that record id has that key.
type entry struct {
	key    indexkey.Key
	record RecordID
}

func newIndex(spec IndexSpec) *Index {
	x := &Index{spec: spec}
	for _, e := range spec.Key {
		x.names = append(x.names, e.Key)
		x.paths = append(x.paths, indexkey.NewPath(e.Key))
		x.descending = append(x.descending, bsonvalue.IsNumber(e.Value) && bsonvalue.CompareNumbers(e.Value, int32(0)) < 0)
	}
	x.entries = btree.NewBTreeGOptions(func(a, b entry) bool {
		return cmp.Or(indexkey.Compare(a.key, b.key, x.descending), cmp.Compare(a.record, b.record)) < 0
	}, btree.Options{NoLocks: true})
	return x
}

// Spec returns the description of the index.
func (x *Index) Spec() IndexSpec { return x.spec }

// keys returns the keys of a document; none if the index leaves the document out.
func (x *Index) keys(d bson.D) (keys []indexkey.Key, multikey bool, err error) {
	if x.spec.Partial != nil {
		if ok, err := x.spec.Partial.Match(d); !ok || err != nil {
			return nil, false, err
		}
	}
	k, err := indexkey.Generate(d, x.paths)
	if err != nil || x.spec.Sparse && !k.Present {
		return nil, false, err
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

// duplicateError is the server's DuplicateKey (11000) for a key of this index.
func (x *Index) duplicateError(namespace string, k indexkey.Key) error {
	value := make(bson.D, len(k))
	for i := range k {
		value[i] = bson.E{Key: x.names[i], Value: k[i]}
	}
	return mongoerror.New(mongoerror.DuplicateKey, "E11000 duplicate key error collection: %s index: %s dup key: %s",
		namespace, x.spec.Name, bsonvalue.Format(value)).
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
