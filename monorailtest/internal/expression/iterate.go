package expression

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	parsers["$map"] = parseMap
	parsers["$filter"] = parseFilter
	parsers["$reduce"] = parseReduce
}

// iteration is $map or $filter. It is never computed ahead, its operands are.
type iteration struct {
	input node
	// slot is that of the variable that holds the element.
	slot int
	// each is the expression for an element: its new value, or whether it stays.
	each   node
	filter bool
}

func parseMap(p *parser, _ string, argument any, names *variable) (node, error) {
	d, ok := argument.(bson.D)
	if !ok {
		return nil, mongoerror.New(16878, "$map only supports an object as its argument")
	}
	return p.iteration(d, names, "$map", "in", [3]int32{16879, 16880, 16882})
}

func parseFilter(p *parser, _ string, argument any, names *variable) (node, error) {
	d, ok := argument.(bson.D)
	if !ok {
		return nil, mongoerror.New(28646, "$filter only supports an object as its argument")
	}
	return p.iteration(d, names, "$filter", "cond", [3]int32{28647, 28648, 28650})
}

// iteration parses {input, as, each}. codes are those of an unknown parameter, of input missing,
// and of each missing.
func (p *parser) iteration(d bson.D, names *variable, name, each string, codes [3]int32) (node, error) {
	var input, as, body any = bsonvalue.Missing, "this", bsonvalue.Missing
	for _, e := range d {
		switch e.Key {
		case "input":
			input = e.Value
		case "as":
			as = e.Value
		case each:
			body = e.Value
		default:
			return nil, mongoerror.New(codes[0], "Unrecognized parameter to %s: %s", name, e.Key)
		}
	}
	switch {
	case bsonvalue.IsMissing(input):
		return nil, mongoerror.New(codes[1], "Missing 'input' parameter to %s", name)
	case bsonvalue.IsMissing(body):
		return nil, mongoerror.New(codes[2], "Missing '%s' parameter to %s", each, name)
	}
	it := &iteration{filter: name == "$filter"}
	var err error
	if it.input, err = p.operand(input, names); err != nil {
		return nil, err
	}
	// What is no string is the empty name.
	variable, _ := as.(string)
	if err := CheckVariable(variable); err != nil {
		return nil, err
	}
	inner := p.define(variable, names)
	it.slot = inner.slot
	it.each, err = p.operand(body, inner)
	return it, err
}

func (it *iteration) evaluate(f *frame) (any, error) {
	v, err := it.input.evaluate(f)
	if err != nil || nullish(v) {
		return nil, err
	}
	a, ok := v.(bson.A)
	if !ok {
		if it.filter {
			return nil, mongoerror.New(28651, "input to $filter must be an array not %s", bsonvalue.TypeName(v))
		}
		return nil, mongoerror.New(16883, "input to $map must be an array not %s", bsonvalue.TypeName(v))
	}
	out := make(bson.A, 0, len(a))
	for _, item := range a {
		f.slots[it.slot] = item
		v, err := it.each.evaluate(f)
		switch {
		case err != nil:
			return nil, err
		case !it.filter:
			out = append(out, orNull(v))
		case bsonvalue.Truth(v):
			out = append(out, item)
		}
	}
	return out, nil
}

func (it *iteration) optimize(o *optimizer) node {
	o.each(&it.input, &it.each)
	return it
}

// reduction is $reduce. It is never computed ahead, its operands are.
type reduction struct {
	input, initial, in  node
	thisSlot, valueSlot int
}

func parseReduce(p *parser, _ string, argument any, names *variable) (node, error) {
	d, ok := argument.(bson.D)
	if !ok {
		return nil, mongoerror.New(40075, "$reduce requires an object as an argument, found: %s", bsonvalue.TypeName(argument))
	}
	this := p.define("this", names)
	value := p.define("value", this)
	r := &reduction{thisSlot: this.slot, valueSlot: value.slot}
	for _, e := range d {
		var err error
		switch e.Key {
		case "input":
			r.input, err = p.operand(e.Value, names)
		case "initialValue":
			r.initial, err = p.operand(e.Value, names)
		case "in":
			r.in, err = p.operand(e.Value, value)
		default:
			err = mongoerror.New(40076, "$reduce found an unknown argument: %s", e.Key)
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case r.input == nil:
		return nil, mongoerror.New(40077, "$reduce requires 'input' to be specified")
	case r.initial == nil:
		return nil, mongoerror.New(40078, "$reduce requires 'initialValue' to be specified")
	case r.in == nil:
		return nil, mongoerror.New(40079, "$reduce requires 'in' to be specified")
	}
	return r, nil
}

func (r *reduction) evaluate(f *frame) (any, error) {
	v, err := r.input.evaluate(f)
	if err != nil || nullish(v) {
		return nil, err
	}
	a, ok := v.(bson.A)
	if !ok {
		return nil, mongoerror.New(40080, "$reduce requires that 'input' be an array, found: %s", bsonvalue.Format(v))
	}
	value, err := r.initial.evaluate(f)
	if err != nil {
		return nil, err
	}
	for _, item := range a {
		f.slots[r.thisSlot], f.slots[r.valueSlot] = item, value
		if value, err = r.in.evaluate(f); err != nil {
			return nil, err
		}
	}
	return value, nil
}

func (r *reduction) optimize(o *optimizer) node {
	o.each(&r.input, &r.initial, &r.in)
	return r
}
