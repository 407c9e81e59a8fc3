package projection

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// operator computes what a projection makes of a field.
type operator interface {
	// apply returns the new value, and whether the field stays. root is the whole document.
	apply(v any, root bson.D) (out any, keep bool, err error)
}

// parseOperator parses {field: {$slice: ...}} and {field: {$elemMatch: ...}}. includes says that
// the operator makes the projection one that keeps named fields only.
func parseOperator(e bson.E, _ *query.Filter) (op operator, includes bool, err error) {
	if strings.HasSuffix(e.Key, ".$") {
		return nil, false, mongoerror.New(mongoerror.NotImplemented, "the positional projection is not supported by this server")
	}
	d, ok := e.Value.(bson.D)
	if !ok || len(d) == 0 {
		return nil, false, mongoerror.New(mongoerror.NotImplemented, "a computed projection is not supported by this server")
	}
	switch d[0].Key {
	case "$slice":
		op, err := parseSlice(d[0].Value)
		return op, false, err
	case "$elemMatch":
		if strings.Contains(e.Key, ".") {
			return nil, false, mongoerror.New(31275, "Cannot use $elemMatch projection on a nested field.")
		}
		inner, ok := d[0].Value.(bson.D)
		if !ok {
			return nil, false, mongoerror.New(31274, "elemMatch: Invalid argument, object required, but got %s", bsonvalue.TypeName(d[0].Value))
		}
		m, err := query.ParseElementMatch(inner)
		return elementMatch{m}, true, err
	}
	return nil, false, mongoerror.New(mongoerror.NotImplemented, "a computed projection is not supported by this server")
}

// slice is $slice: limit elements from skip on; a negative skip counts from the end.
type slice struct {
	skip, limit int64
	// tail: limit elements from the end.
	tail bool
}

func parseSlice(v any) (operator, error) {
	if bsonvalue.IsNumber(v) {
		n, _ := bsonvalue.ToLong(v)
		if n < 0 {
			return slice{limit: -n, tail: true}, nil
		}
		return slice{limit: n}, nil
	}
	a, ok := v.(bson.A)
	if !ok || len(a) != 2 || !bsonvalue.IsNumber(a[0]) || !bsonvalue.IsNumber(a[1]) {
		return nil, mongoerror.New(mongoerror.NotImplemented, "this form of $slice is not supported by this server")
	}
	skip, _ := bsonvalue.ToLong(a[0])
	limit, _ := bsonvalue.ToLong(a[1])
	if limit <= 0 {
		return nil, mongoerror.New(28724, "First argument to $slice must be positive")
	}
	return slice{skip: skip, limit: limit}, nil
}

func (s slice) apply(v any, _ bson.D) (any, bool, error) {
	a, ok := v.(bson.A)
	if !ok {
		return v, true, nil
	}
	n := int64(len(a))
	start := s.skip
	switch {
	case s.tail:
		start = max(0, n-s.limit)
	case start < 0:
		start = max(0, n+start)
	}
	start = min(start, n)
	end := n
	if s.limit < n-start {
		end = start + s.limit
	}
	return append(bson.A{}, a[start:end]...), true, nil
}

// elementMatch is $elemMatch: the first element that meets a filter.
type elementMatch struct{ filter *query.ElementFilter }

func (m elementMatch) apply(v any, _ bson.D) (any, bool, error) {
	a, ok := v.(bson.A)
	if !ok {
		return nil, false, nil
	}
	i, err := m.filter.First(a)
	if i < 0 || err != nil {
		return nil, false, err
	}
	return bson.A{a[i]}, true, nil
}
