package pipeline

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// group is $group.
type group struct {
	id      expression.Expression
	members members
}

func parseGroup(c *Context, v any) (stage, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(15947, "a group's fields must be specified in an object")
	}
	g := &group{}
	for _, e := range d {
		if e.Key == "_id" {
			if g.id != nil {
				return nil, mongoerror.New(15948, "a group's _id may only be specified once")
			}
			var err error
			if g.id, err = expression.ParseKey(e.Value, c.Scope); err != nil {
				return nil, err
			}
			continue
		}
		m, err := parseMember(c, e)
		if err != nil {
			return nil, err
		}
		g.members = append(g.members, m)
	}
	if g.id == nil {
		return nil, mongoerror.New(15955, "a group specification must include an _id")
	}
	return g, nil
}

// groups are the groups of one run, in the order in which their first documents came.
type groups struct {
	*run
	members members
	places  map[string]int
	ids     []any
	values  [][]accumulator
	memory  memory
	// key is the key of the document at hand; the memory is used again for the next one's.
	key []byte
}

func (r *run) newGroups(m members) *groups {
	return &groups{run: r, members: m, places: map[string]int{}, memory: memory{free: r.AllowDiskUse, stage: "$group"}}
}

// add adds a document to the group of an id.
func (g *groups) add(id any, d bson.D) error {
	g.key = g.appendKey(g.key[:0], id)
	i, ok := g.places[string(g.key)]
	grown := 0
	if !ok {
		i = len(g.ids)
		g.places[string(g.key)] = i
		g.ids = append(g.ids, id)
		g.values = append(g.values, g.members.start(g.Context))
		grown = len(g.key) + sizeOf(id) + valueSize*len(g.members)
	}
	n, err := g.members.add(g.values[i], d)
	if err != nil {
		return err
	}
	return g.memory.add(grown + n)
}

func (g *groups) documents() []bson.D {
	out := make([]bson.D, len(g.ids))
	for i, id := range g.ids {
		out[i] = g.members.document(id, g.values[i])
	}
	return out
}

func (g *group) open(r *run, in Iterator) Iterator {
	return later(func() ([]bson.D, error) {
		all := r.newGroups(g.members)
		err := r.each(in, func(d bson.D) error {
			id, err := g.id.Evaluate(d)
			if err != nil {
				return err
			}
			if bsonvalue.IsMissing(id) {
				id = nil
			}
			return all.add(id, d)
		})
		if err != nil {
			return nil, err
		}
		return all.documents(), nil
	})
}

// parseSortByCount makes a $group and a $sort of $sortByCount.
func parseSortByCount(c *Context, v any) (stage, error) {
	switch x := v.(type) {
	case string:
		if !strings.HasPrefix(x, "$") {
			return nil, mongoerror.New(40148, "the sortByCount field must be defined as a $-prefixed path or an expression inside an object")
		}
	case bson.D:
		if len(x) == 0 || !strings.HasPrefix(x[0].Key, "$") {
			return nil, mongoerror.New(40147, "the sortByCount field must be defined as a $-prefixed path or an expression inside an object")
		}
	default:
		return nil, mongoerror.New(40149, "the sortByCount field must be specified as a string or as an object")
	}
	g, err := parseGroup(c, bson.D{{Key: "_id", Value: v}, {Key: "count", Value: bson.D{{Key: "$sum", Value: int32(1)}}}})
	if err != nil {
		return nil, err
	}
	s, err := parseSort(c, bson.D{{Key: "count", Value: int32(-1)}})
	return chain{g, s}, err
}

// chain is a stage that consists of several.
type chain []stage

func (c chain) open(r *run, in Iterator) Iterator {
	for _, s := range c {
		in = s.open(r, in)
	}
	return in
}
