// Package expression holds the expressions of aggregation: field paths, literals and operators
// that compute a value from a document.
package expression

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// codeUnrecognized is InvalidPipelineOperator.
const codeUnrecognized = 168

// Expression is a parsed expression. It is immutable and may be shared between goroutines.
type Expression interface {
	// Evaluate returns the value for a document, bsonvalue.Missing where there is none.
	Evaluate(d bson.D) (any, error)
}

// Parse parses an expression. Errors are *mongoerror.Error as of MongoDB 4.4; an operator that is
// not known gives InvalidPipelineOperator (168).
func Parse(v any) (Expression, error) {
	switch x := v.(type) {
	case string:
		if strings.HasPrefix(x, "$") {
			return parsePath(x)
		}
	case bson.D:
		if len(x) > 0 && strings.HasPrefix(x[0].Key, "$") {
			if len(x) > 1 {
				return nil, mongoerror.New(15983, "An object representing an expression must have exactly one field: %s", bsonvalue.Format(x))
			}
			return parseOperator(x[0].Key, x[0].Value)
		}
		return parseObject(x)
	case bson.A:
		list, err := parseList(x)
		return array(list), err
	}
	return constant{v}, nil
}

func parseList(a bson.A) ([]Expression, error) {
	out := make([]Expression, len(a))
	for i, v := range a {
		var err error
		if out[i], err = Parse(v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

type constant struct{ value any }

func (c constant) Evaluate(bson.D) (any, error) { return c.value, nil }

// fieldPath is "$a.b": the value at a path, arrays on the way giving arrays. Empty is $$ROOT.
type fieldPath []string

func parsePath(s string) (Expression, error) {
	name := s[1:]
	if strings.HasPrefix(s, "$$") {
		variable, rest, dotted := strings.Cut(s[2:], ".")
		switch variable {
		case "ROOT", "CURRENT":
			if !dotted {
				return fieldPath{}, nil
			}
			name = rest
		case "REMOVE":
			return constant{bsonvalue.Missing}, nil
		default:
			return nil, mongoerror.New(17276, "Use of undefined variable: %s", variable)
		}
	}
	return newPath(name)
}

func newPath(name string) (fieldPath, error) {
	if name == "" {
		return nil, mongoerror.New(16872, "'$' by itself is not a valid FieldPath")
	}
	parts := strings.Split(name, ".")
	for i, p := range parts {
		switch {
		case p == "" && i == len(parts)-1:
			return nil, mongoerror.New(40353, "FieldPath must not end with a '.'.")
		case p == "":
			return nil, mongoerror.New(15998, "FieldPath field names may not be empty strings.")
		case p[0] == '$':
			return nil, mongoerror.New(16410, "FieldPath field names may not start with '$'.")
		}
	}
	return parts, nil
}

func (p fieldPath) Evaluate(d bson.D) (any, error) { return lookup(d, p), nil }

// lookup goes down a path; an array on the way gives the array of what its documents have there.
func lookup(v any, path []string) any {
	if len(path) == 0 {
		return v
	}
	switch x := v.(type) {
	case bson.D:
		for i := range x {
			if x[i].Key == path[0] {
				return lookup(x[i].Value, path[1:])
			}
		}
	case bson.A:
		out := bson.A{}
		for _, item := range x {
			if _, ok := item.(bson.D); !ok {
				if _, nested := item.(bson.A); !nested {
					continue
				}
			}
			if found := lookup(item, path); !bsonvalue.IsMissing(found) {
				out = append(out, found)
			}
		}
		return out
	}
	return bsonvalue.Missing
}

// object is {a: <expression>, ...}: missing values are left out.
type object struct {
	names  []string
	values []Expression
}

func parseObject(d bson.D) (Expression, error) {
	o := &object{}
	for _, e := range d {
		if strings.HasPrefix(e.Key, "$") || strings.Contains(e.Key, ".") || e.Key == "" {
			return nil, mongoerror.New(16405, "field names of an object expression may not be empty, contain '.' or start with '$': '%s'", e.Key)
		}
		v, err := Parse(e.Value)
		if err != nil {
			return nil, err
		}
		o.names = append(o.names, e.Key)
		o.values = append(o.values, v)
	}
	return o, nil
}

func (o *object) Evaluate(d bson.D) (any, error) {
	out := make(bson.D, 0, len(o.names))
	for i, e := range o.values {
		v, err := e.Evaluate(d)
		if err != nil {
			return nil, err
		}
		if !bsonvalue.IsMissing(v) {
			out = append(out, bson.E{Key: o.names[i], Value: v})
		}
	}
	return out, nil
}

// array is [<expression>, ...]: missing values become null.
type array []Expression

func (a array) Evaluate(d bson.D) (any, error) {
	out := make(bson.A, len(a))
	for i, e := range a {
		v, err := e.Evaluate(d)
		if err != nil {
			return nil, err
		}
		if !bsonvalue.IsMissing(v) {
			out[i] = v
		}
	}
	return out, nil
}

// ParseKey parses the _id of a $group: in a document of expressions a missing value is null.
func ParseKey(v any) (Expression, error) {
	e, err := Parse(v)
	if o, ok := e.(*object); ok && err == nil {
		for i := range o.values {
			o.values[i] = &short{[]Expression{o.values[i]}, orNull}
		}
	}
	return e, err
}

func orNull(d bson.D, operands []Expression) (any, error) {
	v, err := operands[0].Evaluate(d)
	if bsonvalue.IsMissing(v) {
		v = nil
	}
	return v, err
}
