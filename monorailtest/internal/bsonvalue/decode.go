package bsonvalue

import (
	"encoding/binary"
	"math"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/bsontype"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// maxDepth is how deep documents may nest: BSONDepth::kDefaultMaxAllowableDepth of the server.
const maxDepth = 200

// Decode returns the fields of a document, in order, duplicate names included. The result shares
// no memory with raw. An invalid document gives InvalidBSON (22), one nested more than 200 levels
// deep Overflow (15).
func Decode(raw bson.Raw) (bson.D, error) {
	d := decoder{}
	out, rest, err := d.document(raw, 1)
	if err != nil {
		return nil, err
	}
	if len(rest) != 0 {
		return nil, errInvalid
	}
	return out, nil
}

// DecodeValue returns one value of a document that has been validated. The result shares no
// memory with v.
func DecodeValue(v bson.RawValue) (any, error) {
	d := decoder{}
	out, _, err := d.value(v.Type, v.Value, 1)
	return out, err
}

var errInvalid = mongoerror.New(mongoerror.InvalidBSON, "invalid BSON")

type decoder struct{}

// document decodes the document at the start of b and returns what follows it.
func (d *decoder) document(b []byte, depth int) (bson.D, []byte, error) {
	body, rest, err := frame(b, depth)
	if err != nil {
		return nil, nil, err
	}
	out := make(bson.D, 0, 4)
	for len(body) > 0 {
		t := bsontype.Type(body[0])
		key, after, ok := cstring(body[1:])
		if !ok {
			return nil, nil, errInvalid
		}
		var v any
		if v, body, err = d.value(t, after, depth); err != nil {
			return nil, nil, err
		}
		out = append(out, bson.E{Key: key, Value: v})
	}
	return out, rest, nil
}

func (d *decoder) array(b []byte, depth int) (bson.A, []byte, error) {
	body, rest, err := frame(b, depth)
	if err != nil {
		return nil, nil, err
	}
	out := make(bson.A, 0, 4)
	for len(body) > 0 {
		t := bsontype.Type(body[0])
		_, after, ok := cstring(body[1:])
		if !ok {
			return nil, nil, errInvalid
		}
		var v any
		if v, body, err = d.value(t, after, depth); err != nil {
			return nil, nil, err
		}
		out = append(out, v)
	}
	return out, rest, nil
}

// frame splits b into the elements of the document it starts with, without length and final
// zero, and what follows the document.
func frame(b []byte, depth int) (body, rest []byte, err error) {
	if depth > maxDepth {
		return nil, nil, mongoerror.New(mongoerror.Overflow, "BSONObj exceeded maximum nested object depth: %d", maxDepth)
	}
	if len(b) < 5 {
		return nil, nil, errInvalid
	}
	n := int(int32(binary.LittleEndian.Uint32(b)))
	if n < 5 || n > len(b) || b[n-1] != 0 {
		return nil, nil, errInvalid
	}
	return b[4 : n-1], b[n:], nil
}

func cstring(b []byte) (string, []byte, bool) {
	for i, c := range b {
		if c == 0 {
			return string(b[:i]), b[i+1:], true
		}
	}
	return "", nil, false
}

func lengthString(b []byte) (string, []byte, bool) {
	if len(b) < 5 {
		return "", nil, false
	}
	n := int(int32(binary.LittleEndian.Uint32(b)))
	if n < 1 || n > len(b)-4 || b[4+n-1] != 0 {
		return "", nil, false
	}
	return string(b[4 : 4+n-1]), b[4+n:], true
}

// fixedSize is the size of the types whose values all have the same; absent for others.
var fixedSize = map[bsontype.Type]int{
	bson.TypeDouble: 8, bson.TypeObjectID: 12, bson.TypeBoolean: 1, bson.TypeDateTime: 8,
	bson.TypeInt32: 4, bson.TypeTimestamp: 8, bson.TypeInt64: 8, bson.TypeDecimal128: 16,
}

// value decodes a value of type t at the start of b and returns what follows it.
func (d *decoder) value(t bsontype.Type, b []byte, depth int) (any, []byte, error) {
	switch t {
	case bson.TypeEmbeddedDocument:
		v, rest, err := d.document(b, depth+1)
		return v, rest, err
	case bson.TypeArray:
		v, rest, err := d.array(b, depth+1)
		return v, rest, err
	case bson.TypeNull:
		return nil, b, nil
	case bson.TypeUndefined:
		return primitive.Undefined{}, b, nil
	case bson.TypeMinKey:
		return primitive.MinKey{}, b, nil
	case bson.TypeMaxKey:
		return primitive.MaxKey{}, b, nil
	case bson.TypeBinary:
		return binaryValue(b)
	case bson.TypeRegex:
		pattern, rest, ok := cstring(b)
		if !ok {
			return nil, nil, errInvalid
		}
		options, rest, ok := cstring(rest)
		if !ok {
			return nil, nil, errInvalid
		}
		return primitive.Regex{Pattern: pattern, Options: options}, rest, nil
	case bson.TypeString, bson.TypeJavaScript, bson.TypeSymbol, bson.TypeDBPointer:
		return stringValue(t, b)
	case bson.TypeCodeWithScope:
		return d.codeWithScope(b, depth)
	}
	size, ok := fixedSize[t]
	if !ok || len(b) < size {
		return nil, nil, errInvalid
	}
	v, ok := fixedValue(t, b)
	if !ok {
		return nil, nil, errInvalid
	}
	return v, b[size:], nil
}

// fixedValue decodes a value of a type in fixedSize; b is long enough.
func fixedValue(t bsontype.Type, b []byte) (any, bool) {
	switch t {
	case bson.TypeDouble:
		return math.Float64frombits(binary.LittleEndian.Uint64(b)), true
	case bson.TypeObjectID:
		return primitive.ObjectID(b[:12]), true
	case bson.TypeBoolean:
		return b[0] != 0, b[0] <= 1
	case bson.TypeDateTime:
		return primitive.DateTime(binary.LittleEndian.Uint64(b)), true
	case bson.TypeInt32:
		return int32(binary.LittleEndian.Uint32(b)), true
	case bson.TypeTimestamp:
		return primitive.Timestamp{I: binary.LittleEndian.Uint32(b), T: binary.LittleEndian.Uint32(b[4:])}, true
	case bson.TypeInt64:
		return int64(binary.LittleEndian.Uint64(b)), true
	default:
		return primitive.NewDecimal128(binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b)), true
	}
}

func stringValue(t bsontype.Type, b []byte) (any, []byte, error) {
	s, rest, ok := lengthString(b)
	if !ok {
		return nil, nil, errInvalid
	}
	switch t {
	case bson.TypeJavaScript:
		return primitive.JavaScript(s), rest, nil
	case bson.TypeSymbol:
		return primitive.Symbol(s), rest, nil
	case bson.TypeDBPointer:
		if len(rest) < 12 {
			return nil, nil, errInvalid
		}
		return primitive.DBPointer{DB: s, Pointer: primitive.ObjectID(rest[:12])}, rest[12:], nil
	}
	return s, rest, nil
}

func binaryValue(b []byte) (any, []byte, error) {
	if len(b) < 5 {
		return nil, nil, errInvalid
	}
	n := int(int32(binary.LittleEndian.Uint32(b)))
	if n < 0 || n > len(b)-5 {
		return nil, nil, errInvalid
	}
	// Subtype 2 holds a second length inside; it stays part of the data, so that the value goes
	// out as it came in.
	data := make([]byte, n)
	copy(data, b[5:])
	return primitive.Binary{Subtype: b[4], Data: data}, b[5+n:], nil
}

func (d *decoder) codeWithScope(b []byte, depth int) (any, []byte, error) {
	if len(b) < 4 {
		return nil, nil, errInvalid
	}
	n := int(int32(binary.LittleEndian.Uint32(b)))
	if n < 14 || n > len(b) {
		return nil, nil, errInvalid
	}
	code, rest, ok := lengthString(b[4:n])
	if !ok {
		return nil, nil, errInvalid
	}
	scope, rest, err := d.document(rest, depth+1)
	if err != nil {
		return nil, nil, err
	}
	if len(rest) != 0 {
		return nil, nil, errInvalid
	}
	return primitive.CodeWithScope{Code: primitive.JavaScript(code), Scope: scope}, b[n:], nil
}
