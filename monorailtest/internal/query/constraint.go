package query

import (
	"slices"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
)

// Constraint is what a filter demands of one field, in a form that an index can serve: a document can only meet the
// filter if some value of the field lies in one of the intervals.
type Constraint struct {
	// Field is the dotted name.
	Field string
	// Intervals are disjoint, and in their order. An equality has one with one value in it, $in several.
	Intervals []Interval
	// Null says that a document without the field can meet the filter: a sparse index does not have it.
	Null bool
	// Collation is how the strings among the values compare; nil for byte by byte.
	Collation *collation.Collation
}

// Interval are the values from Low to High, by bsonvalue.Compare.
type Interval struct {
	Low, High any
	// LowOpen and HighOpen leave the ends themselves out.
	LowOpen, HighOpen bool
}

// Point returns the interval of one value.
func Point(v any) Interval { return Interval{Low: v, High: v} }

// IsPoint reports whether the interval is that of one value.
func (i Interval) IsPoint() bool {
	return !i.LowOpen && !i.HighOpen && bsonvalue.Equal(i.Low, i.High)
}

// Points reports whether every interval is that of one value.
func (c *Constraint) Points() bool {
	return !slices.ContainsFunc(c.Intervals, func(i Interval) bool { return !i.IsPoint() })
}

// Intersect returns the constraint of a value that meets both, which are on one field and compare alike.
func (c *Constraint) Intersect(other Constraint) Constraint {
	out := Constraint{Field: c.Field, Null: c.Null && other.Null, Collation: c.Collation}
	for a, b := c.Intervals, other.Intervals; len(a) > 0 && len(b) > 0; {
		if i := a[0].intersect(b[0]); !i.empty() {
			out.Intervals = append(out.Intervals, i)
		}
		if compareHighs(a[0], b[0]) < 0 {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return out
}

func (i Interval) intersect(other Interval) Interval {
	if compareLows(i, other) < 0 {
		i.Low, i.LowOpen = other.Low, other.LowOpen
	}
	if compareHighs(i, other) > 0 {
		i.High, i.HighOpen = other.High, other.HighOpen
	}
	return i
}

func (i Interval) empty() bool {
	r := bsonvalue.Compare(i.Low, i.High)
	return r > 0 || r == 0 && (i.LowOpen || i.HighOpen)
}

// compareLows tells which of two intervals begins first.
func compareLows(a, b Interval) int {
	if r := bsonvalue.Compare(a.Low, b.Low); r != 0 || a.LowOpen == b.LowOpen {
		return r
	}
	if a.LowOpen {
		return 1
	}
	return -1
}

// compareHighs tells which of two intervals ends first.
func compareHighs(a, b Interval) int {
	if r := bsonvalue.Compare(a.High, b.High); r != 0 || a.HighOpen == b.HighOpen {
		return r
	}
	if a.HighOpen {
		return -1
	}
	return 1
}

// Constraints returns what the equalities, ranges and $in lists that every matching document meets demand, in the order
// of the filter. A field may come several times; of an array, each constraint may then be met by another element.
func (f *Filter) Constraints() []Constraint {
	var out []Constraint
	collect(f.root, &out)
	return out
}

func collect(n node, out *[]Constraint) {
	switch x := n.(type) {
	case all:
		for _, part := range x {
			collect(part, out)
		}
	case *leaf:
		if x.whole {
			return
		}
		var c Constraint
		ok := false
		switch v := x.value.(type) {
		case *comparison:
			c, ok = v.constraint()
		case *in:
			c, ok = v.constraint()
		}
		if ok {
			c.Field = x.name
			*out = append(*out, c)
		}
	}
}

// constraint returns what the comparison demands, if an index can tell.
func (c *comparison) constraint() (Constraint, bool) {
	out := Constraint{Collation: c.collation}
	if c.operator == "$eq" {
		var ok bool
		out.Intervals, ok = appendEqual(nil, c.operand)
		out.Null = c.operand == nil
		return out, ok
	}
	low, high, highOpen, ok := bracket(c.operand)
	if !ok {
		return out, false
	}
	i := Interval{Low: low, High: high, HighOpen: highOpen}
	switch c.operator {
	case "$lt", "$lte":
		i.High, i.HighOpen = c.operand, c.operator == "$lt"
	case "$gt", "$gte":
		i.Low, i.LowOpen = c.operand, c.operator == "$gt"
	default:
		return out, false
	}
	if !i.empty() {
		out.Intervals = []Interval{i}
	}
	return out, true
}

// appendEqual appends the values that equal v as a filter has it, if an index can tell.
func appendEqual(out []Interval, v any) ([]Interval, bool) {
	switch {
	case v == nil:
		// null equals undefined too.
		return append(out, Point(bsonvalue.Missing), Point(nil)), true
	case isArray(v) || isPattern(v) || bsonvalue.IsMissing(v):
		return nil, false
	}
	return append(out, Point(v)), true
}

func (n *in) constraint() (Constraint, bool) {
	out := Constraint{Null: n.hasNull}
	if len(n.patterns) > 0 {
		return out, false
	}
	for _, v := range n.values {
		var ok bool
		if out.Intervals, ok = appendEqual(out.Intervals, v); !ok {
			return out, false
		}
		if n.collation != nil && collation.Matters(v) {
			out.Collation = n.collation
		}
	}
	out.Intervals = Disjoint(out.Intervals)
	return out, true
}

// Disjoint sorts intervals no two of which overlap without being the same, and leaves each once. It takes the slice over.
func Disjoint(intervals []Interval) []Interval {
	slices.SortFunc(intervals, compareLows)
	return slices.CompactFunc(intervals, func(a, b Interval) bool { return compareLows(a, b) == 0 })
}
