package expression

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	register(
		&operator{name: "$size", least: 1, most: 1, evaluate: unary(size)},
		&operator{name: "$isArray", least: 1, most: 1, evaluate: unary(func(v any) (any, error) {
			_, ok := v.(bson.A)
			return ok, nil
		})},
	)
}

func size(v any) (any, error) {
	a, ok := v.(bson.A)
	if !ok {
		return nil, mongoerror.New(17124, "The argument to $size must be an array, but was of type: %s", bsonvalue.TypeName(v))
	}
	return int32(len(a)), nil
}
