package pipeline

import (
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/projection"
)

// lookup is $lookup: to each document, what another collection has for it.
type lookup struct {
	context *Context
	name    string
	as      []string
	// local and foreign are the fields that must be equal; nil where stages say what is wanted.
	local   []string
	foreign string
	// stages are those of the view that is looked up, if it is one, and those of the argument.
	stages []bson.D
	// variables are what stages may refer to; their values are those of values.
	variables []string
	values    []expression.Expression
}

// checkFrom checks the argument of a stage that names another collection in the field from.
func checkFrom(stage string) func(c *Context, v any) error {
	return func(c *Context, v any) error {
		d, ok := v.(bson.D)
		if !ok {
			return mongoerror.New(mongoerror.FailedToParse, "the %s stage specification must be an object, but found %s", stage, bsonvalue.TypeName(v))
		}
		from := field(d, "from")
		if bsonvalue.IsMissing(from) {
			return mongoerror.New(mongoerror.FailedToParse, "missing 'from' option to %s stage specification: %s", stage, bsonvalue.Format(d))
		}
		name, ok := from.(string)
		if !ok {
			return mongoerror.New(mongoerror.FailedToParse, "'from' option to %s must be a string, but was type %s", stage, bsonvalue.TypeName(from))
		}
		if !isCollection(name) {
			return mongoerror.New(mongoerror.InvalidNamespace, "invalid %s namespace: %s.%s", stage, c.Namespace.Database, name)
		}
		return nil
	}
}

func checkLookup(c *Context, v any) error {
	if err := checkFrom("$lookup")(c, v); err != nil {
		return err
	}
	inner := field(v.(bson.D), "pipeline")
	if bsonvalue.IsMissing(inner) {
		return nil
	}
	stages, err := stagesOf(inner)
	if err != nil {
		return err
	}
	return checkStages(c, stages)
}

func parseLookup(c *Context, v any) (stage, error) {
	l := &lookup{}
	as, local := "", ""
	var stages []bson.D
	var let bson.D
	piped, given := false, false
	d, ok := v.(bson.D)
	if !ok {
		return nil, checkFrom("$lookup")(c, v)
	}
	for _, e := range d {
		switch e.Key {
		case "pipeline":
			var err error
			if stages, err = stagesOf(e.Value); err != nil {
				return nil, err
			}
			piped = true
			continue
		case "let":
			if let, given = e.Value.(bson.D); !given {
				return nil, mongoerror.New(mongoerror.FailedToParse, "$lookup argument 'let: %s' must be an object, is type %s", show(e.Value), bsonvalue.TypeName(e.Value))
			}
			continue
		}
		s, ok := e.Value.(string)
		if !ok {
			return nil, mongoerror.New(mongoerror.FailedToParse, "$lookup argument '%s' must be a string, found %s: %s: %s", e.Key, e.Key, show(e.Value), bsonvalue.TypeName(e.Value))
		}
		switch e.Key {
		case "from":
			l.name = s
		case "as":
			as = s
		case "localField":
			local = s
		case "foreignField":
			l.foreign = s
		default:
			return nil, mongoerror.New(mongoerror.FailedToParse, "unknown argument to $lookup: %s", e.Key)
		}
	}
	switch {
	case as == "":
		return nil, mongoerror.New(mongoerror.FailedToParse, "must specify 'as' field for a $lookup")
	case piped && (local != "" || l.foreign != ""):
		return nil, mongoerror.New(mongoerror.FailedToParse, "$lookup with 'pipeline' may not specify 'localField' or 'foreignField'")
	case !piped && (local == "" || l.foreign == ""):
		return nil, mongoerror.New(mongoerror.FailedToParse, "$lookup requires either 'pipeline' or both 'localField' and 'foreignField' to be specified")
	case !piped && given:
		return nil, mongoerror.New(mongoerror.FailedToParse, "$lookup with a 'let' argument must also specify 'pipeline'")
	}
	var err error
	if l.as, err = projection.SplitPath(as); err != nil {
		return nil, err
	}
	if !piped {
		if l.local, err = projection.SplitPath(local); err != nil {
			return nil, err
		}
		if _, err = projection.SplitPath(l.foreign); err != nil {
			return nil, err
		}
	}
	return l, l.resolve(c, stages, let)
}

// resolve finds the collection, and parses the stages once with variables that have no values yet.
func (l *lookup) resolve(c *Context, stages []bson.D, let bson.D) error {
	for _, e := range let {
		if err := expression.CheckVariable(e.Key); err != nil {
			return err
		}
		x, err := expression.Parse(e.Value, c.Scope)
		if err != nil {
			return err
		}
		l.variables, l.values = append(l.variables, e.Key), append(l.values, x)
	}
	n, view, err := c.Host.Resolve(Namespace{c.Namespace.Database, l.name})
	if err != nil {
		return err
	}
	l.stages = append(append([]bson.D(nil), view...), stages...)
	if l.context, err = c.inner(n, c.Scope); err != nil {
		return err
	}
	scope := *l.context
	scope.Scope = c.Scope.Define(l.variables...)
	_, err = l.parse(&scope, l.stages)
	return err
}

func (l *lookup) parse(c *Context, stages []bson.D) (*Pipeline, error) {
	return parseInner(c, stages, func(name string, k *kind) error {
		if k.notInLookup {
			return mongoerror.New(51047, "%s is not allowed within a $lookup's sub-pipeline", name)
		}
		return nil
	})
}

func (l *lookup) open(r *run, in Iterator) Iterator {
	// same is what every document finds, where it does not depend on the document.
	var same bson.A
	return func() (bson.D, bool, error) {
		d, ok, err := in()
		if err != nil || !ok {
			return nil, false, err
		}
		found := same
		if found == nil {
			if found, err = l.find(r, d); err != nil {
				return nil, false, err
			}
			if l.local == nil && len(l.variables) == 0 {
				same = found
			}
		}
		return setNested(d, l.as, found), true, nil
	}
}

func (l *lookup) preserves(field string) bool { return field != l.as[0] }

// find returns what there is for a document.
func (l *lookup) find(r *run, d bson.D) (bson.A, error) {
	c, stages := *l.context, l.stages
	if l.local != nil {
		stages = append(stages[:len(stages):len(stages)], bson.D{{Key: "$match", Value: l.equal(d)}})
	}
	for i, name := range l.variables {
		v, err := l.values[i].Evaluate(d)
		if err != nil {
			return nil, err
		}
		c.Scope = c.Scope.WithConstant(name, v)
	}
	p, err := l.parse(&c, stages)
	if err != nil {
		return nil, err
	}
	if err := c.Scope.FoldError(); err != nil {
		return nil, err
	}
	documents, err := p.Read(r.ctx)
	if err != nil {
		return nil, err
	}
	out, size := bson.A{}, 0
	err = r.each(documents, func(d bson.D) error {
		if size += sizeOf(d); size > maxIntermediate {
			return mongoerror.New(4568, "Total size of documents in %s matching pipeline's $lookup stage exceeds %d bytes", l.name, maxIntermediate)
		}
		out = append(out, d)
		return nil
	})
	return out, err
}

// equal returns the filter for the values that a document has: null if it has none.
func (l *lookup) equal(d bson.D) bson.D {
	values, isPattern := bson.A{}, false
	visit(d, l.local, func(v any) {
		_, ok := v.(primitive.Regex)
		isPattern = isPattern || ok
		values = append(values, v)
	})
	switch {
	case len(values) == 0:
		return bson.D{{Key: l.foreign, Value: bson.D{{Key: "$eq", Value: nil}}}}
	case len(values) == 1:
		return bson.D{{Key: l.foreign, Value: bson.D{{Key: "$eq", Value: values[0]}}}}
	case !isPattern:
		return bson.D{{Key: l.foreign, Value: bson.D{{Key: "$in", Value: values}}}}
	}
	// $in would take a pattern for what strings have to match.
	either := make(bson.A, len(values))
	for i, v := range values {
		either[i] = bson.D{{Key: l.foreign, Value: bson.D{{Key: "$eq", Value: v}}}}
	}
	return bson.D{{Key: "$or", Value: either}}
}
