package expression

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	parsers["$zip"] = parseZip
}

// zip is $zip. It is never computed ahead, its operands are.
type zip struct {
	inputs, defaults []node
	longest          bool
}

func parseZip(p *parser, _ string, argument any, names *variable) (node, error) {
	d, ok := argument.(bson.D)
	if !ok {
		return nil, mongoerror.New(34460, "$zip only supports an object as an argument, found %s", bsonvalue.TypeName(argument))
	}
	z := &zip{}
	for _, e := range d {
		a, isArray := e.Value.(bson.A)
		var err error
		switch e.Key {
		case "inputs":
			if !isArray {
				return nil, mongoerror.New(34461, "inputs must be an array of expressions, found %s", bsonvalue.TypeName(e.Value))
			}
			z.inputs, err = p.list(a, names)
		case "defaults":
			if !isArray {
				return nil, mongoerror.New(34462, "defaults must be an array of expressions, found %s", bsonvalue.TypeName(e.Value))
			}
			z.defaults, err = p.list(a, names)
		case "useLongestLength":
			if z.longest, ok = e.Value.(bool); !ok {
				return nil, mongoerror.New(34463, "useLongestLength must be a bool, found %s", bsonvalue.TypeName(argument))
			}
		default:
			err = mongoerror.New(34464, "$zip found an unknown argument: %s", e.Key)
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case len(z.inputs) == 0:
		return nil, mongoerror.New(34465, "$zip requires at least one input array")
	case len(z.defaults) > 0 && !z.longest:
		return nil, mongoerror.New(34466, "cannot specify defaults unless useLongestLength is true")
	case len(z.defaults) > 0 && len(z.defaults) != len(z.inputs):
		return nil, mongoerror.New(34467, "defaults and inputs must have the same length")
	}
	return z, nil
}

func (z *zip) evaluate(f *frame) (any, error) {
	columns := make([]bson.A, len(z.inputs))
	least, most := 0, 0
	for i, n := range z.inputs {
		v, err := n.evaluate(f)
		if err != nil || nullish(v) {
			return nil, err
		}
		var ok bool
		if columns[i], ok = v.(bson.A); !ok {
			return nil, mongoerror.New(34468, "$zip found a non-array expression in input: %s", bsonvalue.Format(v))
		}
		most = max(most, len(columns[i]))
		if i == 0 || len(columns[i]) < least {
			least = len(columns[i])
		}
	}
	defaults := make(bson.A, len(z.inputs))
	if least != most {
		for i, n := range z.defaults {
			v, err := n.evaluate(f)
			if err != nil {
				return nil, err
			}
			defaults[i] = orNull(v)
		}
	}
	rows := least
	if z.longest {
		rows = most
	}
	out := make(bson.A, rows)
	for i := range out {
		row := make(bson.A, len(columns))
		for j, column := range columns {
			if row[j] = defaults[j]; i < len(column) {
				row[j] = column[i]
			}
		}
		out[i] = row
	}
	return out, nil
}

func (z *zip) optimize(o *optimizer) node {
	optimizeList(o, z.inputs)
	optimizeList(o, z.defaults)
	return z
}
