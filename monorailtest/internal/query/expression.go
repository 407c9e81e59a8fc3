package query

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
)

// evaluated is $expr.
type evaluated struct{ expression expression.Expression }

func (ps *parser) parseExpression(v any) (node, error) {
	if err := ps.topLevelOnly("$expr"); err != nil {
		return nil, err
	}
	e, err := expression.Parse(v, ps.scope())
	return evaluated{e}, err
}

func (e evaluated) matches(d bson.D, _ *int) (bool, error) {
	v, err := e.expression.Evaluate(d)
	return bsonvalue.Truth(v), err
}

func hasExpression(n node) bool {
	switch x := n.(type) {
	case evaluated:
		return true
	case not:
		return hasExpression(x.node)
	case all:
		for _, part := range x {
			if hasExpression(part) {
				return true
			}
		}
	case some:
		return hasExpression(all(x))
	}
	return false
}
