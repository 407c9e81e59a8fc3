package store

import (
	"slices"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/indexkey"
)

// bounds returns the entries of the index from the key low to before the key high; nil is no bound. The
// keys have a value for each field, as documents have them.
func (x *Index) bounds(low, high indexkey.Key) span {
	s := span{entry{indexkey.Key{}, beforeAll}, entry{indexkey.Key{}, behindAll}}
	if low != nil {
		s.from = entry{x.translateKey(low), beforeAll}
	}
	if high != nil {
		s.to = entry{x.translateKey(high), beforeAll}
	}
	return s
}

// translateKey puts what the index holds in the place of the values of a key.
func (x *Index) translateKey(k indexkey.Key) indexkey.Key {
	out := slices.Clone(k)
	for i := range out {
		out[i] = x.spec.Collation.Value(out[i])
	}
	return out
}

// CompareKeys compares two keys as the index described by spec orders them.
func CompareKeys(spec IndexSpec, a, b indexkey.Key) int {
	x := newIndex(spec)
	return indexkey.Compare(x.translateKey(a), x.translateKey(b), x.descending)
}

// Key returns the key of a document in the index that the scan reads, as fields; none where it reads
// no index. Of the keys that an array gives, it is the first.
func (s *Scan) Key(d *Document) bson.D {
	out := bson.D{}
	if s.index == nil {
		return out
	}
	keys, _, err := s.index.keys(d.Fields)
	if err != nil || len(keys) == 0 {
		return out
	}
	first := slices.MinFunc(keys, func(a, b indexkey.Key) int { return indexkey.Compare(a, b, s.index.descending) })
	for i, v := range first {
		out = append(out, bson.E{Key: s.index.names[i], Value: v})
	}
	return out
}

// Resume lets a scan of all documents go on behind the last one that it has delivered, where it had
// come to the end. lost tells that this document is gone, which a capped collection deletes with all
// before it: the place is lost then.
func (s *Scan) Resume() (lost bool) {
	s.done = false
	if !s.started {
		return false
	}
	s.c.mu.RLock()
	defer s.c.mu.RUnlock()
	_, ok := s.c.documents.Get(&Document{Record: s.last})
	return !ok
}

// EachKey calls yield with the value of the first field of every entry of an index, in its order,
// until yield returns false. It is false, and calls nothing, where there is no such index.
func (c *Collection) EachKey(name string, yield func(v any) bool) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, x := range c.indexes {
		if x.spec.Name != name {
			continue
		}
		x.entries.Scan(func(e entry) bool { return yield(e.key[0]) })
		return true
	}
	return false
}

// Multikey tells whether some document has had several keys in the index of that name.
func (c *Collection) Multikey(name string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.ContainsFunc(c.indexes, func(x *Index) bool { return x.spec.Name == name && x.multikey })
}
