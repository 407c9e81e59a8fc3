package query

import (
	"math"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
)

// comparison is $eq, $lt, $lte, $gt and $gte.
type comparison struct {
	operator string
	operand  any
	class    bsonvalue.Class
	// collation is how strings compare; nil for byte by byte. key is the sort key of an operand that is one.
	collation *collation.Collation
	key       string
}

func (ps *parser) newComparison(operator string, operand any) *comparison {
	c := &comparison{operator: operator, operand: operand, class: bsonvalue.ClassOf(operand)}
	if ps.Collation != nil && collation.Matters(operand) {
		c.collation = ps.Collation
		if s, ok := operand.(string); ok {
			c.key = c.collation.Key(s)
		}
	}
	return c
}

// compare compares a value of the operand's class with it.
func (c *comparison) compare(v any) int {
	if c.collation == nil {
		return bsonvalue.Compare(v, c.operand)
	}
	if s, ok := v.(string); ok && c.key != "" {
		return strings.Compare(c.collation.Key(s), c.key)
	}
	return c.collation.Compare(v, c.operand)
}

func (c *comparison) matchesValue(v any, _ *int) (bool, error) {
	class := bsonvalue.ClassOf(v)
	if class != c.class {
		return c.acrossClasses(class), nil
	}
	if class == bsonvalue.ClassNumber {
		if nan, operandNaN := bsonvalue.IsNaN(v), bsonvalue.IsNaN(c.operand); nan || operandNaN {
			return nan && operandNaN && c.includesEqual(), nil
		}
	}
	r := c.compare(v)
	switch c.operator {
	case "$lt":
		return r < 0, nil
	case "$lte":
		return r <= 0, nil
	case "$gt":
		return r > 0, nil
	case "$gte":
		return r >= 0, nil
	}
	return r == 0, nil
}

func (c *comparison) includesEqual() bool {
	return c.operator != "$lt" && c.operator != "$gt"
}

// acrossClasses compares a value of another class than the operand's: null equals a field that is
// missing or undefined, MinKey and MaxKey are beyond everything, and nothing else is comparable.
func (c *comparison) acrossClasses(class bsonvalue.Class) bool {
	if class+c.class == bsonvalue.ClassNull+bsonvalue.ClassMissing {
		return c.includesEqual()
	}
	switch c.class {
	case bsonvalue.ClassMaxKey:
		return c.operator == "$lt" || c.operator == "$lte"
	case bsonvalue.ClassMinKey:
		return c.operator == "$gt" || c.operator == "$gte"
	}
	return false
}

// in is $in: a value equal to one of the operands, or a string that one of the patterns matches.
type in struct {
	// keys holds the operands by AppendKey of the collation.
	keys map[string]struct{}
	// values are the operands in the order given, patterns left out.
	values   []any
	patterns []*pattern
	hasNull  bool
	// collation is how strings compare; nil for byte by byte.
	collation *collation.Collation
}

func (n *in) matchesValue(v any, _ *int) (bool, error) {
	if n.hasNull && bsonvalue.IsMissing(v) {
		return true, nil
	}
	var buffer [64]byte
	if _, ok := n.keys[string(n.collation.AppendKey(buffer[:0], v))]; ok && !bsonvalue.IsMissing(v) {
		return true, nil
	}
	for _, p := range n.patterns {
		if ok, err := p.matchesValue(v, nil); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (n *in) add(v any) {
	if n.keys == nil {
		n.keys = map[string]struct{}{}
	}
	n.keys[string(n.collation.AppendKey(nil, v))] = struct{}{}
	n.values = append(n.values, v)
	n.hasNull = n.hasNull || v == nil
}

// exists is {$exists: true}; false is parsed to its negation.
type exists struct{}

func (exists) matchesValue(v any, _ *int) (bool, error) { return !bsonvalue.IsMissing(v), nil }

// size is $size.
type size int

func (s size) matchesValue(v any, _ *int) (bool, error) {
	a, ok := v.(bson.A)
	return ok && len(a) == int(s), nil
}

// modulo is $mod.
type modulo struct{ divisor, remainder int64 }

func (m modulo) matchesValue(v any, _ *int) (bool, error) {
	if !bsonvalue.IsNumber(v) {
		return false, nil
	}
	n, _ := bsonvalue.ToLong(v)
	if !bsonvalue.IsFinite(v) {
		// What no integer holds becomes the least one, as a conversion by the server's processor does.
		n = math.MinInt64
	}
	if m.divisor == -1 {
		return m.remainder == 0, nil
	}
	return n%m.divisor == m.remainder, nil
}

// element is $elemMatch with a condition on each element: some one element meets all parts.
type element []valueNode

func (e element) matchesValue(v any, at *int) (bool, error) {
	a, _ := v.(bson.A)
	for i, item := range a {
		ok, err := valueConjunction(e).matchesValue(item, nil)
		if ok && at != nil {
			*at = i
		}
		if ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// elementDocument is $elemMatch with a filter: some one element, a document or an array read as
// one, meets it.
type elementDocument struct{ filter node }

func (e elementDocument) matchesValue(v any, at *int) (bool, error) {
	a, _ := v.(bson.A)
	for i, item := range a {
		d, ok := asDocument(item)
		if !ok {
			continue
		}
		ok, err := e.filter.matches(d, nil)
		if ok && at != nil {
			*at = i
		}
		if ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func asDocument(v any) (bson.D, bool) {
	switch x := v.(type) {
	case bson.D:
		return x, true
	case bson.A:
		d := make(bson.D, len(x))
		for i, item := range x {
			d[i] = bson.E{Key: itoa(i), Value: item}
		}
		return d, true
	}
	return nil, false
}

// valueConjunction is met by a value that meets all its parts.
type valueConjunction []valueNode

func (c valueConjunction) matchesValue(v any, _ *int) (bool, error) {
	for _, n := range c {
		if ok, err := n.matchesValue(v, nil); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// negation is met by a value that does not meet its part; it occurs inside $elemMatch only.
type negation struct{ node valueNode }

func (n negation) matchesValue(v any, _ *int) (bool, error) {
	ok, err := n.node.matchesValue(v, nil)
	return !ok && err == nil, err
}

// typeSet is $type.
type typeSet struct {
	number bool
	types  []byte
}

func (s typeSet) matchesValue(v any, _ *int) (bool, error) {
	if bsonvalue.IsMissing(v) {
		return false, nil
	}
	if s.number && bsonvalue.IsNumber(v) {
		return true, nil
	}
	t := byte(bsonvalue.TypeOf(v))
	for _, want := range s.types {
		if want == t {
			return true, nil
		}
	}
	return false, nil
}

// isPattern tells whether v is a regular expression, which matches strings where other operands
// compare.
func isPattern(v any) bool {
	_, ok := v.(primitive.Regex)
	return ok
}

func isArray(v any) bool {
	_, ok := v.(bson.A)
	return ok
}
