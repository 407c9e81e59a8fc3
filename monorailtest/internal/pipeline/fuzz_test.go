package pipeline

import (
	"math/rand/v2"
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// Whatever a client sends as a pipeline gives documents or an error, and leaves what is stored as it was.
func FuzzPipeline(f *testing.F) {
	var pipelines []bson.A
	pool := bson.A{nil, int32(0), int32(-1), 1.5, "", "$", "$n", "$$ROOT", "a..b", bson.A{}, bson.D{}, true}
	for _, stages := range []string{
		`[{"$match":{"r":"x"}},{"$project":{"a":{"b":1},"c":"$r"}},{"$set":{"l.x":{"$add":["$n",1]}}},{"$unset":["a.b"]}]`,
		`[{"$group":{"_id":{"k":"$r"},"n":{"$push":"$$ROOT"},"s":{"$stdDevPop":"$n"},"m":{"$mergeObjects":"$x"}}},{"$sort":{"_id":-1}},{"$limit":2},{"$skip":1}]`,
		`[{"$unwind":{"path":"$l","includeArrayIndex":"i.j","preserveNullAndEmptyArrays":true}},{"$sortByCount":"$l"},{"$count":"n"}]`,
		`[{"$bucket":{"groupBy":"$n","boundaries":[0,3],"default":"o"}},{"$facet":{"a":[{"$sample":{"size":1}}]}}]`,
		`[{"$bucketAuto":{"groupBy":"$n","buckets":2,"granularity":"R5"}},{"$redact":{"$cond":["$a","$$DESCEND","$$PRUNE"]}}]`,
		`[{"$lookup":{"from":"c","let":{"v":"$n"},"pipeline":[{"$match":{"$expr":{"$eq":["$n","$$v"]}}}],"as":"j.k"}},{"$replaceRoot":{"newRoot":"$j"}}]`,
		`[{"$lookup":{"from":"c","localField":"l","foreignField":"n","as":"j"}},{"$unionWith":{"coll":"c","pipeline":[{"$replaceWith":{"a":1}}]}}]`,
		`[{"$graphLookup":{"from":"c","startWith":"$l","connectFromField":"n","connectToField":"_id","as":"g","maxDepth":2,"depthField":"d"}}]`,
		`[{"$merge":{"into":"o","on":["a","b"],"let":{"x":1},"whenMatched":[{"$set":{"a":1}}]}}]`, `[{"$out":{"db":"x","coll":"y"}}]`,
		`[{"$collStats":{"count":{}}},{"$addFields":{"a.b":[1,"$n"]}}]`,
	} {
		p := bsontest.Parse(f, `{"p":`+stages+`}`)[0].Value.(bson.A)
		pipelines = append(pipelines, p)
		pool = append(pool, parts(p)...)
	}
	for seed := range uint64(500) {
		f.Add(seed)
	}
	before := format(sampleData(f).collections["c"])
	f.Fuzz(func(t *testing.T, seed uint64) {
		m := mutator{rand.New(rand.NewPCG(seed, 0)), pool}
		stages, err := stagesOf(m.change(pipelines[m.IntN(len(pipelines))]))
		if err != nil {
			return
		}
		h := sampleData(t)
		c := newContext(h, nil)
		p, err := Parse(c, stages)
		if err != nil {
			return
		}
		r := &run{ctx: t.Context, Context: c}
		in, err := p.Read(r.ctx)
		if err == nil {
			for range 1000 {
				if _, ok, err := in(); err != nil || !ok {
					break
				}
			}
		}
		for i, s := range format(h.collections["c"]) {
			if s != before[i] {
				t.Errorf("%s: a stored document has become %s, and was %s", bsonvalue.Format(list(stages)), s, before[i])
			}
		}
	})
}

func list(stages []bson.D) bson.A {
	out := bson.A{}
	for _, d := range stages {
		out = append(out, d)
	}
	return out
}

// parts returns the values in a value, and those in them.
func parts(v any) bson.A {
	var out bson.A
	switch x := v.(type) {
	case bson.D:
		for _, e := range x {
			out = append(append(out, e.Value), parts(e.Value)...)
		}
	case bson.A:
		for _, item := range x {
			out = append(append(out, item), parts(item)...)
		}
	}
	return out
}

// mutator changes values here and there.
type mutator struct {
	*rand.Rand
	pool bson.A
}

func (m mutator) change(v any) any {
	if m.IntN(20) == 0 {
		return m.pool[m.IntN(len(m.pool))]
	}
	switch x := v.(type) {
	case bson.D:
		out := bson.D{}
		for _, e := range x {
			switch m.IntN(30) {
			case 0:
				continue
			case 1:
				out = append(out, e)
			}
			out = append(out, bson.E{Key: e.Key, Value: m.change(e.Value)})
		}
		return out
	case bson.A:
		out := bson.A{}
		for _, item := range x {
			switch m.IntN(30) {
			case 0:
				continue
			case 1:
				out = append(out, item)
			}
			out = append(out, m.change(item))
		}
		return out
	}
	return v
}
