package expression

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// frame is what one evaluation works with.
type frame struct {
	root bson.D
	// slots are the values of the variables that are bound so far. Every variable of an expression
	// has a slot of its own, so that one of an inner operator never hides an outer one's value.
	slots   []any
	compare func(a, b any) int
}

// node is an operator with its operands, a path, or a constant. It is immutable once its tree has
// been optimized.
type node interface {
	evaluate(f *frame) (any, error)
	// optimize returns the node to take in place of this one: a constant where it can be computed.
	// It may change the node.
	optimize(o *optimizer) node
}

// optimizer computes what is constant.
type optimizer struct {
	compare func(a, b any) int
	// failed is where the first error goes.
	failed *error
}

// fold returns the constant that n is; n, whose operands are constant, stays where it has an error.
func (o *optimizer) fold(n node) node {
	v, err := n.evaluate(&frame{compare: o.compare})
	if err != nil {
		o.fail(err)
		return n
	}
	return constant{v}
}

func (o *optimizer) fail(err error) {
	if *o.failed == nil {
		*o.failed = err
	}
}

// each optimizes operands in place, nil standing for one that is not there, and tells whether all
// are constant.
func (o *optimizer) each(operands ...*node) bool {
	constants := true
	for _, n := range operands {
		if *n != nil {
			*n = (*n).optimize(o)
			constants = constants && isConstant(*n)
		}
	}
	return constants
}

// constant is a literal, or what has been computed ahead.
type constant struct{ value any }

func (c constant) evaluate(*frame) (any, error) { return c.value, nil }
func (c constant) optimize(*optimizer) node     { return c }

func isConstant(n node) bool {
	_, ok := n.(constant)
	return ok
}

// missingToNull is an operand whose value is null where it is missing.
type missingToNull struct{ operand node }

func (m missingToNull) evaluate(f *frame) (any, error) {
	v, err := m.operand.evaluate(f)
	return orNull(v), err
}

func (m missingToNull) optimize(o *optimizer) node {
	if o.each(&m.operand) {
		return o.fold(m)
	}
	return m
}

// orNull returns v, null for missing: arrays have no missing elements.
func orNull(v any) any {
	if bsonvalue.IsMissing(v) {
		return nil
	}
	return v
}
