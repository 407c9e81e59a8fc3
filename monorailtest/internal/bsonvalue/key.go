package bsonvalue

import (
	"encoding/binary"
	"math"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// AppendKey appends a form of v that is the same for two values exactly when they are Equal: the
// key of a hash table for $group, $addToSet or distinct.
func AppendKey(dst []byte, v any) []byte {
	class := ClassOf(v)
	dst = append(dst, byte(class))
	switch x := v.(type) {
	case bson.D:
		for _, e := range x {
			dst = append(append(append(dst, 1), e.Key...), 0)
			dst = AppendKey(dst, e.Value)
		}
		return append(dst, 0)
	case bson.A:
		for _, e := range x {
			dst = AppendKey(append(dst, 1), e)
		}
		return append(dst, 0)
	case primitive.Symbol:
		return appendString(dst, string(x))
	case primitive.CodeWithScope:
		scope, _ := x.Scope.(bson.D)
		return AppendKey(appendString(dst, string(x.Code)), scope)
	}
	switch class {
	case ClassNumber:
		return appendNumberKey(dst, v)
	case ClassMissing, ClassNull:
		return dst
	}
	return appendValue(dst, v)
}

// appendNumberKey writes an integer as such, another double by its bits, and a decimal that is
// neither as a fraction.
func appendNumberKey(dst []byte, v any) []byte {
	if n, exact := ToLong(v); exact {
		return binary.LittleEndian.AppendUint64(append(dst, 'i'), uint64(n))
	}
	if m := magnitudeOf(v); m != finite {
		return append(dst, 's', byte(m))
	}
	d, isDouble := v.(float64)
	if !isDouble {
		r := rational(v)
		var exact bool
		if d, exact = r.Float64(); !exact {
			return append(append(dst, 'r'), r.RatString()...)
		}
	}
	return binary.LittleEndian.AppendUint64(append(dst, 'd'), math.Float64bits(d))
}
