package pipeline

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// bucket is $bucket: groups whose ids are the lower boundaries of ranges of values.
type bucket struct {
	by         expression.Expression
	boundaries []any
	// other is the id of the group of all other values; Missing if there is none.
	other   any
	members members
	order   stage
}

func parseBucket(c *Context, v any) (stage, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(40201, "Argument to $bucket stage must be an object, but found type: %s.", bsonvalue.TypeName(v))
	}
	b := &bucket{other: bsonvalue.Missing}
	var by any = bsonvalue.Missing
	var fields bson.D
	output := false
	for _, e := range d {
		var err error
		switch e.Key {
		case "groupBy":
			if !isPathOrOperator(e.Value) {
				return nil, mongoerror.New(40202, "The $bucket 'groupBy' field must be defined as a $-prefixed path or an expression, but found: %s.", show(e.Value))
			}
			by = e.Value
		case "boundaries":
			err = b.parseBoundaries(c, e.Value)
		case "default":
			if b.other, err = constantOf(c, e.Value); err == nil && bsonvalue.IsMissing(b.other) {
				err = mongoerror.New(40195, "The $bucket 'default' field must be a constant expression, but found: %s.", show(e.Value))
			}
		case "output":
			if fields, output = e.Value.(bson.D); !output {
				return nil, mongoerror.New(40196, "The $bucket 'output' field must be an object, but found type: %s.", bsonvalue.TypeName(e.Value))
			}
		default:
			err = mongoerror.New(40197, "Unrecognized option to $bucket: %s.", e.Key)
		}
		if err != nil {
			return nil, err
		}
	}
	if bsonvalue.IsMissing(by) || b.boundaries == nil {
		return nil, mongoerror.New(40198, "$bucket requires 'groupBy' and 'boundaries' to be specified.")
	}
	first, last := b.boundaries[0], b.boundaries[len(b.boundaries)-1]
	if !bsonvalue.IsMissing(b.other) && bsonvalue.ClassOf(b.other) == bsonvalue.ClassOf(first) &&
		c.Scope.Compare(b.other, first) >= 0 && c.Scope.Compare(b.other, last) < 0 {
		return nil, mongoerror.New(40199, "The $bucket 'default' field must be less than the lowest boundary or greater than or equal to the highest boundary.")
	}
	b.members = countMember(c)
	var err error
	if output {
		if !bsonvalue.IsMissing(field(fields, "_id")) {
			return nil, mongoerror.New(15948, "a group's _id may only be specified once")
		}
		if b.members, err = parseMembers(c, fields); err != nil {
			return nil, err
		}
	}
	if b.by, err = expression.Parse(by, c.Scope); err != nil {
		return nil, err
	}
	b.order, err = parseSort(c, bson.D{{Key: "_id", Value: int32(1)}})
	return b, err
}

// isPathOrOperator tells "$path" and {$operator: ...} from other values.
func isPathOrOperator(v any) bool {
	switch x := v.(type) {
	case string:
		return strings.HasPrefix(x, "$")
	case bson.D:
		return len(x) > 0 && strings.HasPrefix(x[0].Key, "$")
	}
	return false
}

// constantOf returns the value of a constant expression; Missing if it is none.
func constantOf(c *Context, v any) (any, error) {
	x, err := expression.Parse(v, c.Scope)
	if err != nil {
		return nil, err
	}
	if value, ok := x.Constant(); ok {
		return value, nil
	}
	return bsonvalue.Missing, c.Scope.FoldError()
}

func parseMembers(c *Context, d bson.D) (members, error) {
	out := make(members, len(d))
	for i, e := range d {
		var err error
		if out[i], err = parseMember(c, e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (b *bucket) parseBoundaries(c *Context, v any) error {
	list, ok := v.(bson.A)
	if !ok {
		return mongoerror.New(40200, "The $bucket 'boundaries' field must be an array, but found type: %s.", bsonvalue.TypeName(v))
	}
	for _, item := range list {
		value, err := constantOf(c, item)
		if err != nil {
			return err
		}
		if bsonvalue.IsMissing(value) {
			return mongoerror.New(40191, "The $bucket 'boundaries' field must be an array of constant values, but found value: %s.", show(item))
		}
		b.boundaries = append(b.boundaries, value)
	}
	if len(list) < 2 {
		return mongoerror.New(40192, "The $bucket 'boundaries' field must have at least 2 values, but found %d value(s).", len(list))
	}
	for i := 1; i < len(list); i++ {
		lower, upper := b.boundaries[i-1], b.boundaries[i]
		if bsonvalue.ClassOf(lower) != bsonvalue.ClassOf(upper) {
			return mongoerror.New(40193, "All values in the the 'boundaries' option to $bucket must have the same type. Found conflicting types %s and %s.",
				bsonvalue.TypeName(lower), bsonvalue.TypeName(upper))
		}
		if c.Scope.Compare(lower, upper) >= 0 {
			return mongoerror.New(40194, "The 'boundaries' option to $bucket must be sorted, but elements %d and %d are not in ascending order (%s is not less than %s).",
				i-1, i, show(lower), show(upper))
		}
	}
	return nil
}

func (b *bucket) open(r *run, in Iterator) Iterator {
	return b.order.open(r, later(func() ([]bson.D, error) {
		all := r.newGroups(b.members)
		err := r.each(in, func(d bson.D) error {
			v, err := b.by.Evaluate(d)
			if err != nil {
				return err
			}
			id := b.find(r, v)
			if bsonvalue.IsMissing(id) {
				return mongoerror.New(40066, "$switch could not find a matching branch for an input, and no default was specified.")
			}
			return all.add(id, d)
		})
		if err != nil {
			return nil, err
		}
		return all.documents(), nil
	}))
}

// find returns the lower boundary of a value's range.
func (b *bucket) find(r *run, v any) any {
	for i, lower := range b.boundaries[:len(b.boundaries)-1] {
		if r.Scope.Compare(v, lower) >= 0 && r.Scope.Compare(v, b.boundaries[i+1]) < 0 {
			return lower
		}
	}
	return b.other
}
