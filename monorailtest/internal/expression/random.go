package expression

import (
	"math/rand/v2"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	parsers["$rand"] = parseRandom
}

// random is $rand: another number for each document.
type random struct{}

func parseRandom(_ *parser, _ string, argument any, _ *variable) (node, error) {
	switch x := argument.(type) {
	case bson.D:
		if len(x) == 0 {
			return random{}, nil
		}
	case bson.A:
		if len(x) == 0 {
			return random{}, nil
		}
		return nil, mongoerror.New(3040501, "$rand does not currently accept arguments")
	default:
		return nil, mongoerror.New(10065, "invalid parameter: expected an object ($rand)")
	}
	return nil, mongoerror.New(3040501, "$rand does not currently accept arguments")
}

func (random) evaluate(*frame) (any, error) { return rand.Float64(), nil }
func (r random) optimize(*optimizer) node   { return r }
