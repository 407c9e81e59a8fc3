package lane

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
)

// generator makes calls out of the bytes of a fuzzer; when they run out, it goes on with zeros.
type generator struct{ input []byte }

func (g *generator) byte() byte {
	if len(g.input) == 0 {
		return 0
	}
	b := g.input[0]
	g.input = g.input[1:]
	return b
}

// below returns a number in [0, n).
func (g *generator) below(n int) int { return int(g.byte()) % n }

func (g *generator) chance(oneIn int) bool { return g.below(oneIn) == oneIn-1 }

func (g *generator) key() string {
	return [...]string{"a", "b", "_id", "$set", "$inc", "region", "", "x.y"}[g.below(8)]
}

func (g *generator) value(depth int) any {
	switch g.below(16) {
	case 0:
		return int32(g.byte())
	case 1:
		return int64(g.byte()) << 40
	case 2:
		return float64(g.byte()) / 3
	case 3:
		return strings.Repeat("s", int(g.byte()))
	case 4:
		return g.byte()%2 == 0
	case 5:
		return time.UnixMilli(int64(g.byte()))
	case 6:
		return nil
	case 7:
		return bson.Binary{Subtype: g.byte(), Data: []byte{g.byte()}}
	case 8:
		return bson.Regex{Pattern: "p", Options: "i"}
	case 9:
		return bson.RawValue{Type: bson.Type(g.byte()), Value: []byte{g.byte(), 0, 0, 0, g.byte(), 0}}
	case 10:
		return bsoncore.Value{Type: bsoncore.TypeInt32, Data: []byte{g.byte(), 0, 0, 0}}
	case 11, 12:
		if depth > 0 {
			return g.slice(depth - 1)
		}
		return []string{"x"}
	default:
		if depth > 0 {
			return g.document(depth - 1)
		}
		return struct{ Field int }{int(g.byte())}
	}
}

func (g *generator) slice(depth int) bson.A {
	slice := bson.A{}
	for range g.below(4) {
		slice = append(slice, g.value(depth))
	}
	return slice
}

func (g *generator) d(depth int) bson.D {
	document := bson.D{}
	for range g.below(4) {
		document = append(document, bson.E{Key: g.key(), Value: g.value(depth)})
	}
	return document
}

// document returns a value that mostly encodes as a document.
func (g *generator) document(depth int) any {
	switch g.below(12) {
	case 0:
		return bson.M{g.key(): g.value(depth)} // one key: the order of several would be chance
	case 1, 2:
		encoded, err := bson.Marshal(g.d(depth))
		if err != nil {
			return bson.Raw(nil)
		}
		if g.chance(4) {
			encoded[g.below(len(encoded))] ^= g.byte()
		}
		return [...]any{bson.Raw(encoded), encoded, bsoncore.Document(encoded), marshaler{document: encoded}}[g.below(4)]
	case 3:
		return g.value(depth)
	case 4:
		return g.slice(depth)
	case 5:
		return struct {
			A any `bson:"a,omitempty"`
			B *int
		}{A: g.value(depth)}
	default:
		return g.d(depth)
	}
}

// update returns a value that is mostly an update with operators.
func (g *generator) update() any {
	if g.chance(3) {
		return g.document(2)
	}
	update := bson.D{{Key: [...]string{"$set", "$inc", "$push"}[g.below(3)], Value: g.d(1)}}
	if g.chance(4) {
		return mongo.Pipeline{update, update}
	}
	return update
}

func optional[T any](g *generator, value func() T) (result T) {
	if g.chance(3) {
		result = value()
	}
	return result
}

func (g *generator) flag() *bool {
	return [...]*bool{nil, nil, pointer(true), pointer(false)}[g.below(4)]
}

func (g *generator) collation() *options.Collation {
	return &options.Collation{Locale: "fr", Strength: g.below(4), Backwards: g.chance(2), NumericOrdering: g.chance(2)}
}

func (g *generator) hint() any {
	if g.chance(8) {
		return g.value(1)
	}
	return nil
}

func (g *generator) model() mongo.WriteModel {
	filter, upsert, collation, hint := g.document(1), g.flag(), optional(g, g.collation), g.hint()
	arrayFilters := optional(g, func() []any { return g.slice(1) })
	sort := optional(g, func() any { return g.document(1) })
	switch g.below(6) {
	case 0:
		return &mongo.InsertOneModel{Document: filter}
	case 1:
		return &mongo.DeleteOneModel{Filter: filter, Collation: collation, Hint: hint}
	case 2:
		return &mongo.DeleteManyModel{Filter: filter, Collation: collation, Hint: hint}
	case 3:
		return &mongo.ReplaceOneModel{Filter: filter, Replacement: g.document(1), Collation: collation, Hint: hint, Upsert: upsert, Sort: sort}
	case 4:
		return &mongo.UpdateManyModel{Filter: filter, Update: g.update(), Collation: collation, Hint: hint, Upsert: upsert, ArrayFilters: arrayFilters}
	default:
		return &mongo.UpdateOneModel{Filter: filter, Update: g.update(), Collation: collation, Hint: hint, Upsert: upsert,
			ArrayFilters: arrayFilters, Sort: sort}
	}
}

func (g *generator) write() *write {
	w := &write{
		method: [...]string{"InsertOne", "InsertMany", "UpdateOne", "UpdateMany", "UpdateByID", "ReplaceOne", "DeleteOne", "DeleteMany", "BulkWrite"}[g.below(9)],
		bypass: g.flag(), ordered: g.flag(), upsert: g.flag(),
		comment:      optional(g, func() any { return g.value(1) }),
		let:          optional(g, func() any { return g.document(1) }),
		sort:         optional(g, func() any { return g.document(1) }),
		arrayFilters: optional(g, func() []any { return g.slice(1) }),
		collation:    optional(g, g.collation),
		hint:         g.hint(),
		filter:       g.document(2),
		update:       g.update(),
	}
	if w.method == "ReplaceOne" && g.chance(2) {
		w.update = g.document(2)
	}
	for range 1 + g.below(6) {
		w.documents = append(w.documents, g.document(2))
		w.models = append(w.models, g.model())
	}
	return w
}

// checkRandom compares the call that input stands for, at limits that make long ones split.
func checkRandom(t testing.TB, input []byte) {
	g := &generator{input: input}
	limits := usualLimits
	if g.chance(3) {
		limits.MessageSize, limits.BatchCount = 300+int(g.byte())*8, 1+g.below(5)
	}
	coll, r := newDriver(t, limits, nil)
	e := NewEncoder()
	e.Configure(nil, nil)
	w := g.write()
	if oneTooLarge(e, w, limits) {
		return // the driver sends what comes before the document, the lane nothing: TestTooLarge
	}
	compare(t, t.Context(), w, coll, r, e, Command{})
}

// oneTooLarge tells whether a statement is too large for a message.
func oneTooLarge(e *Encoder, w *write, limits Limits) bool {
	base := Command{Database: "shop", Collection: "orders"}
	_, err := w.lane(e, base, limits)
	return errors.Is(err, driver.ErrDocumentTooLarge)
}

// TestRandomCalls compares calls made of random values.
func TestRandomCalls(t *testing.T) {
	calls := 5_000
	if testing.Short() {
		calls = 500
	}
	random := rand.New(rand.NewPCG(1, 2))
	input := make([]byte, 400)
	for range calls {
		for i := 0; i < len(input); i += 8 {
			binary.LittleEndian.PutUint64(input[i:], random.Uint64())
		}
		checkRandom(t, input)
	}
}

// FuzzCalls compares calls made of what the fuzzer finds.
func FuzzCalls(f *testing.F) {
	f.Add([]byte("update one"))
	f.Add([]byte{8, 3, 3, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	f.Fuzz(func(t *testing.T, input []byte) { checkRandom(t, input) })
}
