package projection

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// slice is $slice of find: limit elements from skip on; a negative skip counts from the end.
type slice struct {
	path        []string
	skip, limit int64
	// tail: limit elements from the end.
	tail bool
}

func parseSlice(path []string, v any) (*slice, error) {
	if bsonvalue.IsNumber(v) {
		n := toInt(v)
		if n < 0 {
			return &slice{path: path, limit: -n, tail: true}, nil
		}
		return &slice{path: path, limit: n}, nil
	}
	a, ok := v.(bson.A)
	switch {
	case !ok:
		return nil, mongoerror.New(31273, "$slice only supports numbers and [skip, limit] arrays")
	case len(a) != 2:
		return nil, mongoerror.New(31272, "$slice array argument should be of form [skip, limit]")
	case !bsonvalue.IsNumber(a[0]):
		return nil, mongoerror.New(31257, "$slice expects the skip argument to be a number, got %s", bsonvalue.TypeName(a[0]))
	case !bsonvalue.IsNumber(a[1]):
		return nil, mongoerror.New(31258, "$slice expects the limit argument to be a number, got %s", bsonvalue.TypeName(a[1]))
	case toInt(a[1]) <= 0:
		return nil, mongoerror.New(31259, "$slice limit must be positive, got %d", toInt(a[1]))
	}
	return &slice{path: path, skip: toInt(a[0]), limit: toInt(a[1])}, nil
}

// toInt returns the integer part of a number, within the range of an int32.
func toInt(v any) int64 {
	n, _ := bsonvalue.ToLong(v)
	return max(-1<<31, min(1<<31-1, n))
}

func (s *slice) reshape(_, after bson.D) (bson.D, error) { return s.cut(after, s.path), nil }

// cut applies the slice to the array at a path.
func (s *slice) cut(d bson.D, path []string) bson.D {
	for i := range d {
		if d[i].Key != path[0] {
			continue
		}
		v := d[i].Value
		switch x := v.(type) {
		case bson.A:
			if len(path) == 1 {
				v = s.of(x)
				break
			}
			items := make(bson.A, len(x))
			for j, item := range x {
				if inner, ok := item.(bson.D); ok {
					item = s.cut(inner, path[1:])
				}
				items[j] = item
			}
			v = items
		case bson.D:
			if len(path) > 1 {
				v = s.cut(x, path[1:])
			}
		}
		out := append(bson.D(nil), d...)
		out[i].Value = v
		return out
	}
	return d
}

func (s *slice) of(a bson.A) bson.A {
	n := int64(len(a))
	start := s.skip
	switch {
	case s.tail:
		start = max(0, n-s.limit)
	case start < 0:
		start = max(0, n+start)
	}
	start = min(start, n)
	return append(bson.A{}, a[start:min(n, start+s.limit)]...)
}

// elementMatch is $elemMatch of find: the first element that meets a filter.
type elementMatch struct {
	name   string
	filter *query.ElementFilter
}

func (m elementMatch) Evaluate(d bson.D, _ ...any) (any, error) {
	a, ok := valueOf(d, m.name).(bson.A)
	if !ok {
		return bsonvalue.Missing, nil
	}
	i, err := m.filter.First(a)
	if i < 0 || err != nil {
		return bsonvalue.Missing, err
	}
	return bson.A{a[i]}, nil
}

// positional is the positional operator: of the array, the element by which the filter was met.
type positional struct {
	path   []string
	filter *query.Filter
}

func (p *positional) reshape(before, after bson.D) (bson.D, error) {
	_, index, err := p.filter.MatchElement(before)
	if err != nil {
		return nil, err
	}
	return p.pick(before, after, p.path, index)
}

// pick replaces the first array on a path. What is kept of the document lies as in the whole one.
func (p *positional) pick(before, after bson.D, path []string, index int) (bson.D, error) {
	var v any
	switch x := valueOf(before, path[0]).(type) {
	case bson.A:
		kept, ok := valueOf(after, path[0]).(bson.A)
		if index < 0 || !ok {
			return nil, mongoerror.New(51246, "positional operator '.$' couldn't find a matching element in the array")
		}
		if index >= len(kept) {
			return nil, mongoerror.New(51247, "positional operator '.$' element mismatch")
		}
		v = bson.A{kept[index]}
	case bson.D:
		inner, ok := valueOf(after, path[0]).(bson.D)
		if len(path) == 1 || !ok {
			return after, nil
		}
		var err error
		if v, err = p.pick(x, inner, path[1:], index); err != nil {
			return nil, err
		}
	default:
		return after, nil
	}
	return Set(append(bson.D(nil), after...), path[0], v), nil
}
