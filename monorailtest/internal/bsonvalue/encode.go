package bsonvalue

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/bsontype"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// MaxEncoded is the size beyond which the rest of a document or array is left out: 64 MB, four times
// what a document may have. A value that holds another one many times, as an expression makes it,
// would otherwise fill the memory before anybody could refuse its size.
const MaxEncoded = 64 << 20

// Encode returns the BSON form of a document. The result belongs to the caller; one that is longer than
// MaxEncoded is not valid.
func Encode(d bson.D) bson.Raw {
	return AppendDocument(make([]byte, 0, 64), d)
}

// AppendDocument appends the BSON form of d to dst.
func AppendDocument(dst []byte, d bson.D) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	for i := range d {
		if dst = appendElement(dst, d[i].Key, d[i].Value); len(dst)-start > MaxEncoded {
			break
		}
	}
	return finish(dst, start)
}

// AppendArray appends the BSON form of a to dst.
func AppendArray(dst []byte, a bson.A) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	var buffer [20]byte
	for i, v := range a {
		dst = append(dst, byte(TypeOf(v)))
		dst = append(dst, strconv.AppendInt(buffer[:0], int64(i), 10)...)
		dst = append(dst, 0)
		if dst = appendValue(dst, v); len(dst)-start > MaxEncoded {
			break
		}
	}
	return finish(dst, start)
}

// finish ends the document that began at start and sets its length.
func finish(dst []byte, start int) []byte {
	dst = append(dst, 0)
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start))
	return dst
}

func appendElement(dst []byte, key string, v any) []byte {
	dst = append(dst, byte(TypeOf(v)))
	dst = append(dst, key...)
	dst = append(dst, 0)
	return appendValue(dst, v)
}

func appendString(dst []byte, s string) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(s)+1))
	dst = append(dst, s...)
	return append(dst, 0)
}

// appendValue appends the BSON form of a value without type and name. It panics for a type that
// is no BSON value: a programming error.
func appendValue(dst []byte, v any) []byte {
	le := binary.LittleEndian
	switch x := v.(type) {
	case nil, primitive.Null, primitive.Undefined, primitive.MinKey, primitive.MaxKey:
		return dst
	case int32:
		return le.AppendUint32(dst, uint32(x))
	case int64:
		return le.AppendUint64(dst, uint64(x))
	case float64:
		return le.AppendUint64(dst, math.Float64bits(x))
	case string:
		return appendString(dst, x)
	case bool:
		if x {
			return append(dst, 1)
		}
		return append(dst, 0)
	case bson.D:
		return AppendDocument(dst, x)
	case bson.A:
		return AppendArray(dst, x)
	case bson.Raw:
		return append(dst, x...)
	case primitive.ObjectID:
		return append(dst, x[:]...)
	case primitive.DateTime:
		return le.AppendUint64(dst, uint64(x))
	case primitive.Timestamp:
		return le.AppendUint32(le.AppendUint32(dst, x.I), x.T)
	case primitive.Decimal128:
		high, low := x.GetBytes()
		return le.AppendUint64(le.AppendUint64(dst, low), high)
	}
	return appendRareValue(dst, v)
}

func appendRareValue(dst []byte, v any) []byte {
	switch x := v.(type) {
	case primitive.Binary:
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(x.Data)))
		return append(append(dst, x.Subtype), x.Data...)
	case primitive.Regex:
		dst = append(append(dst, x.Pattern...), 0)
		return append(append(dst, x.Options...), 0)
	case primitive.JavaScript:
		return appendString(dst, string(x))
	case primitive.Symbol:
		return appendString(dst, string(x))
	case primitive.DBPointer:
		return append(appendString(dst, x.DB), x.Pointer[:]...)
	case primitive.CodeWithScope:
		start := len(dst)
		dst = appendString(append(dst, 0, 0, 0, 0), string(x.Code))
		scope, _ := x.Scope.(bson.D)
		dst = AppendDocument(dst, scope)
		binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start))
		return dst
	}
	panic(fmt.Sprintf("bsonvalue: %T is not a BSON value", v))
}

// TypeOf returns the BSON type of a value. Missing has type 0. It panics for a type that is no
// BSON value: a programming error.
func TypeOf(v any) bsontype.Type {
	switch v.(type) {
	case nil, primitive.Null:
		return bson.TypeNull
	case int32:
		return bson.TypeInt32
	case int64:
		return bson.TypeInt64
	case float64:
		return bson.TypeDouble
	case string:
		return bson.TypeString
	case bool:
		return bson.TypeBoolean
	case bson.D, bson.Raw:
		return bson.TypeEmbeddedDocument
	case bson.A:
		return bson.TypeArray
	case primitive.ObjectID:
		return bson.TypeObjectID
	case primitive.DateTime:
		return bson.TypeDateTime
	case primitive.Timestamp:
		return bson.TypeTimestamp
	case primitive.Decimal128:
		return bson.TypeDecimal128
	}
	return rareTypeOf(v)
}

func rareTypeOf(v any) bsontype.Type {
	switch v.(type) {
	case primitive.Binary:
		return bson.TypeBinary
	case primitive.Regex:
		return bson.TypeRegex
	case primitive.JavaScript:
		return bson.TypeJavaScript
	case primitive.Symbol:
		return bson.TypeSymbol
	case primitive.CodeWithScope:
		return bson.TypeCodeWithScope
	case primitive.DBPointer:
		return bson.TypeDBPointer
	case primitive.Undefined:
		return bson.TypeUndefined
	case primitive.MinKey:
		return bson.TypeMinKey
	case primitive.MaxKey:
		return bson.TypeMaxKey
	}
	if IsMissing(v) {
		return 0
	}
	panic(fmt.Sprintf("bsonvalue: %T is not a BSON value", v))
}

// TypeName returns the alias that $type knows the type of v by, and "missing" for Missing.
func TypeName(v any) string {
	if IsMissing(v) {
		return "missing"
	}
	return Alias(TypeOf(v))
}
