package lane

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// usualValues are values of every type that is encoded without the BSON encoder.
func usualValues(t testing.TB) []any {
	decimal, err := bson.ParseDecimal128("-1234.5678")
	if err != nil {
		t.Fatal(err)
	}
	document := bson.D{{Key: "", Value: 1}, {Key: "$ünïcode", Value: "x"}}
	long := make([]any, 120) // indexes of up to three digits
	return []any{
		nil, bson.Null{}, "", "text", "zero\x00byte", "ünïcode \xff", true, false,
		0, -1, math.MaxInt32, math.MaxInt32 + 1, math.MinInt32, math.MinInt32 - 1, math.MaxInt64, math.MinInt64,
		int8(-8), int16(-16), int32(-32), int64(-64), int64(math.MaxInt64), uint8(255), uint16(65535),
		uint32(math.MaxUint32), uint(7), uint64(8), uint64(math.MaxInt64),
		1.5, math.Copysign(0, -1), math.Inf(1), math.NaN(), math.SmallestNonzeroFloat64, float32(0.1), float32(math.Inf(-1)),
		bson.NewObjectID(), bson.ObjectID{}, bson.DateTime(-1), bson.Timestamp{T: 1, I: math.MaxUint32}, decimal,
		time.Time{}, time.Now(), time.Unix(-1, 999_999), time.Date(20000, 1, 1, 0, 0, 0, 1, time.FixedZone("far", 3600)),
		bson.Binary{}, bson.Binary{Subtype: 2, Data: []byte("old")}, bson.Binary{Subtype: 0x80, Data: []byte{1}},
		[]byte(nil), []byte{}, []byte("bytes"), bson.Regex{}, bson.Regex{Pattern: "^a", Options: "imx"}, bson.Regex{Options: "ii"},
		bson.JavaScript("f()"), bson.Symbol("s"), bson.MinKey{}, bson.MaxKey{}, bson.Undefined{},
		raw(t, document), append(raw(t, document), "behind"...), raw(t, bson.D{}), raw(t, bson.D{{Key: "r", Value: bson.Regex{Options: "mi"}}}),
		document, bson.D(nil), bson.D{}, bson.M{"a": document}, bson.M(nil), bson.M{}, map[string]any{"b": 1}, map[string]any(nil),
		bson.A{1, "two", nil, document, bson.A{}}, bson.A(nil), bson.A{}, []any{document}, []any(nil), long,
		[]string{"a", ""}, []string(nil), []string{}, []bson.D{document, nil, {}}, []bson.D(nil), []bson.M{{"a": 1}, nil, {}}, []bson.M(nil),
	}
}

// encodeDirect encodes a document without the BSON encoder, and tells false where that is not done.
func encodeDirect(t testing.TB, document any, as shape) ([]byte, bool) {
	t.Helper()
	e := NewEncoder()
	e.Configure(nil, nil)
	e.buffer = append(e.buffer, "before"...)
	ok := e.appendDirect(document, as)
	encoded, found := bytes.CutPrefix(e.buffer, []byte("before"))
	if !found || !ok && len(encoded) > 0 {
		t.Fatalf("%v: the buffer is %q, done %v", document, e.buffer, ok)
	}
	return encoded, ok
}

// checkDirect compares a document's encoding with that of bson.Marshal, and returns whether it was
// encoded without the BSON encoder.
func checkDirect(t testing.TB, document any) bool {
	t.Helper()
	got, ok := encodeDirect(t, document, wholeDocument)
	if !ok {
		return false
	}
	want, err := bson.Marshal(document)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%#v\nbson: % x, error %v\nlane: % x", document, want, err, got)
	}
	if _, ok := documentSize(got); !ok {
		t.Fatalf("%#v: malformed: % x", document, got)
	}
	return true
}

// TestDirect compares every usual value, in every place, with bson.Marshal.
func TestDirect(t *testing.T) {
	for _, value := range usualValues(t) {
		for _, document := range []any{
			bson.D{{Key: "k", Value: value}, {Key: "end", Value: int32(1)}},
			bson.M{"k": value},
			map[string]any{"k": value},
			bson.D{{Key: "a", Value: bson.A{value, value}}},
			bson.D{{Key: "d", Value: bson.D{{Key: "k", Value: value}}}, {Key: "m", Value: bson.M{"k": value}}},
		} {
			if !checkDirect(t, document) {
				t.Errorf("%T %v is left to the BSON encoder", value, value)
			}
		}
	}
	for _, empty := range []any{bson.D{}, bson.M{}, bson.M(nil)} {
		if !checkDirect(t, empty) {
			t.Errorf("%#v is left to the BSON encoder", empty)
		}
	}
}

// TestDirectMap compares a map of many keys, whose order is chance.
func TestDirectMap(t *testing.T) {
	m := bson.M{}
	for i, value := range []any{1, "two", 3.0, true, nil, bson.A{"x"}, bson.M{"a": 1}, time.UnixMilli(9)} {
		m[strings.Repeat("k", i)] = value
	}
	got, ok := encodeDirect(t, m, wholeDocument)
	var decoded, want bson.M
	if err := bson.Unmarshal(got, &decoded); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := bson.Unmarshal(raw(t, m), &want); err != nil || !reflect.DeepEqual(decoded, want) {
		t.Errorf("got %v, want %v, error %v", decoded, want, err)
	}
}

// nested returns a document of documents and arrays, in turns, so many in all.
func nested(depth int) bson.D {
	var value any = bson.D{}
	for i := depth - 1; i > 1; i-- {
		if i%2 == 0 {
			value = bson.A{value}
		} else {
			value = bson.D{{Key: "d", Value: value}}
		}
	}
	return bson.D{{Key: "top", Value: value}}
}

// TestDirectRefuses checks what is left to the BSON encoder: what that refuses, and what it encodes
// in ways that are its own.
func TestDirectRefuses(t *testing.T) {
	type named string
	malformed := raw(t, bson.D{{Key: "a", Value: 1}})
	malformed[4] = 0x77
	endless := bson.A{nil}
	endless[0] = endless
	for _, value := range []any{
		uint64(math.MaxInt64 + 1), uint(math.MaxUint64), bson.Regex{Pattern: "\x00"}, bson.Regex{Options: "\x00"},
		bson.Regex{Options: "mi"}, bson.Regex{Options: "é"}, bson.Regex{Options: "a\xff"}, bson.Raw(nil), bson.Raw(malformed), bson.Raw{5, 0, 0, 0, 1},
		bson.D{{Key: "a\x00b"}}, bson.M{"\x00": 1}, bson.A{bson.D{{Key: "\x00", Value: 1}}}, []bson.D{{{Key: "\x00"}}}, []bson.M{{"\x00": 1}},
		named("n"), struct{}{}, &malformed, make(chan int), func() {}, []int{1}, [1]any{1}, marshaler{}, valueMarshaler{},
		bson.RawValue{Type: bson.TypeInt32, Value: []byte{1, 2, 3, 4}}, bson.CodeWithScope{}, bson.DBPointer{}, bson.Vector{},
		endless, nested(maxDirectDepth),
	} {
		for _, document := range []any{bson.D{{Key: "before", Value: 1}, {Key: "k", Value: value}}, bson.M{"k": value}, bson.D{{Key: "a", Value: bson.A{value}}}} {
			if _, ok := encodeDirect(t, document, wholeDocument); ok {
				t.Errorf("%T %v is encoded", value, value)
			}
		}
	}
	for _, document := range []any{bson.D(nil), bson.D{{Key: "\x00"}}, bson.M{"\x00": 1}, &bson.D{}, bson.A{}, struct{}{}, marshaler{}, 7, nested(maxDirectDepth + 1)} {
		if _, ok := encodeDirect(t, document, wholeDocument); ok {
			t.Errorf("%T %v is encoded", document, document)
		}
	}
	if !checkDirect(t, nested(maxDirectDepth)) {
		t.Errorf("a document as deep as a server takes is left to the BSON encoder")
	}
}

// usual returns a value of the types of usualValues, and rarely another one.
func (g *generator) usual(values []any, depth int) any {
	if depth == 0 || g.chance(3) {
		if g.chance(12) {
			return g.value(1)
		}
		return values[int(g.byte())%len(values)]
	}
	switch g.below(8) {
	case 0:
		return bson.M{g.anyKey(): g.usual(values, depth-1)}
	case 1:
		return map[string]any{g.anyKey(): g.usual(values, depth-1)}
	case 2:
		return bson.A{g.usual(values, depth-1), g.usual(values, depth-1)}
	case 3:
		return []any{g.usual(values, depth-1)}
	case 4:
		return []bson.D{g.usualD(values, depth-1), g.usualD(values, 0)}
	case 5:
		encoded, err := bson.Marshal(g.usualD(values, depth-1))
		if err == nil && g.chance(4) {
			encoded[g.below(len(encoded))] ^= g.byte()
		}
		return bson.Raw(encoded)
	default:
		return g.usualD(values, depth-1)
	}
}

// anyKey returns a key, rarely one with a zero byte.
func (g *generator) anyKey() string {
	if g.chance(30) {
		return string([]byte{g.byte(), 0})
	}
	return g.key()
}

func (g *generator) usualD(values []any, depth int) bson.D {
	document := bson.D{}
	for range g.below(4) {
		document = append(document, bson.E{Key: g.anyKey(), Value: g.usual(values, depth)})
	}
	return document
}

// checkRandomDocument compares the document that input stands for with bson.Marshal, and what becomes
// of it as a document to insert with and without the BSON encoder. It tells whether it was encoded
// without it.
func checkRandomDocument(t testing.TB, values []any, input []byte) bool {
	g := &generator{input: input}
	var document any = g.usualD(values, 4)
	if g.chance(3) {
		document = bson.M{g.anyKey(): g.usual(values, 3)}
	}
	direct := checkDirect(t, document)

	insert := func(e *Encoder, registry *bson.Registry) (statement []byte, err error) {
		e.Configure(registry, nil)
		if err := e.Begin(&Command{Database: "shop", Collection: "orders", Comment: document, Let: document}); err != nil {
			return nil, err
		}
		if err := e.AppendInsert(document); err != nil {
			return nil, err
		}
		hideGeneratedID(e.buffer[e.statementsStart:])
		return e.buffer, nil
	}
	got, gotErr := insert(NewEncoder(), nil)
	want, wantErr := insert(NewEncoder(), bson.NewRegistry())
	if (gotErr == nil) != (wantErr == nil) || !bytes.Equal(got, want) {
		t.Fatalf("insert of %#v\nBSON encoder: % x, error %v\nlane:         % x, error %v", document, want, wantErr, got, gotErr)
	}
	return direct
}

// TestDirectRandom compares documents made of random values.
func TestDirectRandom(t *testing.T) {
	documents := 20_000
	if testing.Short() {
		documents = 2_000
	}
	values := usualValues(t)
	random := rand.New(rand.NewPCG(3, 4))
	input := make([]byte, 400)
	direct := 0
	for range documents {
		for i := 0; i < len(input); i += 8 {
			binary.LittleEndian.PutUint64(input[i:], random.Uint64())
		}
		if checkRandomDocument(t, values, input) {
			direct++
		}
	}
	if direct < documents/4 || direct > documents*9/10 {
		t.Errorf("%d of %d documents were encoded directly: both ways are to be met", direct, documents)
	}
}

// FuzzDirect compares documents made of what the fuzzer finds.
func FuzzDirect(f *testing.F) {
	values := usualValues(f)
	f.Add([]byte{3, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5})
	f.Add([]byte("a document"))
	f.Fuzz(func(t *testing.T, input []byte) { checkRandomDocument(t, values, input) })
}
