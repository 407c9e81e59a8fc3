package update

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// push is a parsed $push.
type push struct {
	values bson.A
	// position is where the values go in: nil for the end, negative from the end.
	position *int64
	// order sorts the whole array; nil for none.
	order func(a, b any) int
	// slice is how many elements stay: nil for all, negative for the last ones.
	slice *int64
	// collation is how strings are sorted.
	collation *collation.Collation
}

func parsePush(p *parser, f bson.E) (node, error) {
	c := &push{values: bson.A{f.Value}, collation: p.collation}
	if d, ok := f.Value.(bson.D); ok && position(d, "$each") >= 0 {
		if err := c.parseModifiers(d); err != nil {
			return nil, err
		}
	}
	return &leafNode{
		appended: c.appended,
		existing: func(ctx *context, v any, path string) (any, bool, error) {
			a, ok := v.(bson.A)
			if !ok {
				return nil, false, mongoerror.New(mongoerror.BadValue,
					"The field '%s' must be an array but is of type %s in document {%s}", path, bsonvalue.TypeName(v), ctx.idOf())
			}
			return c.apply(a), false, c.check(path)
		},
		missing: func(_ *context, path string) (any, bool, error) { return c.apply(nil), true, c.check(path) },
	}, nil
}

// check refuses values that cannot be stored in an array at the path. In the messages they have no place in it yet.
func (p *push) check(path string) error {
	for _, v := range p.values {
		if err := checkStorable(v, path+"."); err != nil {
			return err
		}
	}
	return nil
}

func (p *push) parseModifiers(d bson.D) error {
	seen := map[string]bool{}
	for _, e := range d {
		switch e.Key {
		case "$each", "$slice", "$sort", "$position":
		default:
			return mongoerror.New(mongoerror.BadValue, "Unrecognized clause in $push: %s", e.Key)
		}
		if seen[e.Key] {
			return mongoerror.New(mongoerror.BadValue, "Only one %s is supported.", e.Key)
		}
		seen[e.Key] = true
		if err := p.parseModifier(e); err != nil {
			return err
		}
	}
	return nil
}

func (p *push) parseModifier(e bson.E) (err error) {
	switch e.Key {
	case "$each":
		var ok bool
		if p.values, ok = e.Value.(bson.A); !ok {
			return mongoerror.New(mongoerror.BadValue,
				"The argument to $each in $push must be an array but it was of type: %s", bsonvalue.TypeName(e.Value))
		}
	case "$slice":
		n, exact := bsonvalue.ToLong(e.Value)
		if !bsonvalue.IsNumber(e.Value) || !exact {
			return mongoerror.New(mongoerror.BadValue,
				"The value for $slice must be an integer value but was given type: %s", bsonvalue.TypeName(e.Value))
		}
		p.slice = &n
	case "$position":
		n, exact := bsonvalue.ToLong(e.Value)
		if !bsonvalue.IsNumber(e.Value) || !exact {
			return mongoerror.New(mongoerror.BadValue,
				"The value for $position must be an integer value, not of type: %s", bsonvalue.TypeName(e.Value))
		}
		p.position = &n
	case "$sort":
		p.order, err = parseOrder(p.collation, e.Value)
	}
	return err
}

// parseOrder parses the $sort of a $push: a direction for whole elements, or directions by field.
func parseOrder(c *collation.Collation, v any) (func(a, b any) int, error) {
	if bsonvalue.IsNumber(v) {
		n, exact := bsonvalue.ToLong(v)
		if !exact || n != 1 && n != -1 {
			return nil, mongoerror.New(mongoerror.BadValue, "The $sort element value must be either 1 or -1")
		}
		return func(a, b any) int { return int(n) * c.Compare(a, b) }, nil
	}
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(mongoerror.BadValue,
			"The $sort is invalid: use 1/-1 to sort the whole element, or {field:1/-1} to sort embedded fields")
	}
	if len(d) == 0 {
		return nil, mongoerror.New(mongoerror.BadValue, "The $sort pattern is empty when it should be a set of fields.")
	}
	type column struct {
		path      []string
		direction int
	}
	columns := make([]column, len(d))
	for i, e := range d {
		n, exact := bsonvalue.ToLong(e.Value)
		if !exact || n != 1 && n != -1 {
			return nil, mongoerror.New(mongoerror.BadValue, "The $sort element value must be either 1 or -1")
		}
		columns[i] = column{strings.Split(e.Key, "."), int(n)}
		if e.Key == "" {
			return nil, mongoerror.New(mongoerror.BadValue, "The $sort field cannot be empty")
		}
		if slices.Contains(columns[i].path, "") {
			return nil, mongoerror.New(mongoerror.BadValue, "The $sort field is a dotted field but has an empty part: %s", e.Key)
		}
	}
	return func(a, b any) int {
		for _, by := range columns {
			if r := c.Compare(sortValue(a, by.path), sortValue(b, by.path)); r != 0 {
				return r * by.direction
			}
		}
		return 0
	}, nil
}

// sortValue is what an element is sorted by: null where it has no such field.
func sortValue(v any, path []string) any {
	for at, name := range path {
		switch x := v.(type) {
		case bson.D:
			if v = field(x, name); bsonvalue.IsMissing(v) {
				return nil
			}
		case bson.A:
			i, ok := arrayIndex(name)
			if !ok || i >= len(x) || at == 0 {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// apply returns a new array: values inserted, then sorted, then cut.
func (p *push) apply(a bson.A) bson.A {
	at := len(a)
	if p.position != nil {
		switch n := *p.position; {
		case n >= 0:
			at = int(min(n, int64(len(a))))
		default:
			at = int(max(0, int64(len(a))+n))
		}
	}
	out := make(bson.A, 0, len(a)+len(p.values))
	out = append(append(append(out, a[:at]...), p.values...), a[at:]...)
	if p.order != nil {
		slices.SortStableFunc(out, p.order)
	}
	if p.slice != nil {
		switch n := *p.slice; {
		case n >= 0:
			out = out[:min(n, int64(len(out)))]
		case -n < int64(len(out)) && -n > 0:
			out = out[int64(len(out))+n:]
		}
	}
	return out
}

// appended tells how many values stand behind what was there before; 0 where something else has changed.
func (p *push) appended(before, after bson.A) int {
	n := len(p.values)
	// MongoDB takes a position that is just the end for one in the middle.
	atEnd := p.position == nil || *p.position > int64(len(before))
	if len(before) == 0 || n == 0 || p.order != nil || !atEnd || len(after) != len(before)+n {
		return 0
	}
	return n
}

// pushesNothing tells a $push with an empty $each and no $sort, which counts always.
func pushesNothing(v any) bool {
	d, _ := v.(bson.D)
	i := position(d, "$each")
	if i < 0 {
		return false
	}
	values, _ := d[i].Value.(bson.A)
	return len(values) == 0 && position(d, "$sort") < 0
}
