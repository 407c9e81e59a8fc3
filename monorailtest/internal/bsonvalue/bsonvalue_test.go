package bsonvalue

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// ascending holds one value or more of every class, each less than the next.
var ascending = []any{
	primitive.MinKey{}, primitive.Undefined{}, nil,
	math.NaN(), math.Inf(-1), int64(math.MinInt64), -1.5, int32(-1), 0.0, mustDecimal("0.5"), int32(1),
	float64(1 << 53), int64(1<<53 + 1), int64(math.MaxInt64), 0x1p63, math.Inf(1),
	"", "B", "a", "a\x00b", primitive.Symbol("b"),
	bson.D{}, bson.D{{Key: "z", Value: int32(1)}}, bson.D{{Key: "a", Value: "x"}}, bson.D{{Key: "b", Value: "a"}},
	bson.A{}, bson.A{int32(1)}, bson.A{int32(1), int32(0)}, bson.A{int32(2)},
	primitive.Binary{Data: []byte{9}}, primitive.Binary{Subtype: 3, Data: []byte{1}}, primitive.Binary{Data: []byte{1, 1}},
	primitive.ObjectID{1}, primitive.ObjectID{2}, false, true,
	primitive.DateTime(-1), primitive.DateTime(1), primitive.Timestamp{T: 1, I: 9}, primitive.Timestamp{T: 2},
	primitive.Regex{Pattern: "a"}, primitive.Regex{Pattern: "a", Options: "i"},
	primitive.DBPointer{DB: "a"}, primitive.JavaScript("a"),
	primitive.CodeWithScope{Code: "a", Scope: bson.D{}}, primitive.MaxKey{},
}

func TestCompareOrdersEveryClass(t *testing.T) {
	for i, a := range ascending {
		for j, b := range ascending {
			got := Compare(a, b)
			if want := min(1, max(-1, i-j)); got != want {
				t.Errorf("Compare(%T %v, %T %v) = %d, want %d", a, a, b, b, got, want)
			}
			if same := bytes.Equal(AppendKey(nil, a), AppendKey(nil, b)); same != (i == j) {
				t.Errorf("keys of %T %v and %T %v are equal: %v", a, a, b, b, same)
			}
		}
	}
}

func TestEqualNumbersHaveOneKey(t *testing.T) {
	for _, group := range [][]any{
		{int32(7), int64(7), 7.0, mustDecimal("7"), mustDecimal("7.00")},
		{0.5, mustDecimal("0.5")}, {math.NaN(), mustDecimal("NaN")}, {0.0, math.Copysign(0, -1), int32(0)},
	} {
		for _, v := range group {
			if !Equal(group[0], v) || !bytes.Equal(AppendKey(nil, group[0]), AppendKey(nil, v)) {
				t.Errorf("%T %v and %T %v differ", group[0], group[0], v, v)
			}
		}
	}
	if Equal(0.1, mustDecimal("0.1")) {
		t.Error("the double 0.1 is not exactly a tenth")
	}
}

func TestArithmetic(t *testing.T) {
	for _, c := range []struct {
		op       func(a, b any) (any, bool)
		a, b     any
		want     any
		overflow bool
	}{
		{Add, int32(1), int32(2), int32(3), false},
		{Add, int32(math.MaxInt32), int32(1), int64(math.MaxInt32 + 1), false},
		{Add, int64(math.MaxInt64), int32(1), 0x1p63, true},
		{Add, int64(1), int32(1), int64(2), false},
		{Add, int32(1), 0.5, 1.5, false},
		{Add, int32(1), mustDecimal("0.50"), mustDecimal("1.50"), false},
		{Subtract, int32(math.MinInt32), int32(1), int64(math.MinInt32 - 1), false},
		{Subtract, int64(math.MinInt64), int64(1), -0x1p63, true},
		{Multiply, int32(1 << 20), int32(1 << 20), int64(1 << 40), false},
		{Multiply, int64(math.MinInt64), int64(-1), 0x1p63, true},
		{Multiply, mustDecimal("1.5"), mustDecimal("Infinity"), mustDecimal("Infinity"), false},
	} {
		got, overflow := c.op(c.a, c.b)
		if !Identical(got, c.want) || overflow != c.overflow {
			t.Errorf("%v, %v gave %T %v (overflow %v), want %T %v (%v)", c.a, c.b, got, got, overflow, c.want, c.want, c.overflow)
		}
	}
}

func TestDivideDecimals(t *testing.T) {
	for _, c := range []struct{ x, y, want string }{
		{"1", "4", "0.25"}, {"10", "5", "2"}, {"1", "3", "0.3333333333333333333333333333333333"},
		{"2", "3", "0.6666666666666666666666666666666667"}, {"-1", "Infinity", "-0E-6176"},
	} {
		if got := DivideDecimals(mustDecimal(c.x), mustDecimal(c.y)); got != mustDecimal(c.want) {
			t.Errorf("%s / %s = %s, want %s", c.x, c.y, got, c.want)
		}
	}
}

func TestEncodeDecodeRoundTrip(t *testing.T) {
	d := bson.D{{Key: "twice", Value: int32(1)}, {Key: "twice", Value: "\xff"}}
	for _, v := range ascending {
		d = append(d, bson.E{Key: "v", Value: v}, bson.E{Key: "nested", Value: bson.D{{Key: "a", Value: bson.A{v, v}}}})
	}
	raw := Encode(d)
	if err := raw.Validate(); err != nil {
		t.Fatal(err)
	}
	back, err := Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(Encode(back), raw) {
		t.Error("the document changed")
	}
}

func TestDecodeRefusesTooDeep(t *testing.T) {
	nest := func(n int) bson.Raw {
		d := bson.D{}
		for range n - 1 {
			d = bson.D{{Key: "a", Value: d}}
		}
		return Encode(d)
	}
	if _, err := Decode(nest(maxDepth)); err != nil {
		t.Errorf("%d levels: %v", maxDepth, err)
	}
	if _, err := Decode(nest(maxDepth + 1)); err == nil {
		t.Errorf("%d levels were accepted", maxDepth+1)
	}
}

// A document that holds another one twice, and that one another one twice, is cut off before it fills
// the memory; it is as long as no document may be.
func TestEncodeEnds(t *testing.T) {
	d := bson.D{{Key: "s", Value: strings.Repeat("x", 1<<20)}}
	for range 40 {
		d = bson.D{{Key: "a", Value: bson.A{d, d}}}
	}
	if n := len(Encode(d)); n <= MaxEncoded || n > MaxEncoded+2<<20 {
		t.Errorf("%d bytes", n)
	}
}

func FuzzDecode(f *testing.F) {
	for _, v := range ascending {
		f.Add([]byte(Encode(bson.D{{Key: "v", Value: v}, {Key: "w", Value: bson.A{v}}})))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Decode(data)
		if err != nil {
			return
		}
		again, err := Decode(Encode(d))
		if err != nil {
			t.Fatalf("what was decoded does not decode again: %v", err)
		}
		if Compare(d, again) != 0 || !bytes.Equal(AppendKey(nil, d), AppendKey(nil, again)) {
			t.Fatal("the document changed")
		}
	})
}
