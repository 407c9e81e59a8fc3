package expression

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// parser parses one expression.
type parser struct {
	scope *Scope
	// slots is the number of variables so far: the slot of the next one.
	slots int
}

// define binds a name to a new slot.
func (p *parser) define(name string, names *variable) *variable {
	v := &variable{outer: names, name: name, slot: p.slots}
	p.slots++
	return v
}

// operand parses any expression. names are the variables that it may refer to.
func (p *parser) operand(v any, names *variable) (node, error) {
	switch x := v.(type) {
	case string:
		if hasDollar(x) {
			return p.path(x, names)
		}
	case bson.D:
		if len(x) > 0 && hasDollar(x[0].Key) {
			return p.operator(x, names)
		}
		return p.object(x, names)
	case bson.A:
		list, err := p.list(x, names)
		return array(list), err
	}
	return constant{v}, nil
}

func hasDollar(s string) bool { return s != "" && s[0] == '$' }

// list parses the operands in an array.
func (p *parser) list(a bson.A, names *variable) ([]node, error) {
	out := make([]node, len(a))
	for i, v := range a {
		var err error
		if out[i], err = p.operand(v, names); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// arguments parses the operands of an operator: those in an array, or a single one.
func (p *parser) arguments(argument any, names *variable) ([]node, error) {
	a, ok := argument.(bson.A)
	if !ok {
		a = bson.A{argument}
	}
	return p.list(a, names)
}

func (p *parser) operator(d bson.D, names *variable) (node, error) {
	if len(d) > 1 {
		return nil, mongoerror.New(15983, "An object representing an expression must have exactly one field: %s", bsonvalue.Format(d))
	}
	name, argument := d[0].Key, d[0].Value
	if op := operators[name]; op != nil {
		return p.nary(op, argument, names)
	}
	if parse := parsers[name]; parse != nil {
		return parse(p, name, argument, names)
	}
	return nil, mongoerror.New(mongoerror.InvalidPipelineOperator, "Unrecognized expression '%s'", name)
}

// parsers parse the argument of each operator that does not just take a list of operands.
var parsers = map[string]func(p *parser, name string, argument any, names *variable) (node, error){}

// fields parses the operands of an operator whose argument is a document: each goes to the place
// that places has for its name. unknown makes the error of a name that is not there.
func (p *parser) fields(d bson.D, names *variable, places map[string]*node, unknown func(name string) error) error {
	for _, e := range d {
		place, ok := places[e.Key]
		if !ok {
			return unknown(e.Key)
		}
		n, err := p.operand(e.Value, names)
		if err != nil {
			return err
		}
		*place = n
	}
	return nil
}
