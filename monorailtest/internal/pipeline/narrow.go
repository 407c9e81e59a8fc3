package pipeline

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
	"github.com/mongo-monorail/monorail/monorailtest/internal/projection"
)

// narrow adds to a filter what follows from its $expr and an index can serve: where that asks for a
// field to be equal to a constant, the field has the value, or an array with it. The filter means the same as
// before.
func (c *Context) narrow(filter bson.D) bson.D {
	out := filter
	for _, e := range filter {
		if e.Key == "$expr" {
			out = append(out[:len(out):len(out)], c.equalities(e.Value)...)
		}
	}
	return out
}

// equalities returns the conditions on single fields that an expression cannot be true without.
func (c *Context) equalities(v any) bson.D {
	d, ok := v.(bson.D)
	if !ok || len(d) != 1 {
		return nil
	}
	list, ok := d[0].Value.(bson.A)
	if !ok {
		return nil
	}
	var out bson.D
	switch d[0].Key {
	case "$and":
		for _, item := range list {
			out = append(out, c.equalities(item)...)
		}
	case "$eq":
		if len(list) == 2 {
			out = append(c.equality(list[0], list[1]), c.equality(list[1], list[0])...)
		}
	}
	return out
}

// equality returns the condition for a path and a constant; nil for anything else, and for constants that
// a filter does not compare as an expression does.
func (c *Context) equality(path, operand any) bson.D {
	name, ok := path.(string)
	if !ok || !strings.HasPrefix(name, "$") || strings.HasPrefix(name, "$$") {
		return nil
	}
	parts, err := projection.SplitPath(name[1:])
	if err != nil || slices.ContainsFunc(parts, isPlace) {
		return nil
	}
	x, err := expression.Parse(operand, c.Scope)
	if err != nil {
		return nil
	}
	v, ok := x.Constant()
	if !ok {
		return nil
	}
	switch bsonvalue.ClassOf(v) {
	case bsonvalue.ClassNumber, bsonvalue.ClassString, bsonvalue.ClassObjectID, bsonvalue.ClassBoolean, bsonvalue.ClassDate, bsonvalue.ClassBinary:
		return bson.D{{Key: name[1:], Value: bson.D{{Key: "$eq", Value: v}}}}
	}
	return nil
}
