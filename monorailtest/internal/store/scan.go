package store

import (
	"github.com/mongo-monorail/monorail/monorailtest/internal/indexkey"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// A scan takes that many documents at a time while it holds the lock: few at first, since many readers want one, and then
// more and more, up to some microseconds' worth.
const (
	firstChunk = 4
	lastChunk  = 128
)

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
	// spans are what is left to read of the index, in its order.
	spans []span
	// backward goes from the last to the first, of the index if there is one.
	backward bool
	// sorted says that the documents come in the order that was asked for.
	sorted bool
	// single says that there is one document at most.
	single bool

	// last is the document seen last by a scan without an index; started tells whether there was one.
	last    RecordID
	started bool
	// chunk is how many documents the next call takes.
	chunk int
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
	// Min and Max bound what is read of Index, from Min to before Max; nil for no bound.
	Min, Max indexkey.Key
}

// Scan returns a scan for the documents that can meet the constraints. It reads nothing yet.
func (c *Collection) Scan(constraints []query.Constraint, h Hint) *Scan {
	return c.ScanInOrder(constraints, h, nil)
}

// ScanInOrder is Scan, by an index that gives the wanted order where that costs nothing: Scan.Sorted tells.
func (c *Collection) ScanInOrder(constraints []query.Constraint, h Hint, order []indexkey.Field) *Scan {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.scanLocked(constraints, h, order)
}

// Scan is Collection.Scan for a locked collection.
func (w *Writer) Scan(constraints []query.Constraint, h Hint) *Scan {
	return w.c.scanLocked(constraints, h, nil)
}

// ScanInOrder is Collection.ScanInOrder for a locked collection.
func (w *Writer) ScanInOrder(constraints []query.Constraint, h Hint, order []indexkey.Field) *Scan {
	return w.c.scanLocked(constraints, h, order)
}

func (c *Collection) scanLocked(constraints []query.Constraint, h Hint, order []indexkey.Field) *Scan {
	s := &Scan{c: c, backward: h.Backward, sorted: len(order) == 0, chunk: firstChunk}
	if h.Natural {
		return s
	}
	if p, ok := c.planLocked(constraints, h, order); ok {
		s.index, s.spans, s.backward = p.index, p.spans(), p.backward
		s.sorted, s.single = p.sorted, p.single()
		if h.Min != nil || h.Max != nil {
			s.spans, s.backward, s.sorted, s.single = []span{p.index.bounds(h.Min, h.Max)}, false, len(order) == 0, false
		}
	}
	return s
}

// Sorted reports whether the documents come in the order that was asked for.
func (s *Scan) Sorted() bool { return s.sorted }

// Backward reports whether the scan goes from the last to the first.
func (s *Scan) Backward() bool { return s.backward }

// Index returns the index that the scan goes through; false for none.
func (s *Scan) Index() (IndexSpec, bool) {
	if s.index == nil {
		return IndexSpec{}, false
	}
	return s.index.spec, true
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
	s.chunk = min(2*s.chunk, lastChunk)
	s.c.examined.Documents.Add(int64(len(out)))
	return out
}

func (s *Scan) nextInOrderLocked() []*Document {
	out := make([]*Document, 0, min(s.chunk, s.c.documents.Len()))
	visit := func(d *Document) bool {
		if s.started && d.Record == s.last {
			return true
		}
		out = append(out, d)
		return len(out) < s.chunk
	}
	pivot := &Document{Record: s.last}
	switch {
	case s.backward && !s.started:
		s.c.documents.Reverse(visit)
	case s.backward:
		s.c.documents.Descend(pivot, visit)
	default:
		s.c.documents.Ascend(pivot, visit)
	}
	if len(out) > 0 {
		s.last, s.started = out[len(out)-1].Record, true
	}
	return out
}

func (s *Scan) nextByIndexLocked() []*Document {
	var out []*Document
	keys := 0
	visit := func(e entry) {
		keys++
		if d, ok := s.c.documents.Get(&Document{Record: e.record}); ok && s.first(e.record) {
			out = append(out, d)
		}
	}
	for len(s.spans) > 0 && len(out) < s.chunk {
		ended := true
		if s.backward {
			at := &s.spans[len(s.spans)-1]
			s.index.entries.Descend(at.to, func(e entry) bool {
				if less(e, at.from, s.index.descending) {
					return false
				}
				visit(e)
				// What comes next is before e; records begin at 1.
				at.to = entry{e.key, e.record - 1}
				ended = len(out) < s.chunk
				return ended
			})
			if ended {
				if s.waitsAt(out) {
					break
				}
				s.spans = s.spans[:len(s.spans)-1]
			}
			continue
		}
		at := &s.spans[0]
		s.index.entries.Ascend(at.from, func(e entry) bool {
			if !less(e, at.to, s.index.descending) {
				return false
			}
			visit(e)
			at.from = entry{e.key, e.record + 1}
			ended = len(out) < s.chunk
			return ended
		})
		if ended {
			if s.waitsAt(out) {
				break
			}
			s.spans = s.spans[1:]
		}
	}
	s.c.examined.Keys.Add(int64(keys))
	return out
}

// waitsAt reports whether the scan stays at the end of its last span after it has read out: until the next call, documents
// may come behind what was read ahead.
func (s *Scan) waitsAt(out []*Document) bool { return len(s.spans) == 1 && len(out) > 0 && !s.single }

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
