package expression

import "github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"

func init() {
	register(
		&operator{name: "$type", least: 1, most: 1, evaluate: unary(func(v any) (any, error) {
			return bsonvalue.TypeName(v), nil
		})},
		&operator{name: "$isNumber", least: 1, most: 1, evaluate: unary(func(v any) (any, error) {
			return bsonvalue.IsNumber(v), nil
		})},
	)
}
