package collation

import (
	"cmp"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// Value returns v with every string in it, field names apart, replaced by its sort key: what two
// values compare as under the collation, their results compare as without. An index stores it.
func (c *Collation) Value(v any) any {
	if c == nil {
		return v
	}
	switch x := v.(type) {
	case string:
		return c.Key(x)
	case primitive.Symbol:
		return primitive.Symbol(c.Key(string(x)))
	case bson.D:
		out := make(bson.D, len(x))
		for i, e := range x {
			out[i] = bson.E{Key: e.Key, Value: c.Value(e.Value)}
		}
		return out
	case bson.A:
		out := make(bson.A, len(x))
		for i, e := range x {
			out[i] = c.Value(e)
		}
		return out
	}
	return v
}

// Compare is bsonvalue.Compare with strings compared by the collation.
func (c *Collation) Compare(a, b any) int {
	if c == nil {
		return bsonvalue.Compare(a, b)
	}
	class := bsonvalue.ClassOf(a)
	if class != bsonvalue.ClassOf(b) {
		return bsonvalue.Compare(a, b)
	}
	switch class {
	case bsonvalue.ClassString:
		x, y := text(a), text(b)
		if x == y {
			return 0
		}
		return strings.Compare(c.Key(x), c.Key(y))
	case bsonvalue.ClassArray:
		x, y := a.(bson.A), b.(bson.A)
		for i := range min(len(x), len(y)) {
			if r := c.Compare(x[i], y[i]); r != 0 {
				return r
			}
		}
		return cmp.Compare(len(x), len(y))
	case bsonvalue.ClassDocument:
		x, y := a.(bson.D), b.(bson.D)
		for i := range min(len(x), len(y)) {
			r := cmp.Or(cmp.Compare(bsonvalue.ClassOf(x[i].Value), bsonvalue.ClassOf(y[i].Value)), strings.Compare(x[i].Key, y[i].Key))
			if r == 0 {
				r = c.Compare(x[i].Value, y[i].Value)
			}
			if r != 0 {
				return r
			}
		}
		return cmp.Compare(len(x), len(y))
	}
	return bsonvalue.Compare(a, b)
}

// Equal tells whether two values compare as equal.
func (c *Collation) Equal(a, b any) bool { return c.Compare(a, b) == 0 }

// AppendKey is bsonvalue.AppendKey: the same for two values exactly when they are Equal.
func (c *Collation) AppendKey(dst []byte, v any) []byte {
	if c == nil || !holdsText(v) {
		return bsonvalue.AppendKey(dst, v)
	}
	return bsonvalue.AppendKey(dst, c.Value(v))
}

// Matters tells whether a value compares otherwise under some collation than without one: it is or
// holds a string.
func Matters(v any) bool { return holdsText(v) }

func holdsText(v any) bool {
	switch v.(type) {
	case string, primitive.Symbol, bson.D, bson.A:
		return true
	}
	return false
}

func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return string(v.(primitive.Symbol))
}
