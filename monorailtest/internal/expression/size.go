package expression

import (
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	register(
		&operator{name: "$binarySize", least: 1, most: 1, evaluate: unary(binarySize)},
		&operator{name: "$bsonSize", least: 1, most: 1, evaluate: unary(bsonSize)},
	)
}

func binarySize(v any) (any, error) {
	switch x := v.(type) {
	case string:
		return int32(len(x)), nil
	case primitive.Binary:
		return int32(len(x.Data)), nil
	}
	if nullish(v) {
		return nil, nil
	}
	return nil, mongoerror.New(51276, "$binarySize requires a string or BinData argument, found: %s", bsonvalue.TypeName(v))
}

func bsonSize(v any) (any, error) {
	if nullish(v) {
		return nil, nil
	}
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(31393, "$bsonSize requires a document input, found: %s", bsonvalue.TypeName(v))
	}
	const largest = 16<<20 + 16<<10
	n := len(bsonvalue.Encode(d))
	if err := checkLength(n); err != nil {
		return nil, err
	}
	if n > largest {
		return nil, mongoerror.New(mongoerror.BSONObjectTooLarge, "BSONObj size: %d (0x%X) is invalid. Size must be between 0 and %d(16MB)", n, n, largest)
	}
	return int32(n), nil
}
