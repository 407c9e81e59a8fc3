package expression

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	parsers["$let"] = parseLet
}

// let is $let.
type let struct {
	slots  []int
	values []node
	in     node
}

func parseLet(p *parser, _ string, argument any, names *variable) (node, error) {
	d, ok := argument.(bson.D)
	if !ok {
		return nil, mongoerror.New(16874, "$let only supports an object as its argument")
	}
	var vars, in any = bsonvalue.Missing, bsonvalue.Missing
	for _, e := range d {
		switch e.Key {
		case "vars":
			vars = e.Value
		case "in":
			in = e.Value
		default:
			return nil, mongoerror.New(16875, "Unrecognized parameter to $let: %s", e.Key)
		}
	}
	switch {
	case bsonvalue.IsMissing(vars):
		return nil, mongoerror.New(16876, "Missing 'vars' parameter to $let")
	case bsonvalue.IsMissing(in):
		return nil, mongoerror.New(16877, "Missing 'in' parameter to $let")
	}
	definitions, ok := vars.(bson.D)
	if !ok {
		return nil, mongoerror.New(10065, "invalid parameter: expected an object (vars)")
	}
	l := &let{}
	inner := names
	for _, e := range definitions {
		n, err := p.operand(e.Value, names)
		if err != nil {
			return nil, err
		}
		l.values = append(l.values, n)
	}
	for _, e := range definitions {
		if err := CheckVariable(e.Key); err != nil {
			return nil, err
		}
		inner = p.define(e.Key, inner)
		l.slots = append(l.slots, inner.slot)
	}
	var err error
	l.in, err = p.operand(in, inner)
	return l, err
}

func (l *let) evaluate(f *frame) (any, error) {
	for i, n := range l.values {
		v, err := n.evaluate(f)
		if err != nil {
			return nil, err
		}
		f.slots[l.slots[i]] = v
	}
	return l.in.evaluate(f)
}

func (l *let) optimize(o *optimizer) node {
	optimizeList(o, l.values)
	o.each(&l.in)
	if len(l.values) == 0 {
		return l.in
	}
	return l
}
