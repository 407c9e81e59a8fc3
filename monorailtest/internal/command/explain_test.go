package command

import "testing"

// explain tells which index a command uses and what it finds, and changes nothing.
func TestExplain(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","documents":[{"_id":1,"a":1},{"_id":2,"a":2},{"_id":3,"a":2},{"_id":4,"a":"x"}]}`)
	c.run(`{"createIndexes":"c","indexes":[{"key":{"a":1},"name":"a_1"}]}`)
	winning := func(command string) any {
		t.Helper()
		return lookup(c.run(`{"explain":%s,"verbosity":"queryPlanner"}`, command), "queryPlanner", "winningPlan")
	}
	for _, test := range []struct {
		command string
		stages  []string
	}{
		{`{"find":"c"}`, []string{"COLLSCAN"}},
		{`{"find":"c","filter":{"b":1}}`, []string{"COLLSCAN"}},
		{`{"find":"c","filter":{"_id":1}}`, []string{"IDHACK"}},
		{`{"find":"c","filter":{"a":2}}`, []string{"FETCH", "IXSCAN"}},
		{`{"count":"c","query":{"a":"X"},"collation":{"locale":"en","strength":2}}`, []string{"COUNT", "COLLSCAN"}},
		{`{"find":"c","filter":{"b":2},"hint":"a_1"}`, []string{"FETCH", "IXSCAN"}},
		{`{"find":"c","sort":{"b":1},"skip":1,"limit":2,"projection":{"a":1}}`, []string{"PROJECTION_DEFAULT", "LIMIT", "SKIP", "SORT", "COLLSCAN"}},
		{`{"find":"c","sort":{"a":-1}}`, []string{"FETCH", "IXSCAN"}},
		{`{"find":"c","filter":{"a":{"$gt":1}}}`, []string{"FETCH", "IXSCAN"}},
		{`{"find":"missing"}`, []string{"EOF"}},
		{`{"count":"c"}`, []string{"COUNT", "RECORD_STORE_FAST_COUNT"}},
		{`{"count":"c","query":{"a":2}}`, []string{"COUNT", "FETCH", "IXSCAN"}},
		{`{"distinct":"c","key":"a","query":{"b":1}}`, []string{"COLLSCAN"}},
		{`{"update":"c","updates":[{"q":{"a":2},"u":{"$set":{"b":1}}}]}`, []string{"UPDATE", "FETCH", "IXSCAN"}},
		{`{"delete":"c","deletes":[{"q":{},"limit":0}]}`, []string{"DELETE", "COLLSCAN"}},
		{`{"findAndModify":"c","query":{"_id":1},"remove":true}`, []string{"DELETE", "IDHACK"}},
		{`{"aggregate":"c","pipeline":[{"$match":{"a":2}}],"cursor":{}}`, []string{"FETCH", "IXSCAN"}},
	} {
		plan := winning(test.command)
		for i, stage := range test.stages {
			if got := lookup(plan, "stage"); got != stage {
				t.Errorf("%s: stage %d is %v, want %s", test.command, i, got, stage)
				break
			}
			plan = lookup(plan, "inputStage")
		}
		if plan != nil {
			t.Errorf("%s: more stages: %v", test.command, plan)
		}
	}
	c.run(`{"create":"v","viewOn":"c","pipeline":[{"$match":{"a":2}},{"$project":{"a":1}}]}`)
	for _, command := range []string{
		`{"explain":{"find":"v"}}`, `{"explain":{"count":"v"}}`, `{"explain":{"distinct":"v","key":"a"}}`,
		`{"aggregate":"v","pipeline":[],"explain":true}`, `{"explain":{"aggregate":"v","pipeline":[]}}`,
	} {
		r := c.run("%s", command)
		c.expect(r, "PROJECTION_SIMPLE", "queryPlanner", "winningPlan", "stage")
		c.expect(r, "IXSCAN", "queryPlanner", "winningPlan", "inputStage", "inputStage", "stage")
	}
	const stats = "executionStats"
	r := c.run(`{"explain":{"find":"c","filter":{"a":2}},"verbosity":"executionStats"}`)
	c.expect(r, 2, stats, "nReturned")
	c.expect(r, 2, stats, "totalKeysExamined")
	c.expect(r, 2, stats, "totalDocsExamined")
	r = c.run(`{"explain":{"find":"c","filter":{"b":null},"skip":1,"limit":1}}`)
	c.expect(r, 1, stats, "nReturned")
	c.expect(r, 2, stats, "totalDocsExamined")
	r = c.run(`{"explain":{"update":"c","updates":[{"q":{"a":2},"u":{"$set":{"b":1}},"multi":true}]}}`)
	c.expect(r, 2, stats, "executionStages", "nMatched")
	c.expect(r, 0, stats, "nReturned")
	r = c.run(`{"explain":{"delete":"c","deletes":[{"q":{"a":2},"limit":1}]}}`)
	c.expect(r, 1, stats, "executionStages", "nWouldDelete")
	c.expect(c.run(`{"explain":{"count":"c","query":{"a":2}}}`), 2, stats, "executionStages", "nCounted")
	c.expect(c.run(`{"count":"c","query":{"b":1}}`), 0, "n")
	c.expect(c.run(`{"count":"c"}`), 4, "n")
	r = c.run(`{"explain":{"aggregate":"c","pipeline":[{"$match":{"a":2}},{"$group":{"_id":null}}],"cursor":{}}}`)
	c.expect(r, 2, "stages", 0, "$cursor", stats, "nReturned")
	c.expect(r, nil, "stages", 1, "$group", "_id")
}

// The stages that a plan can do are the plan's; where others are left, the plan is the first of the stages.
func TestExplainAggregatePushesDown(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","documents":[{"_id":1,"a":1},{"_id":2,"a":2},{"_id":3,"a":3}]}`)
	for stages, want := range map[string]struct {
		plan  string
		limit any
		rest  string
	}{
		`{"$match":{"a":1}}`:                                  {"COLLSCAN", nil, ""},
		`{"$sort":{"a":1}}`:                                   {"SORT", nil, ""},
		`{"$sort":{"a":1}},{"$limit":2}`:                      {"SORT", 2, ""},
		`{"$sort":{"a":1}},{"$skip":1},{"$limit":2}`:          {"SORT", 3, "$skip"},
		`{"$limit":3},{"$limit":2}`:                           {"LIMIT", 2, ""},
		`{"$addFields":{"x":1}},{"$limit":2}`:                 {"LIMIT", 2, "$addFields"},
		`{"$project":{"a":1}}`:                                {"PROJECTION_SIMPLE", nil, ""},
		`{"$project":{"a":true,"_id":0}}`:                     {"PROJECTION_SIMPLE", nil, ""},
		`{"$project":{"a":0}}`:                                {"COLLSCAN", nil, "$project"},
		`{"$project":{"_id":0}}`:                              {"COLLSCAN", nil, "$project"},
		`{"$project":{"x":"$a"}}`:                             {"COLLSCAN", nil, "$project"},
		`{"$group":{"_id":"$a"}},{"$limit":1}`:                {"COLLSCAN", nil, "$group"},
		`{"$match":{"a":1}},{"$sort":{"a":1}},{"$count":"n"}`: {"SORT", nil, "$count"},
	} {
		r := c.run(`{"aggregate":"c","explain":true,"pipeline":[%s]}`, stages)
		at := []any{"queryPlanner", "winningPlan"}
		if want.rest != "" {
			at = append([]any{"stages", 0, "$cursor"}, at...)
			if lookup(r, "stages", 1, want.rest) == nil {
				t.Errorf("%s: no stage %s in %v", stages, want.rest, r)
			}
		}
		c.expect(r, want.plan, append(at, "stage")...)
		c.expect(r, want.limit, append(at, "limitAmount")...)
	}
}

// What cannot be explained is refused as MongoDB does.
func TestExplainRefuses(t *testing.T) {
	c := newSession(t, newTestState(t))
	for command, code := range map[string]int{
		`{"explain":1}`: 9,
		`{"explain":{"find":"c"},"verbosity":"bad"}`:                                   9,
		`{"explain":{"find":"c"},"verbosity":1}`:                                       9,
		`{"explain":{"nope":1}}`:                                                       59,
		`{"explain":{}}`:                                                               59,
		`{"explain":{"insert":"c","documents":[{}]}}`:                                  20,
		`{"explain":{"ping":1}}`:                                                       20,
		`{"explain":{"find":"c","$db":"other"}}`:                                       73,
		`{"explain":{"find":"c","bogus":1}}`:                                           9,
		`{"explain":{"find":"c","filter":{"$foo":1}}}`:                                 2,
		`{"explain":{"update":"c","updates":[{"q":{}}]}}`:                              40414,
		`{"explain":{"delete":"c","deletes":[{"q":{},"limit":1},{"q":{},"limit":1}]}}`: 16,
	} {
		c.expect(c.run("%s", command), code, "code")
	}
}
