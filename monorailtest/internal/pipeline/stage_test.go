package pipeline

import (
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

func TestSimpleStages(t *testing.T) {
	cases{
		`[{"$match":{}},{"$count":"c"}]`:                                          {`{"c":3}`},
		`[{"$match":{"n":9}},{"$count":"c"}]`:                                     {},
		`[{"$match":{"r":"x"}},{"$match":{"n":{"$gt":3}}},{"$project":{"n":1}}]`:  {`{"_id":3,"n":5}`},
		`[{"$sort":{"n":-1}},{"$skip":1},{"$limit":1},{"$project":{"n":1}}]`:      {`{"_id":1,"n":3}`},
		`[{"$limit":1.9},{"$project":{"_id":1}}]`:                                 {`{"_id":1}`},
		`[{"$skip":2},{"$unset":["l","r"]}]`:                                      {`{"_id":3,"n":5}`},
		`[{"$limit":1},{"$set":{"n":{"$add":["$n",1]},"z":"$r"}},{"$unset":"l"}]`: {`{"_id":1,"r":"x","n":4,"z":"x"}`},
		`[{"$limit":1},{"$replaceRoot":{"newRoot":{"v":"$n"}}}]`:                  {`{"v":3}`},
		`[{"$limit":1},{"$replaceWith":{"$literal":{"a":1}}}]`:                    {`{"a":1}`},
		`[{"$sortByCount":"$r"}]`:                                                 {`{"_id":"x","count":2}`, `{"_id":"y","count":1}`},
		`[{"$sample":{"size":0}}]`:                                                {},
		`[{"$sample":{"size":7}},{"$sort":{"_id":1}},{"$project":{"_id":1}}]`:     {`{"_id":1}`, `{"_id":2}`, `{"_id":3}`},
		`[{"$sample":{"size":2}},{"$count":"n"}]`:                                 {`{"n":2}`},
	}.run(t, sampleData(t))
}

func TestSimpleErrors(t *testing.T) {
	failures{
		`[{"$match":1}]`: 15959, `[{"$match":{"$and":[{"a":{"$near":[0,0]}}]}}]`: 2,
		`[{"$limit":0}]`: 15958, `[{"$limit":"1"}]`: 15957, `[{"$limit":0.5}]`: 15958, `[{"$skip":-1}]`: 15956, `[{"$skip":"1"}]`: 15972,
		`[{"$count":1}]`: 40156, `[{"$count":""}]`: 40157, `[{"$count":"$a"}]`: 40158, `[{"$count":"a.b"}]`: 40160,
		`[{"$project":1}]`: 15969, `[{"$project":{}}]`: 51272, `[{"$set":1}]`: 40272, `[{"$addFields":{}}]`: 40177,
		`[{"$unset":1}]`: 31002, `[{"$unset":[]}]`: 31119, `[{"$unset":["a",1]}]`: 31120, `[{"$unset":["a","a"]}]`: 31250,
		`[{"$replaceRoot":1}]`: 40229, `[{"$replaceRoot":{}}]`: 40414, `[{"$replaceRoot":{"a":1}}]`: 40415,
		`[{"$replaceRoot":{"newRoot":"$n"}}]`: 40228, `[{"$replaceWith":"$none"}]`: 40228,
		`[{"$sortByCount":1}]`: 40149, `[{"$sortByCount":"r"}]`: 40148, `[{"$sortByCount":{"a":1}}]`: 40147, `[{"$sortByCount":{}}]`: 40147,
		`[{"$sample":1}]`: 28745, `[{"$sample":{"size":"1"}}]`: 28746, `[{"$sample":{"size":-1}}]`: 28747,
		`[{"$sample":{"n":1}}]`: 28748, `[{"$sample":{}}]`: 28749,
	}.run(t, sampleData(t))
}

func TestUnwind(t *testing.T) {
	h := &data{}
	h.collections = map[string][]bson.D{"c": documents(t, `{"_id":1,"a":[7,[8]]}`, `{"_id":2,"a":[]}`, `{"_id":3,"a":null}`, `{"_id":4}`,
		`{"_id":5,"a":{"b":[1,2]}}`)}
	cases{
		`[{"$unwind":"$a"}]`: {`{"_id":1,"a":7}`, `{"_id":1,"a":[8]}`, `{"_id":5,"a":{"b":[1,2]}}`},
		`[{"$unwind":{"path":"$a","preserveNullAndEmptyArrays":true,"includeArrayIndex":"i"}}]`: {
			`{"_id":1,"a":7,"i":{"$numberLong":"0"}}`, `{"_id":1,"a":[8],"i":{"$numberLong":"1"}}`, `{"_id":2,"i":null}`,
			`{"_id":3,"a":null,"i":null}`, `{"_id":4,"i":null}`, `{"_id":5,"a":{"b":[1,2]},"i":null}`},
		`[{"$unwind":{"path":"$a.b","includeArrayIndex":"x.y"}}]`: {
			`{"_id":5,"a":{"b":1},"x":{"y":{"$numberLong":"0"}}}`, `{"_id":5,"a":{"b":2},"x":{"y":{"$numberLong":"1"}}}`},
		`[{"$limit":1},{"$unwind":{"path":"$a","includeArrayIndex":"a"}}]`: {`{"_id":1,"a":{"$numberLong":"0"}}`, `{"_id":1,"a":{"$numberLong":"1"}}`},
	}.run(t, h)
	failures{
		`[{"$unwind":1}]`: 15981, `[{"$unwind":{"path":1}}]`: 28808, `[{"$unwind":{"path":"$a","preserveNullAndEmptyArrays":1}}]`: 28809,
		`[{"$unwind":{"path":"$a","includeArrayIndex":""}}]`: 28810, `[{"$unwind":{"path":"$a","includeArrayIndex":"$i"}}]`: 28822,
		`[{"$unwind":{"path":"$a","x":1}}]`: 28811, `[{"$unwind":{}}]`: 28812, `[{"$unwind":"a"}]`: 28818, `[{"$unwind":"$a..b"}]`: 15998,
	}.run(t, h)
}

func TestRedact(t *testing.T) {
	h := &data{}
	h.collections = map[string][]bson.D{"c": documents(t, `{"_id":1,"v":1,"s":{"v":3},"a":[{"v":1,"b":{"v":9}},{"v":5},7,[{"v":5},{"v":0}]]}`, `{"_id":2,"v":5}`)}
	cases{
		`[{"$redact":{"$cond":[{"$lte":["$v",2]},"$$DESCEND","$$PRUNE"]}}]`: {`{"_id":1,"v":1,"a":[{"v":1},7,[{"v":0}]]}`},
		// $$ROOT is the whole document at every level, and so is what is not a field.
		`[{"$redact":{"$cond":[{"$eq":["$$ROOT.v",1]},"$$DESCEND","$$PRUNE"]}},{"$project":{"s":1}}]`: {`{"_id":1,"s":{"v":3}}`},
		`[{"$redact":{"$cond":[{"$lte":["$v",2]},"$$KEEP","$$PRUNE"]}},{"$project":{"s":1}}]`:         {`{"_id":1,"s":{"v":3}}`},
	}.run(t, h)
	failures{`[{"$redact":"$v"}]`: 17053, `[{"$redact":"$$NOPE"}]`: 17276}.run(t, h)
}

func TestSort(t *testing.T) {
	h := &data{}
	h.collections = map[string][]bson.D{"c": documents(t, `{"_id":1,"a":2}`, `{"_id":2,"a":1}`, `{"_id":3,"a":2}`, `{"_id":4}`, `{"_id":5,"a":[0,9]}`)}
	cases{
		`[{"$sort":{"a":1}},{"$project":{"_id":1}}]`:                                        {`{"_id":4}`, `{"_id":5}`, `{"_id":2}`, `{"_id":1}`, `{"_id":3}`},
		`[{"$sort":{"a":-1}},{"$project":{"_id":1}},{"$limit":2}]`:                          {`{"_id":5}`, `{"_id":1}`},
		`[{"$sort":{"a":-1}},{"$skip":1},{"$limit":2},{"$limit":1},{"$project":{"_id":1}}]`: {`{"_id":1}`},
	}.run(t, h)
	failures{
		`[{"$sort":1}]`: 15973, `[{"$sort":{}}]`: 15976, `[{"$sort":{"a":2}}]`: 15975, `[{"$sort":{"a":"x"}}]`: 15974,
		`[{"$sort":{"a":{"$meta":"foo"}}}]`: 31138, `[{"$sort":{"a":{"b":1}}}]`: 17312,
	}.run(t, h)
}

// A $sort whose stages behind it want few documents holds few, and so stays within the limit.
func TestSortHoldsWhatIsWanted(t *testing.T) {
	h := &data{}
	h.collections = map[string][]bson.D{}
	big := make([]byte, 1<<20)
	for i := range 110 {
		h.collections["c"] = append(h.collections["c"], bson.D{{Key: "_id", Value: int32(i)}, {Key: "s", Value: string(big)}})
	}
	for stages, want := range map[string]int32{`[{"$sort":{"_id":-1}}]`: codeMemoryLimit, `[{"$sort":{"_id":-1}},{"$project":{"_id":1}},{"$limit":3}]`: 0} {
		got, err := runStages(t, newContext(h, nil), stages)
		if code(err) != want || want == 0 && (len(got) != 3 || !bsonvalue.Equal(got[0][0].Value, int32(109))) {
			t.Errorf("%s: %d documents, %v; want code %d", stages, len(got), err, want)
		}
	}
	c := newContext(h, nil)
	c.AllowDiskUse = true
	if got, err := runStages(t, c, `[{"$sort":{"_id":-1}}]`); err != nil || len(got) != 110 {
		t.Errorf("with allowDiskUse: %d documents, %v", len(got), err)
	}
}

// What comes in its order is not sorted again, and only a $sort at the beginning asks for an order.
func TestSortedByHost(t *testing.T) {
	for stages, asked := range map[string]bool{`[{"$match":{}},{"$sort":{"_id":-1}},{"$limit":1}]`: true, `[{"$limit":1},{"$sort":{"_id":-1}}]`: false} {
		h := sampleData(t)
		h.sorted = true
		got, err := runStages(t, newContext(h, nil), stages)
		if err != nil || len(got) != 1 || !bsonvalue.Equal(got[0][0].Value, int32(1)) || h.asked != asked {
			t.Errorf("%s: %v, %v; asked: %t", stages, format(got), err, h.asked)
		}
	}
}
