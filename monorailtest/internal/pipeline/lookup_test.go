package pipeline

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// joined are two collections and a view of the first: c has items, i what is in stock of them.
func joined(t testing.TB) *data {
	return &data{
		collections: map[string][]bson.D{
			"c": documents(t, `{"_id":1,"item":"a"}`, `{"_id":2,"item":["b","d"]}`, `{"_id":3}`),
			"i": documents(t, `{"_id":1,"k":"a","n":5}`, `{"_id":2,"k":"b","n":7}`, `{"_id":3,"k":null}`, `{"_id":4}`, `{"_id":5,"k":["d"]}`),
		},
		views: map[string][]bson.D{"v": stageList(t, `[{"$match":{"_id":{"$lt":3}}},{"$unset":"item"}]`)},
	}
}

func TestLookup(t *testing.T) {
	cases{
		`[{"$lookup":{"from":"i","localField":"item","foreignField":"k","as":"r"}},{"$project":{"r._id":1}}]`: {
			`{"_id":1,"r":[{"_id":1}]}`, `{"_id":2,"r":[{"_id":2},{"_id":5}]}`, `{"_id":3,"r":[{"_id":3},{"_id":4}]}`},
		`[{"$limit":1},{"$lookup":{"from":"i","let":{"k":"$item"},"pipeline":[{"$match":{"$expr":{"$eq":["$k","$$k"]}}},{"$project":{"_id":0,"n":1}}],"as":"item.r"}}]`: {
			`{"_id":1,"item":{"r":[{"n":5}]}}`},
		`[{"$limit":1},{"$lookup":{"from":"v","pipeline":[],"as":"item"}}]`:                       {`{"_id":1,"item":[{"_id":1},{"_id":2}]}`},
		`[{"$limit":1},{"$lookup":{"from":"none","localField":"a","foreignField":"b","as":"r"}}]`: {`{"_id":1,"item":"a","r":[]}`},
		`[{"$limit":1},{"$lookup":{"from":"i","let":{"a":"$_id"},"pipeline":[{"$lookup":{"from":"v","pipeline":[{"$match":{"$expr":{"$eq":["$_id","$$a"]}}}],"as":"in"}},{"$limit":1},{"$project":{"in":1}}],"as":"r"}}]`: {
			`{"_id":1,"item":"a","r":[{"_id":1,"in":[{"_id":1}]}]}`},
	}.run(t, joined(t))
	failures{
		`[{"$lookup":1}]`: 9, `[{"$lookup":{"as":"r"}}]`: 9, `[{"$lookup":{"from":1}}]`: 9, `[{"$lookup":{"from":""}}]`: 73,
		`[{"$lookup":{"from":"i"}}]`: 9, `[{"$lookup":{"from":"i","as":"r","x":1}}]`: 9, `[{"$lookup":{"from":"i","as":"r","localField":"a"}}]`: 9,
		`[{"$lookup":{"from":"i","as":"r","localField":"a","foreignField":"b","let":{}}}]`: 9,
		`[{"$lookup":{"from":"i","as":"r","localField":"a","pipeline":[]}}]`:               9,
		`[{"$lookup":{"from":"i","as":"$r","pipeline":[]}}]`:                               16410,
		`[{"$lookup":{"from":"i","as":"r","pipeline":1}}]`:                                 14,
		`[{"$lookup":{"from":"i","as":"r","pipeline":[{"$foo":1}]}}]`:                      40324,
		`[{"$lookup":{"from":"i","as":"r","pipeline":[{"$out":"x"}]}}]`:                    51047,
		`[{"$lookup":{"from":"i","as":"r","let":{"X":1},"pipeline":[]}}]`:                  16867,
		`[{"$lookup":{"from":"i","as":"r","pipeline":[{"$match":{"$expr":"$$k"}}]}}]`:      17276,
	}.run(t, joined(t))
}

// What does not depend on the document is looked up once.
func TestLookupOnce(t *testing.T) {
	h := joined(t)
	if _, err := runStages(t, newContext(h, nil), `[{"$lookup":{"from":"i","pipeline":[],"as":"r"}}]`); err != nil || h.reads != 2 {
		t.Errorf("%d reads, %v", h.reads, err)
	}
}

// A path to the local values goes through arrays, and numbers on it are places.
func TestVisit(t *testing.T) {
	for _, c := range []struct{ document, path, want string }{
		{`{"a":3}`, "a", `[3]`}, {`{"a":[3,[4]]}`, "a", `[3,[4]]`}, {`{"a":null}`, "a", `[null]`}, {`{}`, "a", `[]`}, {`{"a":[]}`, "a", `[]`},
		{`{"a":[{"b":1},{"b":[2,3]},{"c":4},5,[{"b":6}]]}`, "a.b", `[1,2,3]`},
		{`{"a":{"b":[3]}}`, "a.b.0", `[3]`}, {`{"a":[3,2]}`, "a.0", `[3]`}, {`{"a":{"0":3}}`, "a.0", `[3]`}, {`{"a":[3]}`, "a.1", `[]`},
		{`{"c":[0,[3,4]]}`, "c.1.0", `[3]`}, {`{"a":[{},{"b":[1,3]}]}`, "a.1.b.1", `[3]`}, {`{"a":[3]}`, "a.00", `[3]`}, {`{"0":3}`, "0", `[3]`},
	} {
		got := bson.A{}
		visit(bsontest.Parse(t, c.document), strings.Split(c.path, "."), func(v any) { got = append(got, v) })
		if want := bsontest.Parse(t, `{"w":`+c.want+`}`)[0].Value; !bsonvalue.Identical(got, want) {
			t.Errorf("%s in %s: %s, want %s", c.path, c.document, bsonvalue.Format(got), c.want)
		}
	}
}
