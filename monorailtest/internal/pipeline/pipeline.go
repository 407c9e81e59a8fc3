package pipeline

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/order"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// Context is what a pipeline is parsed and run in. It must not be changed once it is in use.
type Context struct {
	// Host is the server.
	Host Host
	// Namespace is the collection whose documents go through the pipeline.
	Namespace Namespace
	// Scope is what expressions may refer to. It is not nil.
	Scope *expression.Scope
	// Collation is how strings compare; nil for byte by byte.
	Collation *collation.Collation
	// AllowDiskUse lets stages hold more than 100 MB.
	AllowDiskUse bool
	// InTransaction refuses the stages that a transaction must not have.
	InTransaction bool

	// depth is how many pipelines this one is in.
	depth int
}

// maxDepth is how deep pipelines may nest.
const maxDepth = 20

// inner returns the context of a pipeline within one, for documents of a collection.
func (c *Context) inner(n Namespace, s *expression.Scope) (*Context, error) {
	i := *c
	i.Namespace, i.Scope = n, s
	if i.depth++; i.depth > maxDepth {
		return nil, mongoerror.New(232, "Maximum number of nested $lookup sub-pipelines exceeded. Limit is %d", maxDepth)
	}
	return &i, nil
}

// Pipeline is a parsed pipeline. It is immutable.
type Pipeline struct {
	context *Context
	// filter is that of the $match stages at the beginning, which an index may serve.
	filter *query.Filter
	stages []stage
	// names are those of all stages, the $match at the beginning too.
	names []string
}

// Parse parses a command's pipeline. Errors are *mongoerror.Error as of MongoDB 4.4: 40324 for a
// stage that MongoDB does not know, NotImplemented (238) for one that it does.
func Parse(c *Context, stages []bson.D) (*Pipeline, error) {
	if err := checkStages(c, stages); err != nil {
		return nil, err
	}
	p, err := parse(c, stages)
	if err != nil {
		return nil, err
	}
	if err := checkTop(c, p.names); err != nil {
		return nil, err
	}
	if err := checkPlaces(c, p.names); err != nil {
		return nil, err
	}
	if err := c.Scope.FoldError(); err != nil {
		return nil, mongoerror.Because("Failed to optimize pipeline", err)
	}
	return p, nil
}

// parse parses stages one after the other.
func parse(c *Context, stages []bson.D) (*Pipeline, error) {
	p := &Pipeline{context: c}
	var misplaced error
	for i, d := range stages {
		name, k, v, err := split(d)
		if err != nil {
			return nil, err
		}
		if i > 0 && name == "$match" && hasOperator(v, "$text") {
			misplaced = mongoerror.New(17313, "$match with $text is only allowed as the first pipeline stage")
			continue
		}
		s, err := k.parse(c, v)
		if err != nil {
			return nil, err
		}
		p.names = append(p.names, name)
		p.stages = append(p.stages, s)
	}
	if misplaced != nil {
		return nil, misplaced
	}
	filter, err := p.raise()
	if err != nil {
		return nil, err
	}
	limitSorts(p.stages)
	p.filter, err = parseFilter(c, c.narrow(filter))
	return p, err
}

// parseFilter parses a filter.
func parseFilter(c *Context, d bson.D) (*query.Filter, error) {
	return query.ParseWith(d, query.Options{Collation: c.Collation, Scope: c.Scope})
}

// parseInner parses a pipeline within a stage, and checks where its stages stand. forbidden returns the
// error of a stage that must not be there, nil for none.
func parseInner(c *Context, stages []bson.D, forbidden func(name string, k *kind) error) (*Pipeline, error) {
	p, err := parse(c, stages)
	if err != nil {
		return nil, err
	}
	for _, name := range p.names {
		if err := forbidden(name, kinds[name]); err != nil {
			return nil, err
		}
	}
	if err := checkTop(c, p.names); err != nil {
		return nil, err
	}
	return p, checkPlaces(c, p.names)
}

// Writes tells whether the pipeline ends with a stage that writes to a collection.
func (p *Pipeline) Writes() bool { return len(p.names) > 0 && kinds[p.names[len(p.names)-1]].last }

// Filter is what the documents that come to Open have met already: the $match stages at the beginning.
func (p *Pipeline) Filter() *query.Filter { return p.filter }

// Order is that of a $sort right behind Filter, which an index may give; else it is empty.
func (p *Pipeline) Order() order.Order {
	if len(p.stages) > 0 {
		if s, ok := p.stages[0].(*sorter); ok {
			return s.order
		}
	}
	return order.Order{}
}

// Open starts a run on documents that have met Filter, which it reads as the iterator that it returns is
// read. sorted says that they come in Order. ctx returns what ends the operation that is reading.
func (p *Pipeline) Open(ctx func() context.Context, in Iterator, sorted bool) Iterator {
	r := &run{ctx: ctx, Context: p.context}
	stages := p.stages
	if sorted && !p.Order().Empty() {
		stages = stages[1:]
	}
	for _, s := range stages {
		in = s.open(r, in)
	}
	return in
}

// Read starts a run on the documents of the pipeline's own collection.
func (p *Pipeline) Read(ctx func() context.Context) (Iterator, error) {
	if len(p.names) > 0 && kinds[p.names[0]].source {
		return p.Open(ctx, nil, false), nil
	}
	in, sorted, err := p.context.Host.Read(ctx(), p.context.Namespace, p.filter, p.Order())
	if err != nil {
		return nil, err
	}
	return p.Open(ctx, in, sorted), nil
}

// stagesOf reads an array of stages.
func stagesOf(v any) ([]bson.D, error) {
	a, ok := v.(bson.A)
	if !ok {
		return nil, mongoerror.New(mongoerror.TypeMismatch, "'pipeline' option must be specified as an array")
	}
	out := make([]bson.D, len(a))
	for i, item := range a {
		if out[i], ok = item.(bson.D); !ok {
			return nil, mongoerror.New(mongoerror.TypeMismatch, "Each element of the 'pipeline' array must be an object")
		}
	}
	return out, nil
}

// appendKey appends what is the same for two values exactly when they are equal under the collation.
func (c *Context) appendKey(dst []byte, v any) []byte { return c.Collation.AppendKey(dst, v) }
