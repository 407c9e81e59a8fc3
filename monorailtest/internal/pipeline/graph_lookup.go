package pipeline

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/projection"
)

// graphLookup is $graphLookup: to each document those of a collection that are reached from it.
type graphLookup struct {
	context *Context
	name    string
	as      []string
	start   expression.Expression
	from    []string
	to      string
	// depth is the field for the number of steps; nil for none.
	depth []string
	// most is the greatest number of steps; negative for no limit.
	most int64
	// restriction is the filter that documents must meet as well; nil for none.
	restriction bson.D
	// view are the stages of the view that is searched.
	view []bson.D
}

func parseGraphLookup(c *Context, v any) (stage, error) {
	g := &graphLookup{most: -1}
	as, from := "", ""
	d, ok := v.(bson.D)
	if !ok {
		return nil, checkFrom("$graphLookup")(c, v)
	}
	for _, e := range d {
		var err error
		switch e.Key {
		case "startWith":
			g.start, err = expression.Parse(e.Value, c.Scope)
		case "maxDepth":
			g.most, err = parseDepth(e.Value)
		case "restrictSearchWithMatch":
			var ok bool
			if g.restriction, ok = e.Value.(bson.D); !ok {
				return nil, mongoerror.New(40185, "restrictSearchWithMatch must be an object, found %s", bsonvalue.TypeName(e.Value))
			}
			if _, err = parseFilter(c, g.restriction); err != nil {
				err = mongoerror.Because("Failed to parse 'restrictSearchWithMatch' option to $graphLookup", err)
			}
		case "from", "as", "connectFromField", "connectToField", "depthField":
			s, ok := e.Value.(string)
			if !ok {
				return nil, mongoerror.New(40103, "expected string as argument for %s, found: %s", e.Key, show(e.Value))
			}
			switch e.Key {
			case "from":
				g.name = s
			case "as":
				as = s
			case "connectFromField":
				from = s
			case "connectToField":
				g.to = s
			case "depthField":
				g.depth, err = projection.SplitPath(s)
			}
		default:
			err = mongoerror.New(40104, "Unknown argument to $graphLookup: %s", e.Key)
		}
		if err != nil {
			return nil, err
		}
	}
	if g.name == "" || as == "" || g.start == nil || from == "" || g.to == "" {
		return nil, mongoerror.New(40105, "$graphLookup requires 'from', 'as', 'startWith', 'connectFromField', and 'connectToField' to be specified.")
	}
	var err error
	if g.as, err = projection.SplitPath(as); err != nil {
		return nil, err
	}
	if g.from, err = projection.SplitPath(from); err != nil {
		return nil, err
	}
	if _, err = projection.SplitPath(g.to); err != nil {
		return nil, err
	}
	n, view, err := c.Host.Resolve(Namespace{c.Namespace.Database, g.name})
	if err != nil {
		return nil, err
	}
	g.view = view
	g.context, err = c.inner(n, c.Scope)
	return g, err
}

func parseDepth(v any) (int64, error) {
	if !bsonvalue.IsNumber(v) {
		return 0, mongoerror.New(40100, "maxDepth must be numeric, found type: %s", bsonvalue.TypeName(v))
	}
	n, exact := bsonvalue.ToLong(v)
	if n < 0 {
		return 0, mongoerror.New(40101, "maxDepth requires a nonnegative argument, found: %d", n)
	}
	if !exact {
		return 0, mongoerror.New(40102, "maxDepth could not be represented as a long long: %d", n)
	}
	return n, nil
}

func (g *graphLookup) open(r *run, in Iterator) Iterator {
	return func() (bson.D, bool, error) {
		d, ok, err := in()
		if err != nil || !ok {
			return nil, false, err
		}
		found, err := g.search(r, d)
		if err != nil {
			return nil, false, err
		}
		return setNested(d, g.as, found), true, nil
	}
}

func (g *graphLookup) preserves(field string) bool { return field != g.as[0] }

// frontier holds the values to go on from, each once over the whole search: what has been asked for
// finds nothing new.
type frontier struct {
	context *Context
	values  bson.A
	asked   map[string]bool
	// used is about how many bytes values take.
	used int
}

func (f *frontier) add(v any) {
	if bsonvalue.IsMissing(v) {
		return
	}
	k := string(f.context.appendKey(nil, v))
	if f.asked[k] {
		return
	}
	f.asked[k] = true
	f.values = append(f.values, v)
	f.used += sizeOf(v)
}

// search returns the documents that are reached from one, the nearest first.
func (g *graphLookup) search(r *run, d bson.D) (bson.A, error) {
	start, err := g.start.Evaluate(d)
	if err != nil {
		return nil, err
	}
	f := &frontier{context: g.context, asked: map[string]bool{}}
	if list, ok := start.(bson.A); ok {
		for _, v := range list {
			f.add(v)
		}
	} else {
		f.add(start)
	}
	found, visited, used := bson.A{}, map[string]bool{}, 0
	for depth := int64(0); len(f.values) > 0 && (g.most < 0 || depth <= g.most); depth++ {
		step, err := g.step(r, f)
		if err != nil {
			return nil, err
		}
		err = r.each(step, func(d bson.D) error {
			id := field(d, "_id")
			if bsonvalue.IsMissing(id) {
				return mongoerror.New(40271, "Documents in the '%s' namespace must contain an _id for de-duplication in $graphLookup", g.context.Namespace)
			}
			k := string(g.context.appendKey(nil, id))
			if visited[k] {
				return nil
			}
			visited[k] = true
			if g.depth != nil {
				d = setNested(d, g.depth, depth)
			}
			visit(d, g.from, f.add)
			if used += sizeOf(id) + sizeOf(d); used+f.used >= maxMemory {
				return mongoerror.New(40099, "$graphLookup reached maximum memory consumption")
			}
			found = append(found, d)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// step returns the documents that are one step away from the frontier, and empties it.
func (g *graphLookup) step(r *run, f *frontier) (Iterator, error) {
	next := bson.D{{Key: g.to, Value: bson.D{{Key: "$in", Value: f.values}}}}
	f.values, f.used = nil, 0
	conditions := bson.A{next}
	if g.restriction != nil {
		conditions = bson.A{g.restriction, next}
	}
	filter := bson.D{{Key: "$match", Value: bson.D{{Key: "$and", Value: conditions}}}}
	p, err := parse(g.context, append(g.view[:len(g.view):len(g.view)], filter))
	if err != nil {
		return nil, err
	}
	return p.Read(r.ctx)
}
