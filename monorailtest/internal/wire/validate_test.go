package wire

import (
	"testing"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// everything holds a value of each type.
func everything() bson.D {
	return bson.D{
		{Key: "double", Value: 1.5}, {Key: "string", Value: "x"}, {Key: "doc", Value: bson.D{{Key: "a", Value: 1}}},
		{Key: "array", Value: bson.A{1, "b", bson.D{}}}, {Key: "binary", Value: primitive.Binary{Data: []byte{1, 2}}},
		{Key: "undefined", Value: primitive.Undefined{}}, {Key: "oid", Value: primitive.ObjectID{1}},
		{Key: "bool", Value: true}, {Key: "date", Value: primitive.DateTime(1)}, {Key: "null", Value: nil},
		{Key: "regex", Value: primitive.Regex{Pattern: "a", Options: "i"}},
		{Key: "pointer", Value: primitive.DBPointer{DB: "a.b"}}, {Key: "code", Value: primitive.JavaScript("x")},
		{Key: "symbol", Value: primitive.Symbol("s")},
		{Key: "scope", Value: primitive.CodeWithScope{Code: "x", Scope: bson.D{{Key: "a", Value: 1}}}},
		{Key: "int", Value: int32(1)}, {Key: "timestamp", Value: primitive.Timestamp{T: 1}},
		{Key: "long", Value: int64(1)}, {Key: "decimal", Value: primitive.NewDecimal128(1, 2)},
		{Key: "min", Value: primitive.MinKey{}}, {Key: "max", Value: primitive.MaxKey{}},
	}
}

func TestValidateEveryType(t *testing.T) {
	if err := validateDocument(doc(t, everything()), MaxDepth); err != nil {
		t.Fatal(err)
	}
	for _, e := range everything() {
		whole := doc(t, bson.D{e})
		// A document that loses bytes before its end is never valid, whatever the type.
		for n := 1; n < len(whole)-len(e.Key)-7; n++ {
			cut := append(append([]byte(nil), whole[:len(whole)-1-n]...), 0)
			cut[0] = byte(len(cut))
			if err := validateDocument(cut, MaxDepth); err == nil {
				t.Errorf("%s without %d bytes passes", e.Key, n)
			}
		}
	}
}

func TestValidateDepth(t *testing.T) {
	nested := func(n int) []byte {
		d := bson.D{}
		for range n - 1 {
			d = bson.D{{Key: "a", Value: d}}
		}
		return doc(t, d)
	}
	if err := validateDocument(nested(MaxDepth), MaxDepth); err != nil {
		t.Errorf("depth %d: %v", MaxDepth, err)
	}
	if err := validateDocument(nested(MaxDepth+1), MaxDepth); err == nil {
		t.Errorf("depth %d passes", MaxDepth+1)
	}
}
