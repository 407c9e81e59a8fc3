package bsonvalue

import (
	"bytes"
	"cmp"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/bsontype"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// Class is the place of a type in MongoDB's comparison order: values of different classes compare
// by class. The numbers are those of canonicalizeBSONType in the server.
type Class int

// The classes, in comparison order. Undefined and Missing share one.
const (
	ClassMinKey        Class = -1
	ClassMissing       Class = 0
	ClassNull          Class = 5
	ClassNumber        Class = 10
	ClassString        Class = 15
	ClassDocument      Class = 20
	ClassArray         Class = 25
	ClassBinary        Class = 30
	ClassObjectID      Class = 35
	ClassBoolean       Class = 40
	ClassDate          Class = 45
	ClassTimestamp     Class = 47
	ClassRegex         Class = 50
	ClassDBPointer     Class = 55
	ClassCode          Class = 60
	ClassCodeWithScope Class = 65
	ClassMaxKey        Class = 127
)

var classes = map[bsontype.Type]Class{
	0: ClassMissing, bson.TypeUndefined: ClassMissing, bson.TypeNull: ClassNull,
	bson.TypeDouble: ClassNumber, bson.TypeInt32: ClassNumber, bson.TypeInt64: ClassNumber,
	bson.TypeDecimal128: ClassNumber, bson.TypeString: ClassString, bson.TypeSymbol: ClassString,
	bson.TypeEmbeddedDocument: ClassDocument, bson.TypeArray: ClassArray, bson.TypeBinary: ClassBinary,
	bson.TypeObjectID: ClassObjectID, bson.TypeBoolean: ClassBoolean, bson.TypeDateTime: ClassDate,
	bson.TypeTimestamp: ClassTimestamp, bson.TypeRegex: ClassRegex, bson.TypeDBPointer: ClassDBPointer,
	bson.TypeJavaScript: ClassCode, bson.TypeCodeWithScope: ClassCodeWithScope,
	bson.TypeMinKey: ClassMinKey, bson.TypeMaxKey: ClassMaxKey,
}

// ClassOf returns the class of a value.
func ClassOf(v any) Class {
	switch v.(type) {
	case nil:
		return ClassNull
	case string:
		return ClassString
	case int32, int64, float64:
		return ClassNumber
	case primitive.ObjectID:
		return ClassObjectID
	}
	return classes[TypeOf(v)]
}

// Compare returns -1, 0 or 1 by MongoDB's order of BSON values: numbers by value whatever their
// type (NaN first and equal to itself), documents field by field by class, name and value.
func Compare(a, b any) int {
	ca, cb := ClassOf(a), ClassOf(b)
	if ca != cb {
		return cmp.Compare(ca, cb)
	}
	switch ca {
	case ClassNumber:
		return CompareNumbers(a, b)
	case ClassString:
		return strings.Compare(text(a), text(b))
	case ClassDocument:
		return compareDocuments(a.(bson.D), b.(bson.D))
	case ClassArray:
		return compareArrays(a.(bson.A), b.(bson.A))
	case ClassObjectID:
		x, y := a.(primitive.ObjectID), b.(primitive.ObjectID)
		return bytes.Compare(x[:], y[:])
	case ClassBoolean:
		return compareBooleans(a.(bool), b.(bool))
	case ClassDate:
		return cmp.Compare(a.(primitive.DateTime), b.(primitive.DateTime))
	case ClassTimestamp:
		return a.(primitive.Timestamp).Compare(b.(primitive.Timestamp))
	}
	return compareRare(ca, a, b)
}

// compareRare compares two values of the same class, one of those that Compare leaves to it.
func compareRare(c Class, a, b any) int {
	switch c {
	case ClassBinary:
		x, y := a.(primitive.Binary), b.(primitive.Binary)
		return cmp.Or(cmp.Compare(len(x.Data), len(y.Data)), cmp.Compare(x.Subtype, y.Subtype),
			bytes.Compare(x.Data, y.Data))
	case ClassRegex:
		x, y := a.(primitive.Regex), b.(primitive.Regex)
		return cmp.Or(strings.Compare(x.Pattern, y.Pattern), strings.Compare(x.Options, y.Options))
	case ClassDBPointer:
		x, y := a.(primitive.DBPointer), b.(primitive.DBPointer)
		return cmp.Or(cmp.Compare(len(x.DB), len(y.DB)), strings.Compare(x.DB, y.DB),
			bytes.Compare(x.Pointer[:], y.Pointer[:]))
	case ClassCode:
		return strings.Compare(string(a.(primitive.JavaScript)), string(b.(primitive.JavaScript)))
	case ClassCodeWithScope:
		x, y := a.(primitive.CodeWithScope), b.(primitive.CodeWithScope)
		if r := strings.Compare(string(x.Code), string(y.Code)); r != 0 {
			return r
		}
		xs, _ := x.Scope.(bson.D)
		ys, _ := y.Scope.(bson.D)
		return compareDocuments(xs, ys)
	}
	return 0
}

func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return string(v.(primitive.Symbol))
}

func compareBooleans(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func compareDocuments(a, b bson.D) int {
	for i := range min(len(a), len(b)) {
		r := cmp.Or(cmp.Compare(ClassOf(a[i].Value), ClassOf(b[i].Value)),
			strings.Compare(a[i].Key, b[i].Key))
		if r == 0 {
			r = Compare(a[i].Value, b[i].Value)
		}
		if r != 0 {
			return r
		}
	}
	return cmp.Compare(len(a), len(b))
}

func compareArrays(a, b bson.A) int {
	for i := range min(len(a), len(b)) {
		if r := Compare(a[i], b[i]); r != 0 {
			return r
		}
	}
	return cmp.Compare(len(a), len(b))
}

// Equal tells whether two values compare as equal.
func Equal(a, b any) bool { return Compare(a, b) == 0 }

// Identical tells whether two values have the same BSON form: equal, and of the same types.
func Identical(a, b any) bool {
	if TypeOf(a) != TypeOf(b) {
		return false
	}
	if IsMissing(a) {
		return true
	}
	return bytes.Equal(appendValue(nil, a), appendValue(nil, b))
}
