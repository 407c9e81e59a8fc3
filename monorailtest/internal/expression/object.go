package expression

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// object is {a: <expression>, ...}: missing values are left out.
type object struct {
	names  []string
	values []node
}

func (p *parser) object(d bson.D, names *variable) (node, error) {
	o := &object{names: make([]string, len(d)), values: make([]node, len(d))}
	for i, e := range d {
		if err := checkField(e.Key); err != nil {
			return nil, err
		}
		for _, before := range o.names[:i] {
			if before == e.Key {
				return nil, mongoerror.New(16406, "duplicate field name specified in object literal: %s", bsonvalue.Format(d))
			}
		}
		var err error
		if o.values[i], err = p.operand(e.Value, names); err != nil {
			return nil, err
		}
		o.names[i] = e.Key
	}
	return o, nil
}

func (o *object) evaluate(f *frame) (any, error) {
	out := make(bson.D, 0, len(o.names))
	for i, n := range o.values {
		v, err := n.evaluate(f)
		if err != nil {
			return nil, err
		}
		if !bsonvalue.IsMissing(v) {
			out = append(out, bson.E{Key: o.names[i], Value: v})
		}
	}
	return out, nil
}

func (o *object) optimize(opt *optimizer) node {
	if optimizeList(opt, o.values) {
		return opt.fold(o)
	}
	return o
}

// array is [<expression>, ...]: missing values become null.
type array []node

func (a array) evaluate(f *frame) (any, error) {
	out := make(bson.A, len(a))
	for i, n := range a {
		v, err := n.evaluate(f)
		if err != nil {
			return nil, err
		}
		out[i] = orNull(v)
	}
	return out, nil
}

func (a array) optimize(o *optimizer) node {
	if optimizeList(o, a) {
		return o.fold(a)
	}
	return a
}

// optimizeList optimizes operands in place and tells whether all are constant.
func optimizeList(o *optimizer, operands []node) bool {
	constants := true
	for i := range operands {
		operands[i] = operands[i].optimize(o)
		constants = constants && isConstant(operands[i])
	}
	return constants
}
