package pipeline

import (
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
)

// What a document costs in a stage, of 10,000.
func BenchmarkStages(b *testing.B) {
	h := &data{collections: map[string][]bson.D{}}
	for i := range 10000 {
		h.collections["c"] = append(h.collections["c"], bson.D{{Key: "_id", Value: int32(i)}, {Key: "k", Value: fmt.Sprint(i % 100)},
			{Key: "n", Value: int32(i * 7919 % 10000)}, {Key: "l", Value: bson.A{int32(1), int32(2)}}})
	}
	for _, stages := range []string{
		`[{"$match":{"n":{"$gt":5000}}}]`, `[{"$project":{"n":1}}]`, `[{"$set":{"m":{"$add":["$n",1]}}}]`, `[{"$sort":{"n":1}}]`,
		`[{"$group":{"_id":"$k","n":{"$sum":"$n"}}}]`, `[{"$group":{"_id":"$_id"}}]`, `[{"$unwind":"$l"}]`,
	} {
		b.Run(stages, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := runStages(b, newContext(h, nil), stages); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10000, "ns/document")
		})
	}
}
