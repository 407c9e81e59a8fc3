package update

import (
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

func parseAddToSet(p *parser, f bson.E) (node, error) {
	values, each := bson.A{f.Value}, false
	if d, ok := f.Value.(bson.D); ok && len(d) > 0 && d[0].Key == "$each" {
		each = true
		var isArray bool
		if values, isArray = d[0].Value.(bson.A); !isArray {
			return nil, mongoerror.New(mongoerror.TypeMismatch,
				"The argument to $each in $addToSet must be an array but it was of type %s", bsonvalue.TypeName(d[0].Value))
		}
		if len(d) > 1 {
			return nil, mongoerror.New(mongoerror.BadValue, "Found unexpected fields after $each in $addToSet: %s", bsonvalue.Format(d))
		}
	}
	add := func(a bson.A) bson.A {
		out := append(make(bson.A, 0, len(a)+len(values)), a...)
		for _, v := range values {
			if !contains(p.collation, out, v) {
				out = append(out, v)
			}
		}
		return out
	}
	// In the messages a value keeps the name that it has in the update: its field's, or its place within $each.
	check := func(added bson.A, path string) error {
		if each {
			return checkStorable(added, path)
		}
		for _, v := range added {
			if err := checkStorable(v, path+"."+f.Key); err != nil {
				return err
			}
		}
		return nil
	}
	return &leafNode{
		existing: func(_ *context, v any, path string) (any, bool, error) {
			a, ok := v.(bson.A)
			if !ok {
				return nil, false, mongoerror.New(mongoerror.BadValue,
					"Cannot apply $addToSet to non-array field. Field named '%s' has non-array type %s",
					lastName(path), bsonvalue.TypeName(v))
			}
			out := add(a)
			return out, false, check(out[len(a):], path)
		},
		missing: func(_ *context, path string) (any, bool, error) {
			out := add(nil)
			return out, true, check(out, path)
		},
	}, nil
}

func contains(c *collation.Collation, a bson.A, v any) bool {
	for _, other := range a {
		if c.Equal(other, v) {
			return true
		}
	}
	return false
}

// removal is a leaf that takes the elements out of an array for which drop says so.
func removal(drop func(v any) (bool, error)) node {
	return &leafNode{existing: func(_ *context, v any, _ string) (any, bool, error) {
		a, ok := v.(bson.A)
		if !ok {
			return nil, false, mongoerror.New(mongoerror.BadValue, "Cannot apply $pull to a non-array value")
		}
		out := make(bson.A, 0, len(a))
		for _, item := range a {
			gone, err := drop(item)
			if err != nil {
				return nil, false, err
			}
			if !gone {
				out = append(out, item)
			}
		}
		return out, false, nil
	}}
}

func parsePullAll(p *parser, f bson.E) (node, error) {
	values, ok := f.Value.(bson.A)
	if !ok {
		return nil, mongoerror.New(mongoerror.BadValue, "$pullAll requires an array argument but was given a %s", bsonvalue.TypeName(f.Value))
	}
	return removal(func(v any) (bool, error) { return contains(p.collation, values, v), nil }), nil
}

// parsePull parses $pull: operators that an element meets, a filter for elements that are
// documents, or a value that an element equals.
func parsePull(p *parser, f bson.E) (node, error) {
	switch x := f.Value.(type) {
	case bson.D:
		if len(x) > 0 && query.IsFieldOperator(x[0].Key) {
			return p.pullMatching(x)
		}
		filter, err := query.ParseWith(x, p.options())
		if err != nil {
			return nil, err
		}
		return removal(func(v any) (bool, error) {
			d, ok := v.(bson.D)
			if !ok {
				return false, nil
			}
			return filter.Match(d)
		}), nil
	case primitive.Regex:
		return p.pullMatching(x)
	}
	return removal(func(v any) (bool, error) { return p.collation.Equal(v, f.Value), nil }), nil
}

// pullMatching is the $pull of the elements that meet a condition: operators, or a regular expression. An element is
// matched as the value of a field is, so that one that is an array meets it also by one of its own elements.
func (p *parser) pullMatching(condition any) (node, error) {
	filter, err := query.ParseWith(bson.D{{Key: "", Value: condition}}, p.options())
	if err != nil {
		return nil, err
	}
	return removal(func(v any) (bool, error) { return filter.Match(bson.D{{Key: "", Value: v}}) }), nil
}

func parsePop(p *parser, f bson.E) (node, error) {
	if !bsonvalue.IsNumber(f.Value) {
		return nil, mongoerror.New(mongoerror.FailedToParse, "Expected a number in: %s: %s", f.Key, bsonvalue.Format(f.Value))
	}
	n, exact := bsonvalue.ToLong(f.Value)
	if !exact {
		return nil, mongoerror.New(mongoerror.FailedToParse, "Expected an integer: %s: %s", f.Key, bsonvalue.Format(f.Value))
	}
	if n != 1 && n != -1 {
		return nil, mongoerror.New(mongoerror.FailedToParse, "$pop expects 1 or -1, found: %d", n)
	}
	return &leafNode{existing: func(_ *context, v any, path string) (any, bool, error) {
		a, ok := v.(bson.A)
		if !ok {
			return nil, false, mongoerror.New(mongoerror.TypeMismatch,
				"Path '%s' contains an element of non-array type '%s'", path, bsonvalue.TypeName(v))
		}
		switch {
		case len(a) == 0:
			return a, false, nil
		case n < 0:
			return a[1:], false, nil
		}
		return a[: len(a)-1 : len(a)-1], false, nil
	}}, nil
}
