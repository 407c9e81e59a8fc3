package expression

import (
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// operator is an operator that takes a list of operands.
type operator struct {
	// name is the name in errors: that of $substr is "$substrBytes".
	name string
	// least and most bound the number of operands; most is negative for no bound.
	least, most int
	// associative says that neighbouring constants, and operators of the same kind, may be taken
	// together; commutative that all constants may, behind the other operands.
	associative, commutative bool
	evaluate                 func(f *frame, operands []node) (any, error)
	// simplify goes on with an operator that is not constant; nil for no more to do.
	simplify func(o *optimizer, n *nary) node
}

// nary is an operator with its operands.
type nary struct {
	*operator
	operands []node
}

func (p *parser) nary(op *operator, argument any, names *variable) (node, error) {
	operands, err := p.arguments(argument, names)
	if err != nil {
		return nil, err
	}
	return &nary{op, operands}, op.checkCount(len(operands))
}

func (op *operator) checkCount(n int) error {
	switch {
	case n >= op.least && (op.most < 0 || n <= op.most):
		return nil
	case op.name == "$setEquals":
		return mongoerror.New(17045, "$setEquals needs at least two arguments had: %d", n)
	case op.least == op.most:
		return mongoerror.New(16020, "Expression %s takes exactly %d arguments. %d were passed in.", op.name, op.least, n)
	}
	return mongoerror.New(28667, "Expression %s takes at least %d arguments, and at most %d, but %d were passed in.",
		op.name, op.least, op.most, n)
}

func (n *nary) evaluate(f *frame) (any, error) { return n.operator.evaluate(f, n.operands) }

func (n *nary) optimize(o *optimizer) node {
	if optimizeList(o, n.operands) {
		return o.fold(n)
	}
	// A single operand may be an array that stands for a list.
	if n.associative && len(n.operands) > 1 {
		n.operands = n.regroup(o)
	}
	if n.simplify != nil {
		return n.simplify(o, n)
	}
	return n
}

// regroup takes operands of the same operator in place of it, and constants together. They are
// computed in the order that this gives, which shows in rounding and in which error comes first.
func (n *nary) regroup(o *optimizer) []node {
	var out, constants []node
	flush := func() {
		if len(constants) > 1 {
			constants = []node{o.fold(&nary{n.operator, constants})}
		}
		out = append(out, constants...)
		constants = nil
	}
	var place func(operands []node)
	place = func(operands []node) {
		for _, operand := range operands {
			if isConstant(operand) {
				constants = append(constants, operand)
				continue
			}
			if inner, ok := operand.(*nary); ok && inner.operator == n.operator && len(inner.operands) > 1 {
				place(inner.operands)
				continue
			}
			if !n.commutative {
				flush()
			}
			out = append(out, operand)
		}
	}
	place(n.operands)
	flush()
	return out
}

// unary makes an operator's function of one for the value of its single operand.
func unary(compute func(v any) (any, error)) func(*frame, []node) (any, error) {
	return func(f *frame, operands []node) (any, error) {
		v, err := operands[0].evaluate(f)
		if err != nil {
			return nil, err
		}
		return compute(v)
	}
}

// binary makes an operator's function of one for the values of its two operands.
func binary(compute func(a, b any) (any, error)) func(*frame, []node) (any, error) {
	return func(f *frame, operands []node) (any, error) {
		a, err := operands[0].evaluate(f)
		if err != nil {
			return nil, err
		}
		b, err := operands[1].evaluate(f)
		if err != nil {
			return nil, err
		}
		return compute(a, b)
	}
}

// ordered is binary for a function that compares.
func ordered(compute func(f *frame, a, b any) (any, error)) func(*frame, []node) (any, error) {
	return func(f *frame, operands []node) (any, error) {
		return binary(func(a, b any) (any, error) { return compute(f, a, b) })(f, operands)
	}
}

// list makes an operator's function of one for the values of all its operands.
func list(compute func(v []any) (any, error)) func(*frame, []node) (any, error) {
	return func(f *frame, operands []node) (any, error) {
		values := make([]any, len(operands))
		for i, n := range operands {
			var err error
			if values[i], err = n.evaluate(f); err != nil {
				return nil, err
			}
		}
		return compute(values)
	}
}

// nullish tells null, undefined and missing, which most operators answer with null.
func nullish(v any) bool {
	switch v.(type) {
	case nil, primitive.Null, primitive.Undefined:
		return true
	}
	return bsonvalue.IsMissing(v)
}
