package store

import (
	"slices"

	"github.com/mongo-monorail/monorail/monorailtest/internal/indexkey"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// scanChunk is how many documents a scan takes at a time while it holds the lock: some
// microseconds.
const scanChunk = 128

// Scan goes through the documents of a collection that may match a filter: all of them in the
// order of their insertion, or those that an index finds. It keeps its place between calls while
// the collection changes, as the server's yielding scans do: each document is delivered in the
// version that it has when the scan gets there.
//
// A Scan is used by one goroutine at a time.
type Scan struct {
	c *Collection
	// index is nil for a scan of all documents.
	index *Index
	// prefixes are the keys to look up, in the order of the index; one empty one for all entries.
	prefixes []indexkey.Key
	// backward goes through all documents from the last to the first.
	backward bool

	// position is the last entry seen; started tells whether there was one.
	position entry
	started  bool
	// seen holds the documents delivered, where an index has several entries for one.
	seen map[RecordID]struct{}
	done bool
}

// Hint names how a scan is to be made.
type Hint struct {
	// Index is the name of the index to use, in its order and for what it holds only; "" leaves
	// the choice to the store. An index that does not exist is ignored.
	Index string
	// Natural scans all documents, backward if Backward is set.
	Natural, Backward bool
}

// Scan returns a scan for the documents that can meet the constraints. It reads nothing yet.
func (c *Collection) Scan(constraints []query.Constraint, h Hint) *Scan {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.scanLocked(constraints, h)
}

// Scan is Collection.Scan for a locked collection.
func (w *Writer) Scan(constraints []query.Constraint, h Hint) *Scan {
	return w.c.scanLocked(constraints, h)
}

func (c *Collection) scanLocked(constraints []query.Constraint, h Hint) *Scan {
	s := &Scan{c: c, backward: h.Backward}
	if h.Natural {
		return s
	}
	best := 0
	for _, x := range c.indexes {
		if h.Index != "" {
			if x.spec.Name == h.Index {
				s.index = x
				s.prefixes, _ = x.lookup(constraints)
			}
			continue
		}
		if x.spec.Partial != nil {
			continue
		}
		prefixes, width := x.lookup(constraints)
		if width > best {
			s.index, s.prefixes, best = x, prefixes, width
			if x.spec.Unique && width == len(x.names) {
				break
			}
		}
	}
	return s
}

// lookup returns the keys that the constraints fix, and by how many fields.
func (x *Index) lookup(constraints []query.Constraint) (prefixes []indexkey.Key, width int) {
	prefixes = []indexkey.Key{{}}
	for i, name := range x.names {
		if i > 0 && x.multikey {
			break
		}
		c, ok := constraintOn(constraints, name)
		if !ok {
			break
		}
		longer := make([]indexkey.Key, 0, len(prefixes)*len(c.Values))
		for _, p := range prefixes {
			for _, v := range c.Values {
				longer = append(longer, append(slices.Clip(p), v))
			}
		}
		prefixes, width = longer, i+1
		if len(c.Values) != 1 {
			// $in lists multiply: one is enough to narrow the scan.
			break
		}
	}
	slices.SortFunc(prefixes, func(a, b indexkey.Key) int { return indexkey.Compare(a, b, x.descending) })
	return slices.CompactFunc(prefixes, func(a, b indexkey.Key) bool { return a.HasPrefix(b) }), width
}

func constraintOn(constraints []query.Constraint, name string) (query.Constraint, bool) {
	for _, c := range constraints {
		if c.Field == name {
			return c, true
		}
	}
	return query.Constraint{}, false
}

// Next returns the next documents, at most some hundred; none at the end. It takes the
// collection's lock for reading, and fails with ErrDropped if the collection was dropped.
func (s *Scan) Next() ([]*Document, error) {
	s.c.mu.RLock()
	defer s.c.mu.RUnlock()
	if s.c.dropped {
		return nil, ErrDropped
	}
	return s.nextLocked(), nil
}

// NextLocked is Next inside Write.
func (s *Scan) NextLocked() []*Document { return s.nextLocked() }

func (s *Scan) nextLocked() []*Document {
	if s.done {
		return nil
	}
	var out []*Document
	if s.index == nil {
		out = s.nextInOrderLocked()
	} else {
		out = s.nextByIndexLocked()
	}
	s.done = len(out) == 0
	return out
}

func (s *Scan) nextInOrderLocked() []*Document {
	out := make([]*Document, 0, min(scanChunk, s.c.documents.Len()))
	visit := func(d *Document) bool {
		if s.started && d.Record == s.position.record {
			return true
		}
		out = append(out, d)
		return len(out) < scanChunk
	}
	pivot := &Document{Record: s.position.record}
	switch {
	case s.backward && !s.started:
		s.c.documents.Reverse(visit)
	case s.backward:
		s.c.documents.Descend(pivot, visit)
	default:
		s.c.documents.Ascend(pivot, visit)
	}
	if len(out) > 0 {
		s.position.record, s.started = out[len(out)-1].Record, true
	}
	return out
}

func (s *Scan) nextByIndexLocked() []*Document {
	var out []*Document
	for len(s.prefixes) > 0 && len(out) < scanChunk {
		prefix := s.prefixes[0]
		pivot := entry{key: prefix}
		if s.started {
			pivot = s.position
		}
		ended := true
		s.index.entries.Ascend(pivot, func(e entry) bool {
			if !e.key.HasPrefix(prefix) {
				return false
			}
			if s.started && e.record == s.position.record && len(e.key) == len(s.position.key) && e.key.HasPrefix(s.position.key) {
				return true
			}
			s.position, s.started = e, true
			if d, ok := s.c.documents.Get(&Document{Record: e.record}); ok && s.first(e.record) {
				out = append(out, d)
			}
			ended = len(out) < scanChunk
			return ended
		})
		if ended {
			s.prefixes, s.started = s.prefixes[1:], false
		}
	}
	return out
}

// first tells whether a document comes up for the first time: with several entries a document of
// a multikey index comes up several times.
func (s *Scan) first(r RecordID) bool {
	if !s.index.multikey {
		return true
	}
	if _, ok := s.seen[r]; ok {
		return false
	}
	if s.seen == nil {
		s.seen = map[RecordID]struct{}{}
	}
	s.seen[r] = struct{}{}
	return true
}
