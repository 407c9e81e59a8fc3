package pipeline

import (
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
)

func TestGroup(t *testing.T) {
	cases{
		`[{"$group":{"_id":"$r","s":{"$sum":"$n"},"a":{"$avg":"$n"},"m":{"$max":"$n"},"k":{"$min":"$none"}}}]`: {
			`{"_id":"x","s":8,"a":4.0,"m":5,"k":null}`, `{"_id":"y","s":1,"a":1.0,"m":1,"k":null}`},
		`[{"$group":{"_id":null,"f":{"$first":"$n"},"l":{"$last":"$l"},"p":{"$push":"$r"},"q":{"$addToSet":"$r"},"e":{"$push":"$none"},"g":{"$first":"$none"}}}]`: {
			`{"_id":null,"f":3,"l":[],"p":["x","y","x"],"q":["x","y"],"e":[],"g":null}`},
		`[{"$group":{"_id":{"a":"$none"}}}]`:                               {`{"_id":{"a":null}}`},
		`[{"$group":{"_id":{"a":"$none","b":"$r"}}}]`:                      {`{"_id":{"b":"x"}}`, `{"_id":{"b":"y"}}`},
		`[{"$group":{"_id":"$none"}}]`:                                     {`{"_id":null}`},
		`[{"$match":{"n":9}},{"$group":{"_id":null}}]`:                     {},
		`[{"$group":{"_id":1,"m":{"$mergeObjects":{"r":"$r","l":"$l"}}}}]`: {`{"_id":1,"m":{"r":"x","l":[]}}`},
		`[{"$group":{"_id":1,"m":{"$mergeObjects":null}}}]`:                {`{"_id":1,"m":{}}`},
		`[{"$group":{"_id":1,"a":{"$sum":"$r"},"b":{"$avg":"$r"},"c":{"$stdDevPop":"$r"},"d":{"$stdDevPop":"$n"},"e":{"$stdDevSamp":1}}}]`: {
			`{"_id":1,"a":0,"b":null,"c":null,"d":1.632993161855452,"e":0.0}`},
	}.run(t, sampleData(t))
	failures{
		`[{"$group":1}]`: 15947, `[{"$group":{}}]`: 15955, `[{"$group":{"_id":1,"n":1}}]`: 40234, `[{"$group":{"_id":1,"n":{}}}]`: 40234,
		`[{"$group":{"_id":1,"a.b":{"$sum":1}}}]`: 40235, `[{"$group":{"_id":1,"$a":{"$sum":1}}}]`: 40236,
		`[{"$group":{"_id":1,"n":{"$sum":1,"$avg":1}}}]`: 40238, `[{"$group":{"_id":1,"n":{"$foo":1}}}]`: 15952,
		`[{"$group":{"_id":1,"n":{"$sum":[1]}}}]`: 40237, `[{"$group":{"_id":1,"n":{"$accumulator":{}}}}]`: 4544707,
		`[{"$group":{"_id":1,"n":{"$accumulator":1}}}]`: 4544703, `[{"$group":{"_id":1,"n":{"$accumulator":{"init":"$r"}}}}]`: 4544701,
		`[{"$group":{"_id":1,"n":{"$accumulator":{"init":1}}}}]`: 4544702, `[{"$group":{"_id":1,"n":{"$accumulator":{"lang":"x"}}}}]`: 4544705,
		`[{"$group":{"_id":1,"n":{"$accumulator":{"x":1}}}}]`:                                                                       4544706,
		`[{"$group":{"_id":1,"n":{"$accumulator":{"init":"f","accumulate":"f","merge":"f","accumulateArgs":["$n"],"lang":"js"}}}}]`: 31264,
		`[{"$group":{"_id":1,"n":{"$mergeObjects":"$n"}}}]`:                                                                         40400, `[{"$group":{"_id":{"a":1}}}]`: 17390,
		// A constant that cannot be computed fails even where there are no documents.
		`[{"$match":{"n":9}},{"$group":{"_id":1,"n":{"$sum":{"$divide":[1,0]}}}}]`: 16608,
	}.run(t, sampleData(t))
}

// The sum is in the widest type, an int that overflows becomes a long, and doubles are added without
// losing what is small.
func TestSum(t *testing.T) {
	for values, want := range map[string]string{
		`[1,2]`:                   `3`,
		`[2147483647,1]`:          `{"$numberLong":"2147483648"}`,
		`[1,{"$numberLong":"2"}]`: `{"$numberLong":"3"}`,
		`[{"$numberLong":"9223372036854775807"},1]`:      `9223372036854775807.0`,
		`[0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1]`:      `1.0`,
		`[{"$numberDecimal":"0.1"},{"$numberLong":"2"}]`: `{"$numberDecimal":"2.1"}`,
		`["x",null,[1]]`:                   `0`,
		`[{"$numberDouble":"Infinity"},1]`: `{"$numberDouble":"Infinity"}`,
	} {
		h := &data{collections: map[string][]bson.D{"c": documents(t, `{"v":`+values+`}`)}}
		got, err := runStages(t, newContext(h, nil), `[{"$unwind":"$v"},{"$group":{"_id":1,"s":{"$sum":"$v"}}}]`)
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %v, %v", values, got, err)
		}
		if w := documents(t, `{"_id":1,"s":`+want+`}`)[0]; !bsonvalue.Identical(got[0], w) {
			t.Errorf("%s: %s, want %s", values, bsonvalue.Format(got[0]), bsonvalue.Format(w))
		}
	}
}

func TestGroupCollation(t *testing.T) {
	c, err := collation.Parse(bson.D{{Key: "locale", Value: "en"}, {Key: "strength", Value: int32(2)}})
	if err != nil {
		t.Fatal(err)
	}
	h := &data{collections: map[string][]bson.D{"c": documents(t, `{"_id":1,"s":"a"}`, `{"_id":2,"s":"A"}`, `{"_id":3,"s":"b"}`)}}
	got, err := runStages(t, newContext(h, c), `[{"$group":{"_id":"$s","n":{"$sum":1},"q":{"$addToSet":"$s"}}},{"$sort":{"_id":1}}]`)
	want := documents(t, `{"_id":"a","n":2,"q":["a"]}`, `{"_id":"b","n":1,"q":["b"]}`)
	if err != nil || len(got) != 2 || !bsonvalue.Identical(got[0], want[0]) || !bsonvalue.Identical(got[1], want[1]) {
		t.Errorf("%v, %v", format(got), err)
	}
}

func TestMemory(t *testing.T) {
	big := string(make([]byte, 1<<20))
	h := &data{collections: map[string][]bson.D{}}
	for i := range 110 {
		h.collections["c"] = append(h.collections["c"], bson.D{{Key: "_id", Value: int32(i)}, {Key: "s", Value: big}})
	}
	for stages, want := range map[string]int32{
		`[{"$group":{"_id":"$_id","s":{"$push":"$s"}}}]`:                                                       codeMemoryLimit,
		`[{"$group":{"_id":1,"s":{"$push":"$s"}}}]`:                                                            146,
		`[{"$group":{"_id":1,"s":{"$max":"$s"}}}]`:                                                             0,
		`[{"$group":{"_id":1,"s":{"$addToSet":"$s"}}}]`:                                                        0,
		`[{"$facet":{"a":[]}},{"$project":{"a._id":1}}]`:                                                       4031700,
		`[{"$facet":{"a":[{"$limit":60}],"b":[{"$limit":60}]}},{"$project":{"a._id":1}}]`:                      4031700,
		`[{"$facet":{"a":[{"$limit":60}],"b":[{"$limit":30}]}},{"$project":{"a._id":1}}]`:                      0,
		`[{"$limit":1},{"$lookup":{"from":"c","pipeline":[],"as":"x"}},{"$project":{"x._id":1}}]`:              4568,
		`[{"$limit":1},{"$lookup":{"from":"c","pipeline":[{"$limit":90}],"as":"x"}},{"$project":{"x._id":1}}]`: 0,
	} {
		if _, err := runStages(t, newContext(h, nil), stages); code(err) != want {
			t.Errorf("%s: %v, want code %d", stages, err, want)
		}
	}
	c := newContext(h, nil)
	c.AllowDiskUse = true
	if got, err := runStages(t, c, `[{"$group":{"_id":"$_id","s":{"$push":"$s"}}}]`); err != nil || len(got) != 110 {
		t.Errorf("with allowDiskUse: %d groups, %v", len(got), err)
	}
}

func TestBucket(t *testing.T) {
	h := &data{collections: map[string][]bson.D{"c": documents(t, `{"_id":1,"p":5}`, `{"_id":2,"p":10}`, `{"_id":3,"p":19.5}`, `{"_id":4,"p":"x"}`, `{"_id":5}`)}}
	cases{
		`[{"$match":{"p":{"$type":"number"}}},{"$bucket":{"groupBy":"$p","boundaries":[0,10,20]}}]`: {`{"_id":0,"count":1}`, `{"_id":10,"count":2}`},
		`[{"$bucket":{"groupBy":"$p","boundaries":[0,10],"default":"other","output":{"ids":{"$push":"$_id"}}}}]`: {
			`{"_id":0,"ids":[1]}`, `{"_id":"other","ids":[2,3,4,5]}`},
		`[{"$limit":1},{"$bucket":{"groupBy":"$p","boundaries":[0,{"$add":[5,5]}],"output":{}}}]`: {`{"_id":0}`},
	}.run(t, h)
	failures{
		`[{"$bucket":1}]`: 40201, `[{"$bucket":{"groupBy":"p"}}]`: 40202, `[{"$bucket":{"boundaries":1}}]`: 40200, `[{"$bucket":{"boundaries":["$p",1]}}]`: 40191,
		`[{"$bucket":{"boundaries":[1]}}]`: 40192, `[{"$bucket":{"boundaries":[1,"x"]}}]`: 40193, `[{"$bucket":{"boundaries":[1,1]}}]`: 40194,
		`[{"$bucket":{"default":"$p"}}]`: 40195, `[{"$bucket":{"output":1}}]`: 40196, `[{"$bucket":{"x":1}}]`: 40197, `[{"$bucket":{}}]`: 40198,
		`[{"$bucket":{"groupBy":"$p","boundaries":[0,10],"default":5}}]`: 40199, `[{"$bucket":{"groupBy":"$p","boundaries":[0,10]}}]`: 40066,
	}.run(t, h)
}

func TestBucketAuto(t *testing.T) {
	h := &data{collections: map[string][]bson.D{"c": documents(t, `{"_id":1}`, `{"_id":2}`, `{"_id":3}`, `{"_id":4}`, `{"_id":5}`, `{"_id":6}`)}}
	cases{
		`[{"$bucketAuto":{"groupBy":"$_id","buckets":2}}]`: {`{"_id":{"min":1,"max":4},"count":3}`, `{"_id":{"min":4,"max":6},"count":3}`},
		`[{"$bucketAuto":{"groupBy":"$_id","buckets":4,"output":{"m":{"$max":"$_id"}}}}]`: {
			`{"_id":{"min":1,"max":3},"m":2}`, `{"_id":{"min":3,"max":5},"m":4}`, `{"_id":{"min":5,"max":6},"m":6}`},
		// Equal values stay together.
		`[{"$bucketAuto":{"groupBy":{"$cond":[{"$lt":["$_id",6]},1,2]},"buckets":3}}]`: {`{"_id":{"min":1,"max":2},"count":5}`, `{"_id":{"min":2,"max":2},"count":1}`},
		`[{"$bucketAuto":{"groupBy":"$_id","buckets":2,"granularity":"R5"}}]`: {
			`{"_id":{"min":0.63,"max":4.0},"count":3}`, `{"_id":{"min":4.0,"max":6.300000000000001},"count":3}`},
		`[{"$bucketAuto":{"groupBy":"$_id","buckets":2,"granularity":"POWERSOF2"}}]`: {
			`{"_id":{"min":0.5,"max":4.0},"count":3}`, `{"_id":{"min":4.0,"max":8.0},"count":3}`},
		`[{"$bucketAuto":{"groupBy":"$none","buckets":2}}]`: {`{"_id":{"min":null,"max":null},"count":6}`},
	}.run(t, h)
	failures{
		`[{"$bucketAuto":1}]`: 40240, `[{"$bucketAuto":{"groupBy":"x"}}]`: 40239, `[{"$bucketAuto":{"buckets":"x"}}]`: 40241,
		`[{"$bucketAuto":{"buckets":1.5}}]`: 40242, `[{"$bucketAuto":{"groupBy":"$x","buckets":0}}]`: 40243, `[{"$bucketAuto":{"output":1}}]`: 40244,
		`[{"$bucketAuto":{"x":1}}]`: 40245, `[{"$bucketAuto":{"buckets":1}}]`: 40246, `[{"$bucketAuto":{"granularity":"R6"}}]`: 40257,
		`[{"$bucketAuto":{"granularity":1}}]`: 40261, `[{"$bucketAuto":{"groupBy":"$none","buckets":1,"granularity":"R5"}}]`: 40258,
		`[{"$bucketAuto":{"groupBy":{"$subtract":[0,"$_id"]},"buckets":1,"granularity":"R5"}}]`: 40260,
	}.run(t, h)
}

// Rounding gives the neighbours in the series: always another number, except for zero.
func TestGranularity(t *testing.T) {
	for _, c := range []struct {
		series   string
		v        any
		up, down any
	}{
		{"R5", 1.0, 1.6, 0.63}, {"R5", 63.0, 100.0, 40.0}, {"E6", 0.8, 1.0, 0.68}, {"1-2-5", int32(3), 5.0, 2.0}, {"E24", int64(100), 110.0, 91.0},
		{"R10", 0.0, 0.0, 0.0}, {"R80", 5e-324, 1.02e-321, 0.0}, {"POWERSOF2", int32(8), 16.0, 4.0}, {"POWERSOF2", 0.75, 1.0, 0.5},
		{"1-2-5", decimal(t, "0.02"), decimal(t, "0.05"), decimal(t, "0.01")},
	} {
		r := rounderOf(c.series)
		if up, down := r.up(c.v), r.down(c.v); !near(up, c.up) || !near(down, c.down) {
			t.Errorf("%s of %v: up to %v, down to %v; want %v and %v", c.series, c.v, up, down, c.up, c.down)
		}
	}
}

func decimal(t *testing.T, s string) any {
	return documents(t, `{"d":{"$numberDecimal":"`+s+`"}}`)[0][0].Value
}

// near compares numbers of one type, and lets doubles differ by what multiplying by tenths costs.
func near(a, b any) bool {
	if bsonvalue.TypeOf(a) != bsonvalue.TypeOf(b) {
		return false
	}
	difference := bsonvalue.ToDouble(a) - bsonvalue.ToDouble(b)
	return difference < 1e-12 && difference > -1e-12
}
