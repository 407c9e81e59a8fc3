package query

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func parseType(name string, v any) (valueNode, error) {
	operands, ok := v.(bson.A)
	if !ok {
		operands = bson.A{v}
	}
	if len(operands) == 0 {
		return nil, mongoerror.New(mongoerror.FailedToParse, "%s must match at least one type", name)
	}
	s := typeSet{}
	for _, o := range operands {
		switch x := o.(type) {
		case string:
			if x == "number" {
				s.number = true
				continue
			}
			if x == "missing" {
				return nil, badValue("'missing' is not a legal type name. To query for non-existence of a field, use {$exists:false}.")
			}
			t, ok := bsonvalue.TypeByAlias(x)
			if !ok {
				return nil, badValue("Unknown type name alias: %s", x)
			}
			s.types = append(s.types, byte(t))
		case int32, int64, float64, primitive.Decimal128:
			n, exact := bsonvalue.ToLong(o)
			if exact && n == 0 {
				return nil, badValue("Invalid numerical type code: 0. Instead use {$exists:false}.")
			}
			t, ok := bsonvalue.TypeByNumber(n)
			if !exact || !ok {
				return nil, badValue("Invalid numerical type code: %s", bsonvalue.Format(o))
			}
			s.types = append(s.types, byte(t))
		default:
			return nil, mongoerror.New(mongoerror.TypeMismatch, "type must be represented as a number or a string")
		}
	}
	return s, nil
}

func parseModulo(v any) (valueNode, error) {
	a, ok := v.(bson.A)
	switch {
	case !ok:
		return nil, badValue("malformed mod, needs to be an array")
	case len(a) < 2:
		return nil, badValue("malformed mod, not enough elements")
	case len(a) > 2:
		return nil, badValue("malformed mod, too many elements")
	case !bsonvalue.IsNumber(a[0]):
		return nil, badValue("malformed mod, divisor not a number")
	case !bsonvalue.IsNumber(a[1]):
		return nil, badValue("malformed mod, remainder not a number")
	}
	m := modulo{moduloNumber(a[0]), moduloNumber(a[1])}
	if m.divisor == 0 {
		return nil, badValue("divisor cannot be 0")
	}
	return m, nil
}

// moduloNumber truncates; what no int32 holds becomes the least one, as a conversion by the
// server's processor does.
func moduloNumber(v any) int64 {
	const least = -1 << 31
	if !bsonvalue.IsFinite(v) {
		return least
	}
	n, _ := bsonvalue.ToLong(v)
	return n
}

func parseSize(name string, v any) (valueNode, error) {
	if _, isDecimal := v.(primitive.Decimal128); isDecimal || !bsonvalue.IsNumber(v) {
		return nil, badValue("$size needs a number")
	}
	n, exact := bsonvalue.ToLong(v)
	if !exact {
		return nil, mongoerror.New(mongoerror.BadValue, "$size must be a whole number")
	}
	if n < 0 {
		return nil, mongoerror.New(mongoerror.BadValue, "$size may not be negative")
	}
	return size(n), nil
}

// parseElementMatch parses $elemMatch: a filter for documents, or operators for values.
func (ps *parser) parseElementMatch(v any) (valueNode, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, badValue("$elemMatch needs an Object")
	}
	ps.depth++
	defer func() { ps.depth-- }()
	if !isValueOperators(d) {
		f, err := ps.parseDocument(d)
		if err != nil {
			return nil, err
		}
		return elementDocument{f}, nil
	}
	n, err := ps.parseValueOperators(d)
	return element(n), err
}

// isValueOperators tells the operators for the elements themselves from a filter for documents, which a
// reference is one of, also where it is not complete.
func isValueOperators(d bson.D) bool {
	if len(d) == 0 || !strings.HasPrefix(d[0].Key, "$") || has(d, "$ref") || has(d, "$id") || has(d, "$db") {
		return false
	}
	switch d[0].Key {
	case "$and", "$or", "$nor", "$expr", "$where", "$jsonSchema", "$comment", "$alwaysTrue", "$alwaysFalse", "$sampleRate", "$text":
		return false
	}
	return true
}

// parseValueOperators parses operators that apply to a value itself rather than to a path.
func (ps *parser) parseValueOperators(d bson.D) (valueConjunction, error) {
	n, err := ps.parseOperators(path{""}, "", d)
	if err != nil {
		return nil, err
	}
	v, err := onValue(n)
	return valueConjunction{v}, err
}

// onValue turns what was parsed for a path into a condition on one value.
func onValue(n node) (valueNode, error) {
	switch x := n.(type) {
	case *leaf:
		return x.value, nil
	case not:
		v, err := onValue(x.node)
		return negation{v}, err
	case all:
		out := make(valueConjunction, len(x))
		for i, part := range x {
			v, err := onValue(part)
			if err != nil {
				return nil, err
			}
			out[i] = v
		}
		return out, nil
	case constant:
		return valueConstant(x), nil
	}
	return nil, mongoerror.New(mongoerror.NotImplemented, "this form of $elemMatch is not supported by this server")
}

// valueConstant is the constant condition on a value.
type valueConstant bool

func (c valueConstant) matchesValue(any, *int) (bool, error) { return bool(c), nil }

func (ps *parser) parseAll(p path, name string, v any) (node, error) {
	a, ok := v.(bson.A)
	if !ok {
		return nil, badValue("$all needs an array")
	}
	if len(a) == 0 {
		return constant(false), nil
	}
	if d, ok := a[0].(bson.D); ok && len(d) > 0 && d[0].Key == "$elemMatch" {
		return ps.parseAllElementMatch(p, name, a)
	}
	out := make(all, len(a))
	for i, item := range a {
		if d, ok := item.(bson.D); ok && len(d) > 0 && IsFieldOperator(d[0].Key) {
			return nil, badValue("no $ expressions in $all")
		}
		n, err := ps.parseEquality(p, name, item)
		if err != nil {
			return nil, err
		}
		out[i] = n
	}
	return out, nil
}

// IsFieldOperator tells the names of the operators of a field, as $all and $pull look for them: $not is none.
func IsFieldOperator(name string) bool {
	switch name {
	case "$eq", "$lt", "$lte", "$gt", "$gte", "$ne", "$in", "$nin", "$all", "$exists", "$type", "$mod", "$size", "$regex", "$options",
		"$elemMatch", "$bitsAllSet", "$bitsAllClear", "$bitsAnySet", "$bitsAnyClear", "$near", "$nearSphere", "$geoNear", "$within",
		"$geoWithin", "$geoIntersects":
		return true
	}
	return false
}

func (ps *parser) parseAllElementMatch(p path, name string, a bson.A) (node, error) {
	out := make(all, len(a))
	for i, item := range a {
		d, ok := item.(bson.D)
		if !ok || len(d) == 0 || d[0].Key != "$elemMatch" {
			return nil, badValue("$all/$elemMatch has to be consistent")
		}
		v, err := ps.parseElementMatch(d[0].Value)
		if err != nil {
			return nil, err
		}
		out[i] = &leaf{path: p, name: name, whole: true, value: v}
	}
	return out, nil
}

// ElementFilter is the argument of an $elemMatch. It is immutable and may be shared between
// goroutines.
type ElementFilter struct{ root valueNode }

// ParseElementMatch parses the argument of an $elemMatch; errors are as of Parse.
func ParseElementMatch(d bson.D, o Options) (*ElementFilter, error) {
	n, err := newParser(o).parseElementMatch(d)
	if err != nil {
		return nil, err
	}
	return &ElementFilter{n}, nil
}

// First returns the place of the first element that meets the filter, or a negative number.
func (f *ElementFilter) First(a bson.A) (int, error) {
	at := noIndex
	_, err := f.root.matchesValue(a, &at)
	return at, err
}
