package expression

import "testing"

func TestPaths(t *testing.T) {
	checkRules(t, []rule{
		{`"$i"`, `7`}, {`"$o.y.z"`, `"q"`}, {`"$none"`, nothing}, {`"$i.x"`, nothing}, {`"$o.none.x"`, nothing},
		{`"$ao.k"`, `["a","b"]`}, {`"$ao.none"`, `[]`}, {`"$a.x"`, `[]`}, {`"$a.0"`, `[]`}, {`"$e.x"`, `[]`},
		{`"$$ROOT.i"`, `7`}, {`"$$CURRENT.o.x"`, `1`}, {`"$$REMOVE"`, nothing}, {`"$$REMOVE.x"`, nothing},
		{`{"$type":"$$ROOT"}`, `"object"`}, {`{"$type":"$$NOW"}`, `"date"`}, {`{"$type":"$$CLUSTER_TIME"}`, `"timestamp"`}, {`"$$NOW.x"`, nothing},
		{`"text"`, `"text"`}, {`""`, `""`}, {`null`, `null`},
		{`"$"`, 16872}, {`"$$"`, 16869}, {`"$$_x"`, 16870}, {`"$$a-b"`, 16871}, {`"$$none"`, 17276}, {`"$$IS_MR"`, 51144},
		{`"$a."`, 40353}, {`"$a..b"`, 15998}, {`"$.a"`, 15998}, {`"$a.$b"`, 16410}, {`"$$ROOT."`, 40353},
	})
}

func TestLiterals(t *testing.T) {
	checkRules(t, []rule{
		{`{"a":"$i","b":["$s"],"c":"$none","d":{"e":1}}`, `{"a":7,"b":["Hello World"],"d":{"e":1}}`}, {`{}`, `{}`},
		{`["$i","$none",[]]`, `[7,null,[]]`},
		{`{"$literal":"$i"}`, `"$i"`}, {`{"$literal":{"$add":[1,2]}}`, `{"$add":[1,2]}`}, {`{"$const":[1]}`, `[1]`},
		{`{"a.b":1}`, 16412}, {`{"a":1,"$b":2}`, 16410}, {`{"a":1,"a":2}`, 16406}, {`{"":1}`, 15998},
		{`{"$add":[1],"b":1}`, 15983}, {`{"$none":1}`, 168}, {`{"$dateAdd":{}}`, 168}, {`{"$push":"$a"}`, 168},
	})
}
