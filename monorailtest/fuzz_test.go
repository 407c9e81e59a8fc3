package monorailtest

import (
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"testing"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/command"
	"github.com/mongo-monorail/monorail/monorailtest/internal/golden"
	"github.com/mongo-monorail/monorail/monorailtest/internal/wire"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// fuzzSeeds are enough commands of each name to begin with.
const fuzzSeeds = 12

// FuzzMessages serves two messages of arbitrary bytes, one after the other, on a server with some data: no panic, and a
// reply that is BSON with its ok. What the messages of the golden scenarios hold is what it begins with.
func FuzzMessages(f *testing.F) {
	file, err := os.Open("testdata/golden.jsonl")
	check(f, err)
	scenarios, err := golden.Read(file)
	check(f, err)
	check(f, file.Close())
	seeds := map[string]int{}
	for _, s := range scenarios {
		var before []byte
		for _, step := range s.Steps {
			body, err := bson.Marshal(step.Command)
			if err != nil || len(step.Command) == 0 || len(body) > 1000 {
				continue // some are malformed on purpose, or large
			}
			message := append([]byte{0, 0, 0, 0, 0}, body...)
			if name := step.Command[0].Key; before != nil && seeds[name] < fuzzSeeds {
				seeds[name]++
				f.Add(before, message)
			}
			before = message
		}
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		state := command.NewState("127.0.0.1:0")
		defer state.Close()
		s := &Server{state: state}
		c := &conn{server: s, client: command.NewConn(1, "127.0.0.1:1")}
		// A command that waits is not to wait long.
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		for _, b := range [][]byte{seedMessage(), first, second} {
			m, err := wire.Parse(wire.Header{Length: int32(16 + len(b)), OpCode: wire.OpMsg}, b)
			if err != nil || m == nil {
				continue
			}
			r, err := command.NewRequest(c.client, m)
			if err != nil {
				continue
			}
			reply, ok := c.encode(m, state.Run(ctx, r).Reply)
			if !ok {
				t.Fatalf("%s: no reply", r.Name)
			}
			body := bson.Raw(reply[21 : len(reply)-checksumOf(m)])
			if err := body.Validate(); err != nil {
				t.Fatalf("%s: the reply is malformed: %v", r.Name, err)
			}
		}
	})
}

// TestMangledCommands runs the commands of the golden scenarios, with values in them replaced by others of any type, which
// fuzzing bytes seldom does: none panics, and each is answered.
func TestMangledCommands(t *testing.T) {
	file, err := os.Open("testdata/golden.jsonl")
	check(t, err)
	scenarios, err := golden.Read(file)
	check(t, err)
	check(t, file.Close())
	random := rand.New(rand.NewPCG(1, 1))
	for i := range scenarios {
		state := command.NewState("127.0.0.1:0")
		s := &Server{state: state}
		c := &conn{server: s, client: command.NewConn(1, "127.0.0.1:1")}
		run := func(d bson.D) {
			defer func() {
				if p := recover(); p != nil {
					t.Fatalf("%v panics: %v\n%s", d, p, debug.Stack())
				}
			}()
			body, err := bson.Marshal(d)
			if err != nil || len(body) > 10_000 {
				return // it needs an id of a cursor, or costs time
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			m := &wire.Message{Body: body, Header: wire.Header{OpCode: wire.OpMsg}}
			r, err := command.NewRequest(c.client, m)
			if err != nil {
				return
			}
			if _, ok := c.encode(m, state.Run(ctx, r).Reply); !ok {
				t.Fatalf("%v: no reply", d)
			}
		}
		for _, step := range scenarios[i].Steps {
			if len(step.Command) == 0 || len(step.Sequences) > 0 {
				continue
			}
			run(step.Command)
			for range 4 {
				run(mangled(random, step.Command, 0).(bson.D))
			}
		}
		state.Close()
	}
}

// mangled returns a copy of a value with some parts of it replaced, doubled, renamed or left out.
func mangled(random *rand.Rand, v any, depth int) any {
	if depth > 1 && random.IntN(12) == 0 {
		values := []any{
			nil, int32(0), int32(-1), int64(1) << 62, math.NaN(), -1.5, "", "$a", "a.b", "$$ROOT", "$", "a..b", true, bson.A{}, bson.D{},
			primitive.Regex{Pattern: "(a", Options: "z"}, primitive.Binary{Subtype: 4}, primitive.MinKey{}, primitive.Undefined{},
			primitive.DateTime(math.MaxInt64), primitive.Timestamp{}, primitive.Decimal128{}, primitive.Symbol("$x"),
			primitive.CodeWithScope{Code: "f", Scope: bson.D{}}, bson.A{nil, bson.A{}}, bson.D{{Key: "$a", Value: bson.D{{Key: "", Value: 1}}}},
		}
		return values[random.IntN(len(values))]
	}
	switch x := v.(type) {
	case bson.D:
		out := bson.D{}
		for _, e := range x {
			if depth > 0 && random.IntN(30) == 0 {
				continue
			}
			e.Value = mangled(random, e.Value, depth+1)
			if depth > 1 && random.IntN(40) == 0 {
				e.Key = []string{"", "$", "a.b", "0", "_id", "$eq", "$expr", "$$x"}[random.IntN(8)]
			}
			if out = append(out, e); depth > 0 && random.IntN(50) == 0 {
				out = append(out, e)
			}
		}
		return out
	case bson.A:
		out := bson.A{}
		for _, e := range x {
			out = append(out, mangled(random, e, depth+1))
		}
		return out
	}
	return v
}

// checksumOf returns how long the checksum of the reply to m is.
func checksumOf(m *wire.Message) int {
	if m.Checksum {
		return 4
	}
	return 0
}

// seedMessage inserts some documents into the collection of the golden scenarios.
func seedMessage() []byte {
	body, err := bson.Marshal(bson.D{
		{Key: "insert", Value: "c"}, {Key: "$db", Value: "golden"}, {Key: "documents", Value: bson.A{
			bson.D{{Key: "_id", Value: 1}, {Key: "a", Value: 1}, {Key: "b", Value: bson.A{1, "x", bson.D{{Key: "c", Value: 2.5}}}}},
			bson.D{{Key: "_id", Value: 2}, {Key: "a", Value: "text"}, {Key: "b", Value: nil}},
			bson.D{{Key: "_id", Value: 3}, {Key: "a", Value: bson.D{{Key: "b", Value: int64(1) << 40}}}},
		}},
	})
	if err != nil {
		panic(err)
	}
	return append(binary.LittleEndian.AppendUint32(nil, 0), append([]byte{0}, body...)...)
}
