package command

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// store stores a document with a string of n bytes.
func (c *session) store(id, n int) {
	c.t.Helper()
	in, _, err := c.state.Store.Open("db", "c")
	if err != nil {
		c.t.Fatal(err)
	}
	d := bson.D{{Key: "_id", Value: int32(id)}, {Key: "n", Value: int32(-id)}, {Key: "s", Value: strings.Repeat(string(rune('a'+id%26)), n)}}
	if err := in.Write(func(w *store.Writer) error { return w.Insert(d, bsonvalue.Encode(d)) }); err != nil {
		c.t.Fatal(err)
	}
}

// TestSortMemory sorts 105 documents of a megabyte.
func TestSortMemory(t *testing.T) {
	c := newSession(t, newTestState(t))
	for i := range 105 {
		c.store(i, 1<<20)
	}
	for command, want := range map[string]any{
		`{"find":"c","sort":{"n":1},"batchSize":1}`:                     292,
		`{"find":"c","sort":{"n":1},"batchSize":1,"limit":104}`:         292,
		`{"find":"c","sort":{"n":1},"batchSize":1,"limit":90}`:          nil,
		`{"find":"c","sort":{"n":1},"batchSize":1,"skip":90,"limit":1}`: nil,
		`{"find":"c","sort":{"n":1},"batchSize":1,"allowDiskUse":true}`: nil,
		`{"find":"c","sort":{"_id":1},"batchSize":1}`:                   nil,
		`{"distinct":"c","key":"s"}`:                                    17217,
		`{"distinct":"c","key":"n"}`:                                    nil,
	} {
		c.expect(c.run("%s", command), want, "code")
	}
}

// TestRegularExpressionsAreBounded has patterns that are too much for PCRE.
func TestRegularExpressionsAreBounded(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","documents":[{"_id":1,"s":"%s!"},{"_id":2,"s":"aab"}]}`, strings.Repeat("a", 40))
	// Backtracking without end is no match, and the next document is looked at.
	start := time.Now()
	c.expect(c.run(`{"find":"c","filter":{"s":{"$regex":"^(a+)+b$"}}}`), 2, "cursor", "firstBatch", 0, "_id")
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("a match took %v", took)
	}
	c.expect(c.run(`{"aggregate":"c","pipeline":[{"$match":{"_id":1}},{"$project":{"m":{"$regexMatch":{"input":"$s","regex":"^(a+)+b$"}}}}],"cursor":{}}`), 51156, "code")
	nested := func(n int) string { return strings.Repeat("(", n) + "a" + strings.Repeat(")", n) }
	for pattern, want := range map[string]any{
		strings.Repeat("a", 32764): nil, strings.Repeat("a", 32765): 2, nested(250): nil, nested(251): 51091,
	} {
		c.expect(c.run(`{"find":"c","filter":{"s":{"$regex":"%s"}}}`, pattern), want, "code")
	}
	for pattern, want := range map[string]any{nested(250): nil, nested(251): 51111, strings.Repeat("a", 32765): 51111} {
		c.expect(c.run(`{"aggregate":"c","pipeline":[{"$project":{"m":{"$regexMatch":{"input":"$s","regex":"%s"}}}}],"cursor":{}}`, pattern), want, "code")
	}
}

func TestNestingIsBounded(t *testing.T) {
	c := newSession(t, newTestState(t))
	nested := func(n int, inner string) string {
		return strings.Repeat(`{"a":`, n) + inner + strings.Repeat("}", n)
	}
	for depth, want := range map[int]any{180: nil, 181: 15} {
		r := c.run(`{"insert":"c","documents":[%s]}`, nested(depth, "1"))
		if got := firstWriteError(r); (got == nil) != (want == nil) && lookup(r, "code") != want {
			t.Errorf("%d levels: %v", depth, r)
		}
	}
	fields := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(`"f%d":1`, i))
		}
		return strings.Join(all, ",")
	}
	for n, want := range map[int]any{32: nil, 33: 13103} {
		c.expect(c.run(`{"find":"c","sort":{%s}}`, fields(n)), want, "code")
		c.expect(c.run(`{"createIndexes":"c","indexes":[{"key":{%s},"name":"many"}]}`, fields(n)), want, "code")
	}
}

// TestCommandsEndInTime has commands that would look at many documents, and ends them at the first.
func TestCommandsEndInTime(t *testing.T) {
	s := newTestState(t)
	c := newSession(t, s)
	for i := range 1000 {
		c.store(i, 1)
	}
	open := lookup(c.run(`{"find":"c","batchSize":1}`), "cursor", "id")
	openSum := lookup(c.run(`{"aggregate":"c","pipeline":[{"$match":{"n":{"$lte":0}}}],"cursor":{"batchSize":1}}`), "cursor", "id")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, command := range []string{
		`{"find":"c","filter":{"x":1}}`, `{"find":"c","filter":{"x":1},"sort":{"n":1}}`, `{"count":"c","query":{"x":1}}`, `{"distinct":"c","key":"n"}`,
		`{"update":"c","updates":[{"q":{"x":1},"u":{"$inc":{"x":1}}}]}`, `{"delete":"c","deletes":[{"q":{"x":1},"limit":1}]}`,
		`{"findAndModify":"c","query":{"x":1},"remove":true}`, `{"aggregate":"c","pipeline":[{"$match":{"x":1}}],"cursor":{}}`,
		fmt.Sprintf(`{"getMore":{"$numberLong":"%v"},"collection":"c"}`, open), fmt.Sprintf(`{"getMore":{"$numberLong":"%v"},"collection":"c"}`, openSum),
	} {
		d := bson.D{}
		if err := bson.UnmarshalExtJSON([]byte(command), false, &d); err != nil {
			t.Fatal(err)
		}
		body := bsonvalue.Encode(append(d, bson.E{Key: "$db", Value: "db"}))
		before := s.Store.Examined().Documents.Load()
		r := s.Run(ctx, &Request{Name: d[0].Key, Database: "db", Body: body, Conn: c.conn}).Reply
		if got := s.Store.Examined().Documents.Load() - before; lookup(r, "code") != int32(11600) || got > 128 {
			t.Errorf("%s: looks at %d documents and answers %v", command, got, r)
		}
	}
}
