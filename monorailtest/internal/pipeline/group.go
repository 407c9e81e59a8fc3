package pipeline

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// accumulator collects the values of one field of one group. It belongs to one run.
type accumulator interface {
	add(v any)
	value() any
}

// accumulators makes the accumulators of $group.
var accumulators = map[string]func() accumulator{
	"$sum":      func() accumulator { return &sum{total: int32(0)} },
	"$avg":      func() accumulator { return &average{sum: sum{total: int32(0)}} },
	"$min":      func() accumulator { return &extreme{wanted: -1} },
	"$max":      func() accumulator { return &extreme{wanted: 1} },
	"$first":    func() accumulator { return &end{} },
	"$last":     func() accumulator { return &end{last: true} },
	"$push":     func() accumulator { return &collection{values: bson.A{}} },
	"$addToSet": func() accumulator { return &collection{values: bson.A{}, seen: map[string]bool{}} },
}

// member is one accumulated field of a $group.
type member struct {
	name       string
	expression expression.Expression
	create     func() accumulator
}

func parseGroup(v any) (stage, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(15947, "a group's fields must be specified in an object")
	}
	var id expression.Expression
	var members []member
	for _, e := range d {
		if e.Key == "_id" {
			if id != nil {
				return nil, mongoerror.New(15948, "a group's _id may only be specified once")
			}
			var err error
			if id, err = expression.ParseKey(e.Value, nil); err != nil {
				return nil, err
			}
			continue
		}
		m, err := parseMember(e)
		if err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	if id == nil {
		return nil, mongoerror.New(15955, "a group specification must include an _id")
	}
	return func(in []bson.D) ([]bson.D, error) { return group(in, id, members) }, nil
}

func parseMember(e bson.E) (member, error) {
	switch {
	case strings.Contains(e.Key, "."):
		return member{}, mongoerror.New(40235, "The field name '%s' cannot contain '.'", e.Key)
	case strings.HasPrefix(e.Key, "$"):
		return member{}, mongoerror.New(40236, "The field name '%s' cannot be an operator name", e.Key)
	}
	d, ok := e.Value.(bson.D)
	if !ok || len(d) == 0 || !strings.HasPrefix(d[0].Key, "$") {
		return member{}, mongoerror.New(40234, "The field '%s' must be an accumulator object", e.Key)
	}
	if len(d) != 1 {
		return member{}, mongoerror.New(40238, "The field '%s' must specify one accumulator", e.Key)
	}
	create, ok := accumulators[d[0].Key]
	if !ok {
		switch d[0].Key {
		case "$stdDevPop", "$stdDevSamp", "$mergeObjects", "$accumulator":
			return member{}, mongoerror.New(mongoerror.NotImplemented, "%s is not supported by this server", d[0].Key)
		}
		return member{}, mongoerror.New(15952, "unknown group operator '%s'", d[0].Key)
	}
	if _, isArray := d[0].Value.(bson.A); isArray {
		return member{}, mongoerror.New(40237, "The %s accumulator is a unary operator", d[0].Key)
	}
	x, err := expression.Parse(d[0].Value, nil)
	return member{e.Key, x, create}, err
}

// group returns the groups in the order in which their first documents came.
func group(in []bson.D, id expression.Expression, members []member) ([]bson.D, error) {
	type state struct {
		id     any
		values []accumulator
	}
	groups := map[string]*state{}
	var ordered []*state
	for _, d := range in {
		key, err := id.Evaluate(d)
		if err != nil {
			return nil, err
		}
		if bsonvalue.IsMissing(key) {
			key = nil
		}
		k := string(bsonvalue.AppendKey(nil, key))
		g := groups[k]
		if g == nil {
			g = &state{id: key, values: make([]accumulator, len(members))}
			for i, m := range members {
				g.values[i] = m.create()
			}
			groups[k] = g
			ordered = append(ordered, g)
		}
		for i, m := range members {
			v, err := m.expression.Evaluate(d)
			if err != nil {
				return nil, err
			}
			g.values[i].add(v)
		}
	}
	out := make([]bson.D, len(ordered))
	for i, g := range ordered {
		d := bson.D{{Key: "_id", Value: g.id}}
		for j, m := range members {
			d = append(d, bson.E{Key: m.name, Value: g.values[j].value()})
		}
		out[i] = d
	}
	return out, nil
}

// sum is $sum: what is no number does not count.
type sum struct{ total any }

func (s *sum) add(v any) {
	if bsonvalue.IsNumber(v) {
		s.total, _ = bsonvalue.Add(s.total, v)
	}
}

func (s *sum) value() any { return s.total }

// average is $avg: null without any number.
type average struct {
	sum
	count int64
}

func (a *average) add(v any) {
	if bsonvalue.IsNumber(v) {
		a.sum.add(v)
		a.count++
	}
}

func (a *average) value() any {
	if a.count == 0 {
		return nil
	}
	if d, ok := a.total.(primitive.Decimal128); ok {
		return bsonvalue.DivideDecimals(d, bsonvalue.ToDecimal(a.count))
	}
	return bsonvalue.ToDouble(a.total) / float64(a.count)
}

// extreme is $min and $max: null, undefined and missing do not count.
type extreme struct {
	wanted int
	best   any
	found  bool
}

func (x *extreme) add(v any) {
	if class := bsonvalue.ClassOf(v); class == bsonvalue.ClassNull || class == bsonvalue.ClassMissing {
		return
	}
	if !x.found || bsonvalue.Compare(v, x.best) == x.wanted {
		x.best, x.found = v, true
	}
}

func (x *extreme) value() any { return x.best }

// end is $first and $last: null for a missing value.
type end struct {
	last, found bool
	v           any
}

func (e *end) add(v any) {
	if e.found && !e.last {
		return
	}
	if bsonvalue.IsMissing(v) {
		v = nil
	}
	e.v, e.found = v, true
}

func (e *end) value() any { return e.v }

// collection is $push and $addToSet: missing values are left out.
type collection struct {
	values bson.A
	// seen holds what is there already; nil for $push.
	seen map[string]bool
}

func (c *collection) add(v any) {
	if bsonvalue.IsMissing(v) {
		return
	}
	if c.seen != nil {
		k := string(bsonvalue.AppendKey(nil, v))
		if c.seen[k] {
			return
		}
		c.seen[k] = true
	}
	c.values = append(c.values, v)
}

func (c *collection) value() any { return c.values }
