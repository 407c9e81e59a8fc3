package query

import (
	"bytes"
	"math"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// bracket returns the least and the greatest value that compares with v: of the same class, since {$gt: 5} is about
// numbers only. Where a class has no greatest value, high is the least of the next class, and not one of them. It is
// false for what an index does not serve ranges of.
func bracket(v any) (low, high any, highOpen, ok bool) {
	switch bsonvalue.ClassOf(v) {
	case bsonvalue.ClassNumber:
		// NaN, the first of the numbers in an index, is neither greater nor less than any.
		return math.Inf(-1), math.Inf(1), false, !bsonvalue.IsNaN(v)
	case bsonvalue.ClassString:
		return "", bson.D{}, true, true
	case bsonvalue.ClassDocument:
		return bson.D{}, bson.A{}, true, true
	case bsonvalue.ClassBinary:
		return primitive.Binary{}, primitive.ObjectID{}, true, true
	case bsonvalue.ClassObjectID:
		var last primitive.ObjectID
		copy(last[:], bytes.Repeat([]byte{0xff}, len(last)))
		return primitive.ObjectID{}, last, false, true
	case bsonvalue.ClassBoolean:
		return false, true, false, true
	case bsonvalue.ClassDate:
		return primitive.DateTime(math.MinInt64), primitive.DateTime(math.MaxInt64), false, true
	case bsonvalue.ClassTimestamp:
		return primitive.Timestamp{}, primitive.Timestamp{T: math.MaxUint32, I: math.MaxUint32}, false, true
	}
	return nil, nil, false, false
}
