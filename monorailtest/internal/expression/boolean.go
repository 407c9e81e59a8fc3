package expression

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	register(
		logical("$and", false), logical("$or", true),
		&operator{name: "$not", least: 1, most: 1, evaluate: unary(func(v any) (any, error) {
			return !bsonvalue.Truth(v), nil
		})},
		elements("$allElementsTrue", 17040, false), elements("$anyElementTrue", 17041, true),
	)
}

// logical is $and or $or: decisive is the value of an operand that decides alone.
func logical(name string, decisive bool) *operator {
	return &operator{
		name: name, most: -1, associative: true, commutative: true,
		evaluate: func(f *frame, operands []node) (any, error) {
			for _, n := range operands {
				v, err := n.evaluate(f)
				if err != nil {
					return nil, err
				}
				if bsonvalue.Truth(v) == decisive {
					return decisive, nil
				}
			}
			return !decisive, nil
		},
		// Constants are the last operand: one that decides spares the others, with their errors.
		simplify: func(_ *optimizer, n *nary) node {
			last := len(n.operands) - 1
			c, ok := n.operands[last].(constant)
			switch {
			case !ok:
				return n
			case bsonvalue.Truth(c.value) == decisive:
				return constant{decisive}
			}
			n.operands = n.operands[:last]
			return n
		},
	}
}

// elements is $allElementsTrue or $anyElementTrue.
func elements(name string, code int32, decisive bool) *operator {
	return &operator{name: name, least: 1, most: 1, evaluate: unary(func(v any) (any, error) {
		a, ok := v.(bson.A)
		if !ok {
			return nil, mongoerror.New(code, "%s's argument must be an array, but is %s", name, bsonvalue.TypeName(v))
		}
		for _, item := range a {
			if bsonvalue.Truth(item) == decisive {
				return decisive, nil
			}
		}
		return !decisive, nil
	})}
}
