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
func encodeUpdate(t testing.TB, e *Encoder, registry *bson.Registry, filter, update any) {
	e.Configure(registry, nil)
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
			encodeUpdate(b, e, nil, visit, inc)
		}
	})
	b.Run("lane, registry", func(b *testing.B) {
		e, registry := NewEncoder(), bson.NewRegistry()
		b.ReportAllocs()
		for b.Loop() {
			encodeUpdate(b, e, registry, visit, inc)
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
			encodeUpdate(b, e, nil, filter, update)
		}
	})
}

// TestAllocations checks that the lane allocates nothing for the usual values, and what the BSON encoder
// does, and nothing else, with a registry of the user's.
func TestAllocations(t *testing.T) {
	e := NewEncoder()
	encode := documentsAlone()
	registry := bson.NewRegistry()
	var rawFilter, rawUpdate any = raw(t, visit), raw(t, inc)
	byMap := any(bson.M{"$set": bson.M{"tags": []string{"a", "b"}}})
	id := any("an id")
	model := mongo.WriteModel(&mongo.UpdateOneModel{Filter: visit, Update: inc})
	for _, test := range []struct {
		name      string
		operation Operation
		statement func() error
		documents []any // what the BSON encoder has to encode
	}{
		{"update", Update, func() error {
			return e.AppendUpdate(&UpdateStatement{Filter: visit, Update: inc, Upsert: &yes})
		}, []any{visit, inc}},
		{"update, raw", Update, func() error {
			return e.AppendUpdate(&UpdateStatement{Filter: rawFilter, Update: rawUpdate})
		}, nil},
		{"update by a map", Update, func() error {
			return e.AppendUpdate(&UpdateStatement{Filter: visit, Update: byMap})
		}, []any{visit, byMap}},
		{"update by id", Update, func() error {
			return e.AppendUpdate(&UpdateStatement{Filter: e.IDFilter(id), Update: inc})
		}, []any{bson.D{{Key: "_id", Value: id}}, inc}},
		{"insert", Insert, func() error { return e.AppendInsert(visit) }, []any{visit}},
		{"insert of a map", Insert, func() error { return e.AppendInsert(byMap) }, []any{byMap}},
		{"delete", Delete, func() error { return e.AppendDelete(&DeleteStatement{Filter: visit}) }, []any{visit}},
		{"model", Update, func() error { return e.AppendModel(model) }, []any{visit, inc}},
	} {
		run := func(registry *bson.Registry) float64 {
			return testing.AllocsPerRun(100, func() {
				e.Configure(registry, nil)
				if err := e.Begin(&Command{Operation: test.operation, Database: "analytics", Collection: "counts", Ordered: &yes}); err != nil {
					t.Fatal(err)
				}
				if err := test.statement(); err != nil {
					t.Fatal(err)
				}
				if err := e.CheckSizes(usualLimits); err != nil {
					t.Fatal(err)
				}
				if _, _, err := e.Next(usualLimits); err != nil {
					t.Fatal(err)
				}
				e.Reset()
			})
		}
		if got := run(nil); got != 0 {
			t.Errorf("%s: %v allocations", test.name, got)
		}
		floor := testing.AllocsPerRun(100, func() { encode(t, test.documents...) })
		if got := run(registry); got != floor {
			t.Errorf("%s, with a registry: %v allocations, the documents alone %v", test.name, got, floor)
		}
	}
}
