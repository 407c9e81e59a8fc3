package expression

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	parsers["$cond"] = parseCond
	parsers["$switch"] = parseSwitch
	register(&operator{name: "$ifNull", least: 2, most: 2, evaluate: func(f *frame, operands []node) (any, error) {
		v, err := operands[0].evaluate(f)
		if err != nil || !nullish(v) {
			return v, err
		}
		return operands[1].evaluate(f)
	}})
}

// conditional is $cond in both of its forms.
var conditional = &operator{name: "$cond", least: 3, most: 3, evaluate: func(f *frame, operands []node) (any, error) {
	v, err := operands[0].evaluate(f)
	if err != nil {
		return nil, err
	}
	if bsonvalue.Truth(v) {
		return operands[1].evaluate(f)
	}
	return operands[2].evaluate(f)
}}

func parseCond(p *parser, _ string, argument any, names *variable) (node, error) {
	d, ok := argument.(bson.D)
	if !ok {
		return p.nary(conditional, argument, names)
	}
	operands := make([]node, 3)
	places := map[string]*node{"if": &operands[0], "then": &operands[1], "else": &operands[2]}
	if err := p.fields(d, names, places, func(name string) error {
		return mongoerror.New(17083, "Unrecognized parameter to $cond: %s", name)
	}); err != nil {
		return nil, err
	}
	for i, name := range []string{"if", "then", "else"} {
		if operands[i] == nil {
			return nil, mongoerror.New(17080+int32(i), "Missing '%s' parameter to $cond", name)
		}
	}
	return &nary{conditional, operands}, nil
}

// choice is $switch. It is never computed ahead, its operands are.
type choice struct {
	cases, values []node
	// otherwise is nil where there is no default.
	otherwise node
}

func parseSwitch(p *parser, _ string, argument any, names *variable) (node, error) {
	d, ok := argument.(bson.D)
	if !ok {
		return nil, mongoerror.New(40060, "$switch requires an object as an argument, found: %s", bsonvalue.TypeName(argument))
	}
	s := &choice{}
	for _, e := range d {
		switch e.Key {
		case "branches":
			branches, ok := e.Value.(bson.A)
			if !ok {
				return nil, mongoerror.New(40061, "$switch expected an array for 'branches', found: %s", bsonvalue.TypeName(e.Value))
			}
			for _, b := range branches {
				if err := s.addBranch(p, b, names); err != nil {
					return nil, err
				}
			}
		case "default":
			var err error
			if s.otherwise, err = p.operand(e.Value, names); err != nil {
				return nil, err
			}
		default:
			return nil, mongoerror.New(40067, "$switch found an unknown argument: %s", e.Key)
		}
	}
	if len(s.cases) == 0 {
		return nil, mongoerror.New(40068, "$switch requires at least one branch.")
	}
	return s, nil
}

func (s *choice) addBranch(p *parser, v any, names *variable) error {
	d, ok := v.(bson.D)
	if !ok {
		return mongoerror.New(40062, "$switch expected each branch to be an object, found: %s", bsonvalue.TypeName(v))
	}
	var test, value node
	if err := p.fields(d, names, map[string]*node{"case": &test, "then": &value}, func(name string) error {
		return mongoerror.New(40063, "$switch found an unknown argument to a branch: %s", name)
	}); err != nil {
		return err
	}
	switch {
	case test == nil:
		return mongoerror.New(40064, "$switch requires each branch have a 'case' expression")
	case value == nil:
		return mongoerror.New(40065, "$switch requires each branch have a 'then' expression.")
	}
	s.cases, s.values = append(s.cases, test), append(s.values, value)
	return nil
}

func (s *choice) evaluate(f *frame) (any, error) {
	for i, test := range s.cases {
		v, err := test.evaluate(f)
		if err != nil {
			return nil, err
		}
		if bsonvalue.Truth(v) {
			return s.values[i].evaluate(f)
		}
	}
	if s.otherwise == nil {
		return nil, mongoerror.New(40066, "$switch could not find a matching branch for an input, and no default was specified.")
	}
	return s.otherwise.evaluate(f)
}

func (s *choice) optimize(o *optimizer) node {
	o.each(&s.otherwise)
	optimizeList(o, s.cases)
	optimizeList(o, s.values)
	return s
}
