package pipeline

import (
	"testing"
)

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

func TestCheckReadConcern(t *testing.T) {
	for _, c := range []struct {
		stages, level string
		want          int32
	}{
		{`[{"$out":"o"}]`, "majority", 0}, {`[{"$out":"o"}]`, "linearizable", 72}, {`[{"$merge":"o"}]`, "linearizable", 72},
		{`[{"$match":{}}]`, "linearizable", 0}, {`[{"$indexStats":{}}]`, "majority", 72}, {`[{"$indexStats":{}}]`, "local", 0}, {`[{"$planCacheStats":{}}]`, "", 0},
	} {
		p, err := Parse(newContext(sampleData(t), nil), stageList(t, c.stages))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.CheckReadConcern(c.level); code(err) != c.want {
			t.Errorf("%s with %q: %v, want code %d", c.stages, c.level, err, c.want)
		}
	}
}
