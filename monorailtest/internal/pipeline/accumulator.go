package pipeline

import (
	"math"
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/summation"
)

// accumulator collects the values of one field of one group. It belongs to one run.
type accumulator interface {
	// add takes a value, and tells by about how many bytes the accumulator has grown.
	add(v any) (grown int, err error)
	value() any
}

// accumulators makes the accumulators of $group, which compare and tell values apart as the context's
// collation says.
var accumulators = map[string]func(c *Context) accumulator{
	"$addToSet": func(c *Context) accumulator {
		return &collection{name: "$addToSet", context: c, seen: map[string]bool{}}
	},
	"$avg":          func(*Context) accumulator { return &average{} },
	"$first":        func(*Context) accumulator { return &end{} },
	"$last":         func(*Context) accumulator { return &end{last: true} },
	"$max":          func(c *Context) accumulator { return &extreme{context: c, wanted: 1} },
	"$mergeObjects": func(*Context) accumulator { return &merged{} },
	"$min":          func(c *Context) accumulator { return &extreme{context: c, wanted: -1} },
	"$push":         func(*Context) accumulator { return &collection{name: "$push"} },
	"$stdDevPop":    func(*Context) accumulator { return &deviation{} },
	"$stdDevSamp":   func(*Context) accumulator { return &deviation{sample: true} },
	"$sum":          func(*Context) accumulator { return &sum{} },
}

// member is one accumulated field of a $group.
type member struct {
	name       string
	expression expression.Expression
	create     func(c *Context) accumulator
}

func parseMember(c *Context, e bson.E) (member, error) {
	d, ok := e.Value.(bson.D)
	switch {
	case !ok || len(d) == 0 || !strings.HasPrefix(d[0].Key, "$"):
		return member{}, mongoerror.New(40234, "The field '%s' must be an accumulator object", e.Key)
	case strings.Contains(e.Key, "."):
		return member{}, mongoerror.New(40235, "The field name '%s' cannot contain '.'", e.Key)
	case strings.HasPrefix(e.Key, "$"):
		return member{}, mongoerror.New(40236, "The field name '%s' cannot be an operator name", e.Key)
	case len(d) != 1:
		return member{}, mongoerror.New(40238, "The field '%s' must specify one accumulator", e.Key)
	}
	if d[0].Key == "$accumulator" {
		x, err := parseScript(c, d[0].Value)
		return member{e.Key, x, func(*Context) accumulator { return script{} }}, err
	}
	create, ok := accumulators[d[0].Key]
	if !ok {
		return member{}, mongoerror.New(15952, "unknown group operator '%s'", d[0].Key)
	}
	if _, isArray := d[0].Value.(bson.A); isArray {
		return member{}, mongoerror.New(40237, "The %s accumulator is a unary operator", d[0].Key)
	}
	x, err := expression.Parse(d[0].Value, c.Scope)
	return member{e.Key, x, create}, err
}

// members are the accumulated fields of a stage.
type members []member

// countMember is the member that stages have where none is given.
func countMember(c *Context) members {
	one, _ := expression.Parse(int32(1), c.Scope)
	return members{{"count", one, accumulators["$sum"]}}
}

// start returns the accumulators of a new group.
func (m members) start(c *Context) []accumulator {
	out := make([]accumulator, len(m))
	for i := range m {
		out[i] = m[i].create(c)
	}
	return out
}

// add adds the values of a document.
func (m members) add(to []accumulator, d bson.D) (grown int, err error) {
	for i := range m {
		v, err := m[i].expression.Evaluate(d)
		if err != nil {
			return 0, err
		}
		n, err := to[i].add(v)
		if err != nil {
			return 0, err
		}
		grown += n
	}
	return grown, nil
}

// document returns the document of a group: no field of it is missing.
func (m members) document(id any, values []accumulator) bson.D {
	out := append(make(bson.D, 0, 1+len(m)), bson.E{Key: "_id", Value: id})
	for i := range m {
		v := values[i].value()
		if bsonvalue.IsMissing(v) {
			v = nil
		}
		out = append(out, bson.E{Key: m[i].name, Value: v})
	}
	return out
}

// sum is $sum: what is no number does not count.
type sum struct{ total summation.Sum }

func (s *sum) add(v any) (int, error) {
	s.total.Add(v)
	return 0, nil
}

func (s *sum) value() any { return s.total.Total() }

// average is $avg: null without any number.
type average struct {
	total summation.Sum
	count int64
}

func (a *average) add(v any) (int, error) {
	if a.total.Add(v) {
		a.count++
	}
	return 0, nil
}

func (a *average) value() any {
	if a.count == 0 {
		return nil
	}
	return a.total.Average(a.count)
}

// deviation is $stdDevPop and $stdDevSamp, by Welford's method, which needs one pass.
type deviation struct {
	sample bool
	count  int64
	// mean is that of the numbers so far, squares the sum of the squares of their distances to it.
	mean, squares float64
}

func (s *deviation) add(v any) (int, error) {
	if !bsonvalue.IsNumber(v) {
		return 0, nil
	}
	x := bsonvalue.ToDouble(v)
	s.count++
	if delta := x - s.mean; delta != 0 {
		s.mean += delta / float64(s.count)
		s.squares += delta * (x - s.mean)
	}
	return 0, nil
}

func (s *deviation) value() any {
	n := s.count
	if s.sample {
		n--
	}
	if n <= 0 {
		return nil
	}
	return math.Sqrt(s.squares / float64(n))
}

// extreme is $min and $max: null, undefined and missing do not count.
type extreme struct {
	context *Context
	wanted  int
	best    any
	found   bool
}

func (x *extreme) add(v any) (int, error) {
	if isNullish(v) || x.found && x.context.Scope.Compare(v, x.best) != x.wanted {
		return 0, nil
	}
	x.best, x.found = v, true
	return 0, nil
}

func (x *extreme) value() any { return x.best }

// end is $first and $last.
type end struct {
	last, found bool
	v           any
}

func (e *end) add(v any) (int, error) {
	if !e.found || e.last {
		e.v, e.found = v, true
	}
	return 0, nil
}

func (e *end) value() any { return e.v }

// collection is $push and $addToSet: missing values are left out.
type collection struct {
	name   string
	values bson.A
	size   int
	// seen holds what is there already, told apart as context says; nil for $push.
	seen    map[string]bool
	context *Context
	// key is the key of the value at hand; the memory is used again.
	key []byte
}

func (c *collection) add(v any) (int, error) {
	if bsonvalue.IsMissing(v) {
		return 0, nil
	}
	if c.seen != nil {
		c.key = c.context.appendKey(c.key[:0], v)
		if c.seen[string(c.key)] {
			return 0, nil
		}
		c.seen[string(c.key)] = true
	}
	n := sizeOf(v)
	if c.size += n; c.size >= maxMemory {
		return 0, mongoerror.New(146, "%s used too much memory and cannot spill to disk. Memory limit: %d bytes", c.name, maxMemory)
	}
	c.values = append(c.values, v)
	return n, nil
}

func (c *collection) value() any {
	if c.values == nil {
		return bson.A{}
	}
	return c.values
}

// merged is $mergeObjects.
type merged struct {
	fields bson.D
	// places holds where in fields each name is.
	places map[string]int
}

func (m *merged) add(v any) (int, error) {
	if isNullish(v) {
		return 0, nil
	}
	d, ok := v.(bson.D)
	if !ok {
		return 0, mongoerror.New(40400, "$mergeObjects requires object inputs, but input %s is of type %s", bsonvalue.Format(v), bsonvalue.TypeName(v))
	}
	if m.places == nil {
		m.places = map[string]int{}
	}
	for _, e := range d {
		if i, ok := m.places[e.Key]; ok {
			m.fields[i].Value = e.Value
			continue
		}
		m.places[e.Key] = len(m.fields)
		m.fields = append(m.fields, e)
	}
	return 0, nil
}

func (m *merged) value() any {
	if m.fields == nil {
		return bson.D{}
	}
	return m.fields
}
