package lane

import (
	"io"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// The documents of the page-view example, which the project's figures are about.
var (
	visit any = bson.D{{Key: "region", Value: "north"}, {Key: "browser", Value: "Firefox"}, {Key: "os", Value: "Linux"}}
	inc   any = bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}
	yes       = true
)

// encodeUpdate is what a call of UpdateOne costs in this package.
func encodeUpdate(t testing.TB, e *Encoder, filter, update any) {
	e.Configure(nil, nil)
	if err := e.Begin(&Command{Operation: Update, Database: "analytics", Collection: "counts", Ordered: &yes}); err != nil {
		t.Fatal(err)
	}
	if err := e.AppendUpdate(&UpdateStatement{Filter: filter, Update: update, Upsert: &yes}); err != nil {
		t.Fatal(err)
	}
	if err := e.CheckSizes(usualLimits); err != nil {
		t.Fatal(err)
	}
	if _, _, err := e.Next(usualLimits); err != nil {
		t.Fatal(err)
	}
	e.Reset()
}

// documentsAlone is the floor: the two documents by an encoder of the same registry that is reused
// as well as one can be.
func documentsAlone() func(t testing.TB, documents ...any) {
	encoder := bson.NewEncoder(bson.NewDocumentWriter(io.Discard))
	encoder.SetRegistry(bson.NewRegistry())
	return func(t testing.TB, documents ...any) {
		for _, document := range documents {
			if err := encoder.Encode(document); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// BenchmarkUpdateOne measures the lane beside the encoding of its two documents alone.
func BenchmarkUpdateOne(b *testing.B) {
	b.Run("lane", func(b *testing.B) {
		e := NewEncoder()
		b.ReportAllocs()
		for b.Loop() {
			encodeUpdate(b, e, visit, inc)
		}
	})
	b.Run("documents alone", func(b *testing.B) {
		encode := documentsAlone()
		b.ReportAllocs()
		for b.Loop() {
			encode(b, visit, inc)
		}
	})
	b.Run("lane, raw", func(b *testing.B) {
		e := NewEncoder()
		var filter, update any = raw(b, visit), raw(b, inc)
		b.ReportAllocs()
		for b.Loop() {
			encodeUpdate(b, e, filter, update)
		}
	})
}

// TestAllocations checks that the lane allocates what the BSON encoder does, and nothing else.
func TestAllocations(t *testing.T) {
	e := NewEncoder()
	encode := documentsAlone()
	var rawFilter, rawUpdate any = raw(t, visit), raw(t, inc)
	id := any("an id")
	floor := func(documents ...any) float64 {
		return testing.AllocsPerRun(100, func() { encode(t, documents...) })
	}
	command := func(operation Operation, statement func() error) func() {
		return func() {
			e.Configure(nil, nil)
			if err := e.Begin(&Command{Operation: operation, Database: "analytics", Collection: "counts", Ordered: &yes}); err != nil {
				t.Fatal(err)
			}
			if err := statement(); err != nil {
				t.Fatal(err)
			}
			if _, _, err := e.Next(usualLimits); err != nil {
				t.Fatal(err)
			}
			e.Reset()
		}
	}
	model := mongo.WriteModel(&mongo.UpdateOneModel{Filter: visit, Update: inc})
	for _, test := range []struct {
		name string
		run  func()
		want float64
	}{
		{"update", func() { encodeUpdate(t, e, visit, inc) }, floor(visit, inc)},
		{"update, raw", func() { encodeUpdate(t, e, rawFilter, rawUpdate) }, 0},
		{"update by id", command(Update, func() error {
			return e.AppendUpdate(&UpdateStatement{Filter: e.IDFilter(id), Update: inc})
		}), floor(bson.D{{Key: "_id", Value: id}}, inc)},
		{"insert", command(Insert, func() error { return e.AppendInsert(visit) }), floor(visit)},
		{"delete", command(Delete, func() error { return e.AppendDelete(&DeleteStatement{Filter: visit}) }), floor(visit)},
		{"model", command(Update, func() error { return e.AppendModel(model) }), floor(visit, inc)},
	} {
		if got := testing.AllocsPerRun(100, test.run); got != test.want {
			t.Errorf("%s: %v allocations, the documents alone %v", test.name, got, test.want)
		}
	}
}
