package pipeline

import (
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// What of a $match reaches the beginning is what an index may serve.
func TestRaise(t *testing.T) {
	for stages, want := range map[string]string{
		`[{"$match":{"a":1}},{"$match":{"b":2}}]`:                                                                       `{"$and":[{"a":1},{"b":2}]}`,
		`[{"$sort":{"a":1}},{"$match":{"a":1,"$expr":"$b"}}]`:                                                           `{"a":1}`,
		`[{"$sort":{"a":1}},{"$limit":1},{"$match":{"a":1}}]`:                                                           `{}`,
		`[{"$project":{"a":1,"c":"$d"}},{"$match":{"a.x":1,"c":2,"_id":3}}]`:                                            `{"a.x":1,"_id":3}`,
		`[{"$unset":"b"},{"$match":{"b":null,"c":1}}]`:                                                                  `{"c":1}`,
		`[{"$set":{"a.b":1}},{"$unwind":{"path":"$l","includeArrayIndex":"i.n"}},{"$match":{"a":1,"i":2,"l":3,"z":4}}]`: `{"z":4}`,
		`[{"$lookup":{"from":"c","pipeline":[],"as":"r.x"}},{"$match":{"r":1,"$or":[{"a":1},{"b":2}]}}]`:                `{"$or":[{"a":1},{"b":2}]}`,
		`[{"$group":{"_id":"$a"}},{"$match":{"_id":1}}]`:                                                                `{}`,
		`[{"$replaceWith":"$a"},{"$match":{"_id":1}}]`:                                                                  `{}`,
	} {
		p, err := Parse(newContext(sampleData(t), nil), stageList(t, stages))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Filter().Source(); !bsonvalue.Identical(got, bsontest.Parse(t, want)) {
			t.Errorf("%s: %s reaches the beginning, want %s", stages, bsonvalue.Format(got), want)
		}
	}
}

// What $expr cannot be true without is added to the filter, and takes nothing away.
func TestNarrow(t *testing.T) {
	for expr, want := range map[string]string{
		`{"$eq":["$a.b",1]}`:            `{"a.b":{"$eq":1}}`,
		`{"$eq":[{"$add":[1,1]},"$a"]}`: `{"a":{"$eq":2}}`,
		`{"$and":[{"$eq":["$a","x"]},{"$gt":["$b",1]},{"$eq":["$c",true]}]}`: `{"a":{"$eq":"x"},"c":{"$eq":true}}`,
		`{"$eq":["$a","$b"]}`: `{}`, `{"$eq":["$a",null]}`: `{}`, `{"$eq":["$a",[1]]}`: `{}`, `{"$eq":["$$ROOT",1]}`: `{}`, `{"$or":[{"$eq":["$a",1]}]}`: `{}`,
		`{"$ne":["$a",1]}`: `{}`, `"$a"`: `{}`,
	} {
		p, err := Parse(newContext(sampleData(t), nil), stageList(t, `[{"$match":{"$expr":`+expr+`}}]`))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Filter().Source()[1:]; bsonvalue.Format(got) != bsonvalue.Format(bsontest.Parse(t, want)) {
			t.Errorf("%s: %s, want %s", expr, bsonvalue.Format(got), want)
		}
	}
	h := &data{collections: map[string][]bson.D{"c": documents(t, `{"_id":1,"a":1}`, `{"_id":2,"a":[1]}`, `{"_id":3,"a":1.0}`, `{"_id":4,"a":{"0":1}}`, `{"_id":5}`)}}
	cases{
		`[{"$match":{"$expr":{"$eq":["$a",1]}}},{"$project":{"_id":1}}]`:   {`{"_id":1}`, `{"_id":3}`},
		`[{"$match":{"$expr":{"$eq":["$a.0",1]}}},{"$project":{"_id":1}}]`: {`{"_id":4}`},
		`[{"$limit":1},{"$lookup":{"from":"c","let":{"v":"$a"},"pipeline":[{"$match":{"$expr":{"$eq":["$$v","$a"]}}},{"$project":{"_id":1}}],"as":"a"}}]`: {
			`{"_id":1,"a":[{"_id":1},{"_id":3}]}`},
	}.run(t, h)
}

// A condition that is moved keeps documents from stages that would fail on them, and the rest stays
// where it was.
func TestRaised(t *testing.T) {
	h := &data{collections: map[string][]bson.D{"c": documents(t, `{"_id":1,"n":0}`, `{"_id":2,"n":2}`, `{"_id":3,"n":4}`)}}
	cases{
		`[{"$set":{"r":{"$divide":[1,"$n"]}}},{"$match":{"n":{"$gt":0},"r":{"$lt":0.3}}}]`: {`{"_id":3,"n":4,"r":0.25}`},
		`[{"$sort":{"_id":-1}},{"$set":{"r":{"$divide":[1,"$n"]}}},{"$sort":{"r":1}},{"$match":{"n":{"$gt":0},"r":{"$lt":0.3},"$expr":{"$gt":["$n",1]}}},{"$project":{"_id":1}}]`: {
			`{"_id":3}`},
	}.run(t, h)
	failures{`[{"$set":{"r":{"$divide":[1,"$n"]}}},{"$match":{"r":{"$gt":0}}}]`: 16608}.run(t, h)
}
