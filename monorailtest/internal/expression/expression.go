package expression

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// Expression is a parsed expression. It is immutable and may be shared between goroutines.
type Expression interface {
	// Evaluate returns the value for a document, bsonvalue.Missing where there is none. variables
	// are the values of those that the scope's Define named, in the order of their definition; one
	// that is not given is missing. The value may share its parts with the document. Errors are
	// *mongoerror.Error as of MongoDB 4.4.
	Evaluate(d bson.D, variables ...any) (any, error)
	// Constant returns the value of an expression that has the same one for every document.
	Constant() (v any, ok bool)
}

// Parse parses an expression that stands in a command. Errors are *mongoerror.Error as of MongoDB
// 4.4; an operator that is not known gives InvalidPipelineOperator (168).
//
// Under a nil scope values compare in binary order, $$NOW is the time of the call, and an error of
// a constant part is an error of Parse; a scope keeps that one for FoldError.
func Parse(v any, s *Scope) (Expression, error) {
	return parse(s, func(p *parser, names *variable) (node, error) { return p.operand(v, names) })
}

// ParseKey parses the _id of a $group, whose value is never missing. A document of expressions with
// one field has null where that field's value is missing; one with several leaves such fields out.
func ParseKey(v any, s *Scope) (Expression, error) {
	return parse(s, func(p *parser, names *variable) (node, error) {
		d, ok := v.(bson.D)
		if !ok || len(d) == 0 || hasDollar(d[0].Key) {
			root, err := p.operand(v, names)
			return missingToNull{root}, err
		}
		for _, e := range d {
			if _, isBool := e.Value.(bool); isBool || bsonvalue.IsNumber(e.Value) {
				return nil, mongoerror.New(17390, "$group does not support inclusion-style expressions")
			}
		}
		root, err := p.object(d, names)
		if o, ok := root.(*object); ok && len(d) == 1 {
			o.values[0] = missingToNull{o.values[0]}
		}
		return root, err
	})
}

// IsOperator tells whether name is that of an operator of expressions, such as "$add".
func IsOperator(name string) bool {
	_, ok := parsers[name]
	return ok || operators[name] != nil
}

func parse(s *Scope, build func(p *parser, names *variable) (node, error)) (Expression, error) {
	strict := s == nil
	if strict {
		s = defaultScope()
	}
	p := &parser{scope: s, slots: s.defined}
	root, err := build(p, s.variables)
	if err != nil {
		return nil, err
	}
	root = root.optimize(&optimizer{compare: s.compare, failed: s.failed})
	if strict && s.FoldError() != nil {
		return nil, s.FoldError()
	}
	return &tree{root: root, slots: p.slots, defined: s.defined, compare: s.compare}, nil
}

// tree is an Expression.
type tree struct {
	root node
	// slots is the number of variables; those of the scope are the first, defined many.
	slots, defined int
	compare        func(a, b any) int
}

func (t *tree) Evaluate(d bson.D, variables ...any) (any, error) {
	f := frame{root: d, compare: t.compare}
	if t.slots > 0 {
		f.slots = make([]any, t.slots)
		for i := copy(f.slots[:t.defined], variables); i < t.defined; i++ {
			f.slots[i] = bsonvalue.Missing
		}
	}
	return t.root.evaluate(&f)
}

func (t *tree) Constant() (any, bool) {
	c, ok := t.root.(constant)
	return c.value, ok
}
