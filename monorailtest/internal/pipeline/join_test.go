package pipeline

import (
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
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

func TestUnionWith(t *testing.T) {
	cases{
		`[{"$project":{"_id":1}},{"$unionWith":"v"}]`:                                               {`{"_id":1}`, `{"_id":2}`, `{"_id":3}`, `{"_id":1}`, `{"_id":2}`},
		`[{"$limit":1},{"$unionWith":{"coll":"i","pipeline":[{"$match":{"n":7}}]}},{"$count":"n"}]`: {`{"n":2}`},
		`[{"$unionWith":"none"},{"$count":"n"}]`:                                                    {`{"n":3}`},
	}.run(t, joined(t))
	failures{
		`[{"$unionWith":1}]`: 9, `[{"$unionWith":{}}]`: 40414, `[{"$unionWith":{"coll":1}}]`: 14, `[{"$unionWith":{"coll":"i","pipeline":1}}]`: 14,
		`[{"$unionWith":{"coll":"i","x":1}}]`: 40415, `[{"$unionWith":{"coll":"i","pipeline":[{"$merge":"x"}]}}]`: 31441,
	}.run(t, joined(t))
}

func TestGraphLookup(t *testing.T) {
	h := &data{collections: map[string][]bson.D{"c": documents(t,
		`{"_id":1,"n":"A","to":"B"}`, `{"_id":2,"n":"B","to":["C","A"]}`, `{"_id":3,"n":"C"}`, `{"_id":4,"n":"D","to":"D"}`)}}
	search := func(more string) string {
		return `[{"$match":{"_id":{"$in":[1,4]}}},{"$graphLookup":{"from":"c","startWith":"$to","connectFromField":"to","connectToField":"n","as":"r"` + more + `}},{"$project":{"r.n":1,"r.d":1}}]`
	}
	cases{
		search(``): {`{"_id":1,"r":[{"n":"B"},{"n":"A"},{"n":"C"}]}`, `{"_id":4,"r":[{"n":"D"}]}`},
		search(`,"maxDepth":0,"depthField":"d"`): {
			`{"_id":1,"r":[{"n":"B","d":{"$numberLong":"0"}}]}`, `{"_id":4,"r":[{"n":"D","d":{"$numberLong":"0"}}]}`},
		search(`,"restrictSearchWithMatch":{"_id":{"$ne":1}}`): {`{"_id":1,"r":[{"n":"B"},{"n":"C"}]}`, `{"_id":4,"r":[{"n":"D"}]}`},
	}.run(t, h)
	failures{
		`[{"$graphLookup":1}]`: 9, `[{"$graphLookup":{}}]`: 9, `[{"$graphLookup":{"from":"c"}}]`: 40105, search(`,"maxDepth":-1`): 40101,
		search(`,"maxDepth":"1"`): 40100, search(`,"maxDepth":1.5`): 40102, search(`,"x":1`): 40104, search(`,"depthField":1`): 40103,
		search(`,"restrictSearchWithMatch":1`): 40185, search(`,"restrictSearchWithMatch":{"$x":1}`): 2,
	}.run(t, h)
}

func TestFacet(t *testing.T) {
	h := sampleData(t)
	cases{
		`[{"$facet":{"n":[{"$count":"n"}],"x":[{"$match":{"r":"x"}},{"$project":{"_id":1}}],"none":[{"$match":{"n":0}}]}}]`: {
			`{"n":[{"n":3}],"x":[{"_id":1},{"_id":3}],"none":[]}`},
		`[{"$match":{"n":0}},{"$facet":{"a":[]}}]`: {`{"a":[]}`},
	}.run(t, h)
	if h.reads != 2 {
		t.Errorf("%d reads for two runs", h.reads)
	}
	failures{
		`[{"$facet":1}]`: 40169, `[{"$facet":{}}]`: 40169, `[{"$facet":{"a":1}}]`: 40170, `[{"$facet":{"a":[1]}}]`: 40171, `[{"$facet":{"a.b":[]}}]`: 16412,
		`[{"$facet":{"$a":[]}}]`: 16410, `[{"$facet":{"a":[{"$facet":{"b":[]}}]}}]`: 40600, `[{"$facet":{"a":[{"$out":"x"}]}}]`: 40600,
		`[{"$facet":{"a":[{"$collStats":{}}]}}]`: 40600, `[{"$facet":{"a":[{"$foo":1}]}}]`: 40324,
	}.run(t, h)
}

func TestPlaces(t *testing.T) {
	failures{
		`[{}]`: 40323, `[{"$match":{},"$limit":1}]`: 40323, `[{"$foo":1}]`: 40324, `[{"$limit":0},{"$foo":1}]`: 40324,
		`[{"$out":"x"},{"$limit":1}]`: 40601, `[{"$match":{}},{"$collStats":{}}]`: 40602, `[{"$geoNear":{}}]`: 238,
		`[{"$limit":1},{"$match":{"$text":{"$search":"x"}}}]`: 17313,
		`[{"$currentOp":{}}]`: 73, `[{"$listLocalSessions":{}}]`: 73, `[{"$listSessions":{}}]`: 73, `[{"$changeStream":{}}]`: 40573,
		`[{"$collStats":1}]`: 40166, `[{"$collStats":{"x":1}}]`: 40168, `[{"$indexStats":{"x":1}}]`: 28803, `[{"$planCacheStats":{"x":1}}]`: 9,
		`[{"$project":{"a":{"$divide":[1,0]}}},{"$limit":0}]`: 15958,
	}.run(t, sampleData(t))
	cases{`[{"$indexStats":{}}]`: {`{"stage":"$indexStats","ns":"d.c"}`}}.run(t, sampleData(t))
	for stages, want := range map[string]int32{`[]`: 73, `[{"$match":{}}]`: 73, `[{"$currentOp":{"x":1}}]`: 9, `[{"$currentOp":{"allUsers":1}}]`: 9, `[{"$currentOp":{}}]`: 0} {
		c := newContext(sampleData(t), nil)
		c.Namespace = Namespace{"admin", ""}
		if _, err := Parse(c, stageList(t, stages)); code(err) != want {
			t.Errorf("{aggregate: 1} with %s: %v, want code %d", stages, err, want)
		}
	}
	c := newContext(sampleData(t), nil)
	c.InTransaction = true
	if _, err := Parse(c, stageList(t, `[{"$collStats":{}}]`)); code(err) != 263 {
		t.Errorf("in a transaction: %v", err)
	}
}

func TestOutAndMerge(t *testing.T) {
	for stages, want := range map[string][]string{
		`[{"$project":{"_id":1}},{"$limit":1},{"$out":"o"}]`: {"replace d.o", "{ _id: 1 }"},
		`[{"$limit":1},{"$unset":["l","r"]},{"$merge":"o"}]`: {"update d.o { _id: 1 } { $set: { _id: 1, n: 3 } } or insert"},
		`[{"$limit":1},{"$unset":["l","r"]},{"$merge":{"into":{"db":"e","coll":"o"},"on":"n","whenMatched":"replace","whenNotMatched":"discard"}}]`: {
			"update e.o { n: 3 } { _id: 1, n: 3 }"},
		`[{"$limit":1},{"$unset":["l","r"]},{"$merge":{"into":"o","whenMatched":"keepExisting"}}]`: {
			"update d.o { _id: 1 } { $setOnInsert: { _id: 1, n: 3 } } or insert"},
		`[{"$limit":1},{"$unset":["l","r"]},{"$merge":{"into":"o","whenMatched":"fail"}}]`: {"insert d.o { _id: 1, n: 3 }"},
		`[{"$limit":1},{"$unset":["l","r"]},{"$merge":{"into":"o","let":{"x":"$n"},"whenMatched":[]}}]`: {
			"update d.o { _id: 1 } stages { x: 3, new: { _id: 1, n: 3 } } or insert"},
	} {
		h := sampleData(t)
		got, err := runStages(t, newContext(h, nil), stages)
		if err != nil || len(got) > 0 || !slices.Equal(h.written, want) {
			t.Errorf("%s: %v, %q, %v; want %q", stages, got, h.written, err, want)
		}
	}
	failures{
		`[{"$out":1}]`: 16990, `[{"$out":{"db":"x"}}]`: 16994, `[{"$out":""}]`: 73, `[{"$out":"system.x"}]`: 17385, `[{"$out":{"db":"admin","coll":"x"}}]`: 31321,
		`[{"$merge":1}]`: 14, `[{"$merge":{}}]`: 40414, `[{"$merge":{"into":1}}]`: 51178, `[{"$merge":{"into":"o","x":1}}]`: 40415, `[{"$merge":""}]`: 73,
		`[{"$merge":{"into":"o","on":1}}]`: 51186, `[{"$merge":{"into":"o","on":[]}}]`: 51187, `[{"$merge":{"into":"o","on":[1]}}]`: 51134,
		`[{"$merge":{"into":"o","on":["a","a"]}}]`: 31465, `[{"$merge":{"into":"o","on":["a","b"]}}]`: 51183,
		`[{"$merge":{"into":"o","whenMatched":"x"}}]`: 2, `[{"$merge":{"into":"o","whenMatched":"pipeline"}}]`: 2, `[{"$merge":{"into":"o","whenMatched":1}}]`: 51191, `[{"$merge":{"into":"o","whenNotMatched":"x"}}]`: 2,
		`[{"$merge":{"into":"o","whenMatched":"fail","whenNotMatched":"discard"}}]`: 51181, `[{"$merge":{"into":"o","let":{}}}]`: 51199,
		`[{"$merge":{"into":"o","let":{"new":1},"whenMatched":[]}}]`: 51273, `[{"$merge":"system.x"}]`: 31319,
		`[{"$merge":{"into":"o","on":"none"}}]`: 51132, `[{"$merge":{"into":"o","on":"l"}}]`: 51185,
		// Of the documents only 1 is there.
		`[{"$merge":{"into":"o","whenNotMatched":"fail"}}]`: 13113,
	}.run(t, sampleData(t))
}

func TestUpdate(t *testing.T) {
	scope := expression.NewScope(nil, 0, primitive.Timestamp{}).Define("new")
	u, err := ParseUpdate(stageList(t, `[{"$set":{"a":"$$new.a","b":{"c":1}}},{"$unset":"x"},{"$project":{"_id":0}},{"$replaceWith":{"in":"$$ROOT"}}]`), scope)
	if err != nil {
		t.Fatal(err)
	}
	d := bsontest.Parse(t, `{"_id":1,"x":2,"b":{"d":3}}`)
	got, err := u.Apply(d, bsontest.Parse(t, `{"a":7}`))
	if err != nil || !bsonvalue.Identical(got, bsontest.Parse(t, `{"in":{"b":{"d":3,"c":1},"a":7}}`)) {
		t.Errorf("%v, %v", bsonvalue.Format(got), err)
	}
	if !bsonvalue.Identical(d, bsontest.Parse(t, `{"_id":1,"x":2,"b":{"d":3}}`)) {
		t.Errorf("the document has become %v", d)
	}
	for stages, want := range map[string]int32{
		`[{"$foo":1}]`: 40324, `[{"$match":{}}]`: 72, `[{"$match":{}},{"$set":1}]`: 40272, `[]`: 0,
	} {
		if _, err := ParseUpdate(stageList(t, stages), expression.NewScope(nil, 0, primitive.Timestamp{})); code(err) != want {
			t.Errorf("%s: %v, want code %d", stages, err, want)
		}
	}
	u, err = ParseUpdate(stageList(t, `[{"$set":{"a":{"$cond":["$x",{"$divide":[1,0]},1]}}}]`), expression.NewScope(nil, 0, primitive.Timestamp{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Apply(d); code(err) != 16608 {
		t.Errorf("%v, want code 16608", err)
	}
	if _, err := u.Apply(nil); err != nil {
		t.Errorf("what is not reached must not fail: %v", err)
	}
}
