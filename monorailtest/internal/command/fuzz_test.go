package command

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/golden"
)

// FuzzRun runs whatever command Extended JSON is, beginning with those that a MongoDB was asked: none may panic, nor be
// without an answer.
func FuzzRun(f *testing.F) {
	file, err := os.Open("../../testdata/golden.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	scenarios, err := golden.Read(file)
	if err != nil {
		f.Fatal(err)
	}
	for i := range scenarios {
		for j := range scenarios[i].Steps {
			// Placeholders are no BSON, and the longest are no better seeds.
			if text, err := bson.MarshalExtJSON(scenarios[i].Steps[j].Command, false, false); err == nil && len(text) < 600 {
				f.Add(string(text))
			}
		}
	}
	s := newTestState(f)
	conn := NewConn(1, "127.0.0.1:1")
	run := func(t testing.TB, d bson.D, database string) {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		reply := s.Run(ctx, &Request{Name: d[0].Key, Database: database, Body: bsonvalue.Encode(d), Conn: conn}).Reply
		if lookup(reply, "ok") == nil {
			t.Fatalf("%v: %v", d, reply)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		var d bson.D
		if bson.UnmarshalExtJSON([]byte(text), false, &d) != nil || len(d) == 0 || strings.HasPrefix(d[0].Key, "configureFail") {
			return
		}
		run(t, bson.D{{Key: "dropDatabase", Value: int32(1)}}, "golden")
		run(t, bson.D{{Key: "insert", Value: "c"}, {Key: "documents", Value: bson.A{
			bson.D{{Key: "_id", Value: int32(1)}, {Key: "a", Value: int32(1)}, {Key: "b", Value: bson.A{int32(1), "x", nil}}},
			bson.D{{Key: "_id", Value: int32(2)}, {Key: "a", Value: bson.D{{Key: "b", Value: 2.5}}}, {Key: "s", Value: "text"}},
		}}}, "golden")
		run(t, d, "golden")
		run(t, d, "admin")
	})
}
