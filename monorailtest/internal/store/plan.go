package store

import (
	"cmp"
	"slices"

	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/indexkey"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// maxPrefixes is how many keys the lists of several fields may multiply to; beyond, the lists of the later fields narrow
// the scan no more.
const maxPrefixes = 4096

// plan says how an index serves a scan.
type plan struct {
	index *Index
	// prefixes are the values of the first fields that are looked up; one empty one for none.
	prefixes []indexkey.Key
	// fixed is how many fields, from the first, have one value.
	fixed int
	// last are the intervals of the field behind the prefixes; nil for none.
	last []query.Interval
	// score tells how well the constraints are served: by as few keys as possible.
	score int
	// backward says that the index is read from its end, and sorted that this gives the wanted order.
	backward, sorted bool
}

// span are the entries of an index between two edges.
type span struct{ from, to entry }

// The scores of a field with one value, with a list of values, and with ranges.
const (
	scoreRange = 1
	scoreList  = 2
	scorePoint = 4
)

// planLocked chooses an index. It is false where all documents have to be looked at.
func (c *Collection) planLocked(constraints []query.Constraint, h Hint, order []indexkey.Field) (best plan, found bool) {
	for _, x := range c.indexes {
		if h.Index != "" {
			if x.spec.Name != h.Index || x.spec.Kind == Nominal {
				continue
			}
			p := x.plan(constraints)
			p.sort(order)
			return p, true
		}
		if x.spec.Partial != nil || x.spec.Hidden || x.spec.Kind == Nominal {
			continue
		}
		p := x.plan(constraints)
		p.sort(order)
		if p.score == 0 && (len(order) == 0 || !p.sorted || x.spec.Sparse) {
			// It narrows nothing, and helps only with an order, if it has every document.
			continue
		}
		if p.single() {
			return p, true
		}
		if !found || p.score > best.score || p.score == best.score && p.sorted && !best.sorted {
			best, found = p, true
		}
	}
	return best, found
}

// plan returns how the index serves the constraints.
func (x *Index) plan(constraints []query.Constraint) plan {
	p := plan{index: x, prefixes: []indexkey.Key{{}}}
	for i, name := range x.names {
		if i > 0 && x.multikey {
			// The values of another field may be of another element of the array.
			break
		}
		c, ok := x.constraintOn(constraints, name)
		if !ok {
			break
		}
		if !c.Points() {
			if x.spec.Kind == Hashed {
				break
			}
			p.last = c.Intervals
			p.score += scoreRange
			break
		}
		if len(p.prefixes)*len(c.Intervals) > maxPrefixes && i > 0 {
			break
		}
		p.multiply(c.Intervals)
		if len(c.Intervals) == 1 && p.fixed == i {
			p.fixed++
		}
		if len(c.Intervals) == 1 {
			p.score += scorePoint
		} else {
			p.score += scoreList
		}
	}
	return p
}

// multiply appends each of the points to each of the prefixes.
func (p *plan) multiply(points []query.Interval) {
	longer := make([]indexkey.Key, 0, len(p.prefixes)*len(points))
	for _, prefix := range p.prefixes {
		for _, i := range points {
			longer = append(longer, append(slices.Clip(prefix), i.Low))
		}
	}
	p.prefixes = longer
}

// constraintOn returns what the constraints say of a field, if the index can serve it.
func (x *Index) constraintOn(constraints []query.Constraint, name string) (out query.Constraint, found bool) {
	for _, c := range constraints {
		switch {
		case c.Field != name || c.Null && x.spec.Sparse || !x.serves(c):
			continue
		}
		c = x.translate(c)
		switch {
		case !found:
			out, found = c, true
		case !x.multikey:
			out = out.Intersect(c)
		case !out.Points() && c.Points():
			out = c
		}
	}
	return out, found
}

// serves tells whether the index compares the values of a constraint as the filter does.
func (x *Index) serves(c query.Constraint) bool {
	return collation.Same(c.Collation, x.spec.Collation) || !slices.ContainsFunc(c.Intervals, func(i query.Interval) bool {
		return collation.Matters(i.Low) || collation.Matters(i.High)
	})
}

// translate puts what the index holds in the place of the values of a constraint: sort keys, under a collation.
func (x *Index) translate(c query.Constraint) query.Constraint {
	if x.spec.Collation == nil {
		return c
	}
	intervals := make([]query.Interval, len(c.Intervals))
	for n, i := range c.Intervals {
		i.Low, i.High = x.spec.Collation.Value(i.Low), x.spec.Collation.Value(i.High)
		intervals[n] = i
	}
	c.Intervals = query.Disjoint(intervals)
	return c
}

// sort finds out whether the index gives an order, read from one of its ends.
func (p *plan) sort(order []indexkey.Field) {
	p.sorted = len(order) == 0
	x := p.index
	if p.sorted || x.spec.Kind == Hashed || x.spec.Collation != nil || len(p.prefixes) > 1 || x.multikey && p.score > 0 {
		// Of an array, the least element counts that there is, not the least that is looked up.
		return
	}
	at := p.fixed
	for _, f := range order {
		if slices.Contains(x.names[:p.fixed], f.Name) {
			// It has one value.
			continue
		}
		if at == len(x.names) || x.names[at] != f.Name {
			return
		}
		backward := x.descending[at] != f.Descending
		if at > p.fixed && backward != p.backward {
			return
		}
		p.backward = backward
		at++
	}
	p.sorted = true
}

// single reports whether the plan finds one document at most.
func (p *plan) single() bool { return p.index.spec.Unique && p.fixed == len(p.index.names) }

// spans returns what there is to read, in the order of the index.
func (p *plan) spans() []span {
	x := p.index
	out := make([]span, 0, len(p.prefixes)*max(1, len(p.last)))
	for _, prefix := range p.prefixes {
		if p.last == nil {
			out = append(out, span{entry{prefix, beforeAll}, entry{prefix, behindAll}})
			continue
		}
		for _, i := range p.last {
			low := entry{append(slices.Clip(prefix), i.Low), edge(i.LowOpen)}
			high := entry{append(slices.Clip(prefix), i.High), edge(!i.HighOpen)}
			if x.descending[len(prefix)] {
				low.record, high.record = edge(!i.LowOpen), edge(i.HighOpen)
				low, high = high, low
			}
			out = append(out, span{low, high})
		}
	}
	slices.SortFunc(out, func(a, b span) int {
		switch {
		case less(a.from, b.from, x.descending):
			return -1
		case less(b.from, a.from, x.descending):
			return 1
		}
		return cmp.Compare(a.from.record, b.from.record)
	})
	return out
}

// edge is the record of an edge before or behind the entries of a key.
func edge(behind bool) RecordID {
	if behind {
		return behindAll
	}
	return beforeAll
}
