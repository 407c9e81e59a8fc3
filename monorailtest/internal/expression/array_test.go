package expression

import "testing"

func TestArrays(t *testing.T) {
	checkRules(t, []rule{
		{`{"$size":"$a"}`, `3`}, {`{"$size":[[1,2]]}`, `2`}, {`{"$size":"$n"}`, 17124}, {`{"$size":"$none"}`, 17124}, {`{"$size":[1,2]}`, 16020},
		{`{"$isArray":"$a"}`, `true`}, {`{"$isArray":["$s"]}`, `false`}, {`{"$isArray":[[1]]}`, `true`}, {`{"$isArray":"$none"}`, `false`},
		{`{"$arrayElemAt":["$a",0]}`, `3`}, {`{"$arrayElemAt":["$a",-1]}`, `2`}, {`{"$arrayElemAt":["$a",3]}`, nothing}, {`{"$arrayElemAt":["$a",-4]}`, nothing},
		{`{"$arrayElemAt":["$a",1.0]}`, `1`}, {`{"$arrayElemAt":["$none",0]}`, `null`}, {`{"$arrayElemAt":["$a",null]}`, `null`},
		{`{"$arrayElemAt":["$s",0]}`, 28689}, {`{"$arrayElemAt":["$a","x"]}`, 28690}, {`{"$arrayElemAt":["$a",1.5]}`, 28691}, {`{"$arrayElemAt":["$a",4294967296]}`, 28691},
		{`{"$first":"$a"}`, `3`}, {`{"$last":"$a"}`, `2`}, {`{"$first":"$e"}`, nothing}, {`{"$last":[[1,2]]}`, `2`}, {`{"$first":"$n"}`, `null`}, {`{"$first":"$s"}`, 28689}, {`{"$last":"$i"}`, 28689},
		{`{"$concatArrays":["$a",[4],[]]}`, `[3,1,2,4]`}, {`{"$concatArrays":["$a","$none"]}`, `null`}, {`{"$concatArrays":["$a","$s"]}`, 28664}, {`{"$concatArrays":[]}`, `[]`},
		{`{"$reverseArray":"$a"}`, `[2,1,3]`}, {`{"$reverseArray":"$n"}`, `null`}, {`{"$reverseArray":"$s"}`, 34435},
		{`{"$in":[1,"$a"]}`, `true`}, {`{"$in":[1.0,"$a"]}`, `true`}, {`{"$in":["$none","$a"]}`, `false`}, {`{"$in":[1,"$s"]}`, 40081}, {`{"$in":[1,null]}`, 40081}, {`{"$in":[1]}`, 16020},
		{`{"$slice":["$a",2]}`, `[3,1]`}, {`{"$slice":["$a",-2]}`, `[1,2]`}, {`{"$slice":["$a",0]}`, `[]`}, {`{"$slice":["$a",-9]}`, `[3,1,2]`}, {`{"$slice":["$a",9]}`, `[3,1,2]`},
		{`{"$slice":["$a",1,1]}`, `[1]`}, {`{"$slice":["$a",-9,2]}`, `[3,1]`}, {`{"$slice":["$a",9,1]}`, `[]`}, {`{"$slice":["$a",1,9]}`, `[1,2]`},
		{`{"$slice":[null,1]}`, `null`}, {`{"$slice":["$a",null]}`, `null`}, {`{"$slice":["$a",1,null]}`, `null`},
		{`{"$slice":["$s",1]}`, 28724}, {`{"$slice":["$a","x"]}`, 28725}, {`{"$slice":["$a",1.5]}`, 28726}, {`{"$slice":["$a",1,"x"]}`, 28727},
		{`{"$slice":["$a",1,1.5]}`, 28728}, {`{"$slice":["$a",1,0]}`, 28729}, {`{"$slice":["$a",1,-1]}`, 28729}, {`{"$slice":["$a"]}`, 28667},
		{`{"$range":[0,5]}`, `[0,1,2,3,4]`}, {`{"$range":[0,10,3]}`, `[0,3,6,9]`}, {`{"$range":[5,0,-2]}`, `[5,3,1]`}, {`{"$range":[5,0]}`, `[]`}, {`{"$range":[0,2.0]}`, `[0,1]`},
		{`{"$range":["x",1]}`, 34443}, {`{"$range":[0.5,1]}`, 34444}, {`{"$range":[0,"x"]}`, 34445}, {`{"$range":[0,1.5]}`, 34446},
		{`{"$range":[0,1,"x"]}`, 34447}, {`{"$range":[0,1,0.5]}`, 34448}, {`{"$range":[0,1,0]}`, 34449}, {`{"$range":[0]}`, 28667}, {`{"$range":[null,5]}`, 34443},
		{`{"$range":[0,2147483647]}`, 146},
		{`{"$indexOfArray":["$a",2]}`, `2`}, {`{"$indexOfArray":["$a",9]}`, `-1`}, {`{"$indexOfArray":["$a",1.0]}`, `1`}, {`{"$indexOfArray":["$a",3,1]}`, `-1`}, {`{"$indexOfArray":["$a",2,0,2]}`, `-1`},
		{`{"$indexOfArray":["$a",2,5]}`, `-1`}, {`{"$indexOfArray":["$n",1]}`, `null`}, {`{"$indexOfArray":[null,"$i"]}`, `null`}, {`{"$indexOfArray":["$s",1]}`, 40090}, {`{"$indexOfArray":["x","$i"]}`, 50809},
		{`{"$indexOfArray":["$a",1,"x"]}`, 40096}, {`{"$indexOfArray":["$a",1,-1]}`, 40097}, {`{"$indexOfArray":["$a",1,0,1.5]}`, 40096}, {`{"$indexOfArray":["$a"]}`, 28667},
	})
}

func TestObjects(t *testing.T) {
	checkRules(t, []rule{
		{`{"$objectToArray":"$o"}`, `[{"k":"x","v":1},{"k":"y","v":{"z":"q"}}]`}, {`{"$objectToArray":"$none"}`, `null`}, {`{"$objectToArray":"$a"}`, 40390},
		{`{"$arrayToObject":[[["a",1],["b",2]]]}`, `{"a":1,"b":2}`}, {`{"$arrayToObject":[[{"k":"a","v":1},{"k":"a","v":2}]]}`, `{"a":2}`}, {`{"$arrayToObject":[[]]}`, `{}`},
		{`{"$arrayToObject":"$none"}`, `null`}, {`{"$arrayToObject":"$s"}`, 40386}, {`{"$arrayToObject":[[1]]}`, 40398}, {`{"$arrayToObject":"$ao"}`, 40391}, {`{"$arrayToObject":[[["a",1],5]]}`, 40396},
		{`{"$arrayToObject":[[["a"]]]}`, 40397}, {`{"$arrayToObject":[[[1,2]]]}`, 40395}, {`{"$arrayToObject":[[["a\u0000b",1]]]}`, 4940400}, {`{"$arrayToObject":[[{"k":"a\u0000b","v":1}]]}`, 4940401}, {`{"$arrayToObject":[[{"k":"a","v":null}]]}`, `{"a":null}`}, {`{"$arrayToObject":[[{"k":"a"}]]}`, 40392}, {`{"$arrayToObject":[[{"k":"a","x":1}]]}`, 40393}, {`{"$arrayToObject":[[{"k":1,"v":1}]]}`, 40394},
		{`{"$mergeObjects":[{"a":1,"b":2},{"b":3,"c":4}]}`, `{"a":1,"b":3,"c":4}`}, {`{"$mergeObjects":["$none",null]}`, `{}`}, {`{"$mergeObjects":[[{"a":1},{"b":2}]]}`, `{"a":1,"b":2}`},
		{`{"$mergeObjects":"$o"}`, `{"x":1,"y":{"z":"q"}}`}, {`{"$mergeObjects":["$o","$s"]}`, 40400},
	})
}

func TestSets(t *testing.T) {
	checkRules(t, []rule{
		{`{"$setUnion":["$a",[3,4]]}`, `[1,2,3,4]`}, {`{"$setUnion":["$a",null]}`, `null`}, {`{"$setUnion":["$a","$s"]}`, 17043}, {`{"$setUnion":[]}`, `[]`},
		{`{"$setIntersection":["$a",[1,2,9,1]]}`, `[1,2]`}, {`{"$setIntersection":[[1,2],[1.0]]}`, `[1.0]`}, {`{"$setIntersection":["$a","$none"]}`, `null`}, {`{"$setIntersection":["$a","$s"]}`, 17047}, {`{"$setIntersection":["$e","$a"]}`, `[]`},
		{`{"$setDifference":["$a",[1]]}`, `[3,2]`}, {`{"$setDifference":[[1,1,2.0],[2]]}`, `[1]`}, {`{"$setDifference":["$n","$a"]}`, `null`}, {`{"$setDifference":["$s","$a"]}`, 17048}, {`{"$setDifference":["$a","$s"]}`, 17049},
		{`{"$setEquals":["$a",[1,2,3,3]]}`, `true`}, {`{"$setEquals":["$a",[1,2]]}`, `false`}, {`{"$setEquals":["$a",[1.0,2,3],[3,2,1]]}`, `true`}, {`{"$setEquals":["$a",null]}`, 17044}, {`{"$setEquals":["$a"]}`, 17045},
		{`{"$setIsSubset":[[1],"$a"]}`, `true`}, {`{"$setIsSubset":["$a",[1,2,3,4]]}`, `true`}, {`{"$setIsSubset":["$a",[1]]}`, `false`}, {`{"$setIsSubset":["$s","$a"]}`, 17046}, {`{"$setIsSubset":["$a","$s"]}`, 17042},
		{`{"$setIsSubset":["$a",1]}`, 17311}, {`{"$setIsSubset":["$s",[1]]}`, 17310}, {`{"$setIsSubset":["$none","$a"]}`, 17046},
		{`{"$allElementsTrue":["$a"]}`, `true`}, {`{"$allElementsTrue":[[true,0]]}`, `false`}, {`{"$allElementsTrue":[[]]}`, `true`}, {`{"$allElementsTrue":"$n"}`, 17040}, {`{"$allElementsTrue":[]}`, 16020},
		{`{"$anyElementTrue":[[false,0,null]]}`, `false`}, {`{"$anyElementTrue":[[0,"x"]]}`, `true`}, {`{"$anyElementTrue":[[]]}`, `false`}, {`{"$anyElementTrue":"$i"}`, 17041},
	})
}

func TestIteration(t *testing.T) {
	checkRules(t, []rule{
		{`{"$map":{"input":"$a","as":"x","in":{"$add":["$$x","$i"]}}}`, `[10,8,9]`}, {`{"$map":{"input":"$ao","in":"$$this.k"}}`, `["a","b",null]`}, {`{"$map":{"input":"$none","in":1}}`, `null`}, {`{"$map":{"input":"$e","in":1}}`, `[]`},
		{`{"$map":{"input":[[1,2],[3]],"as":"row","in":{"$map":{"input":"$$row","as":"x","in":{"$multiply":["$$x",{"$size":"$$row"}]}}}}}`, `[[2,4],[3]]`},
		{`{"$map":{"input":"$s","in":1}}`, 16883}, {`{"$map":1}`, 16878}, {`{"$map":{"in":1}}`, 16880}, {`{"$map":{"input":"$a"}}`, 16882}, {`{"$map":{"input":"$a","in":1,"x":1}}`, 16879},
		{`{"$map":{"input":"$a","as":"V","in":1}}`, 16867}, {`{"$map":{"input":"$a","as":"","in":1}}`, 16866}, {`{"$map":{"input":"$a","as":1,"in":1}}`, 16866}, {`{"$map":{"input":"$$this","in":1}}`, 17276},
		{`{"$filter":{"input":"$a","as":"v","cond":{"$gt":["$$v",1]}}}`, `[3,2]`}, {`{"$filter":{"input":"$a","cond":{"$gt":["$$this",1]}}}`, `[3,2]`}, {`{"$filter":{"input":"$n","cond":true}}`, `null`},
		{`{"$filter":{"input":"$s","cond":true}}`, 28651}, {`{"$filter":1}`, 28646}, {`{"$filter":{"cond":true}}`, 28648}, {`{"$filter":{"input":"$a"}}`, 28650}, {`{"$filter":{"input":"$a","cond":true,"limit":1}}`, 28647},
		{`{"$reduce":{"input":"$a","initialValue":0,"in":{"$add":["$$value","$$this"]}}}`, `6`}, {`{"$reduce":{"input":"$e","initialValue":5,"in":1}}`, `5`}, {`{"$reduce":{"input":"$none","initialValue":5,"in":1}}`, `null`},
		{`{"$reduce":{"input":"$s","initialValue":5,"in":1}}`, 40080}, {`{"$reduce":1}`, 40075}, {`{"$reduce":{"x":1}}`, 40076}, {`{"$reduce":{"initialValue":1,"in":1}}`, 40077}, {`{"$reduce":{"input":"$a","in":1}}`, 40078}, {`{"$reduce":{"input":"$a","initialValue":0}}`, 40079},
		{`{"$reduce":{"input":"$a","initialValue":"$$value","in":1}}`, 17276},
		{`{"$zip":{"inputs":["$a",["p","q"]]}}`, `[[3,"p"],[1,"q"]]`}, {`{"$zip":{"inputs":["$a",["p"]],"useLongestLength":true}}`, `[[3,"p"],[1,null],[2,null]]`},
		{`{"$zip":{"inputs":["$a",["p"]],"useLongestLength":true,"defaults":[0,"d"]}}`, `[[3,"p"],[1,"d"],[2,"d"]]`}, {`{"$zip":{"inputs":["$a","$none"]}}`, `null`},
		{`{"$zip":{"inputs":["$a","$s"]}}`, 34468}, {`{"$zip":1}`, 34460}, {`{"$zip":{"inputs":1}}`, 34461}, {`{"$zip":{"inputs":["$a"],"defaults":1}}`, 34462}, {`{"$zip":{"inputs":["$a"],"useLongestLength":1}}`, 34463},
		{`{"$zip":{"inputs":["$a"],"x":1}}`, 34464}, {`{"$zip":{"inputs":[]}}`, 34465}, {`{"$zip":{"inputs":["$a"],"defaults":[1]}}`, 34466}, {`{"$zip":{"inputs":["$a"],"useLongestLength":true,"defaults":[1,2]}}`, 34467},
	})
}

func TestLet(t *testing.T) {
	checkRules(t, []rule{
		{`{"$let":{"vars":{"x":"$i","y":2},"in":{"$add":["$$x","$$y"]}}}`, `9`}, {`{"$let":{"vars":{},"in":1}}`, `1`}, {`{"$let":{"vars":{"x":"$o"},"in":"$$x.y.z"}}`, `"q"`},
		{`{"$let":{"vars":{"CURRENT":"$o"},"in":"$x"}}`, `1`}, {`{"$let":{"vars":{"CURRENT":"$o"},"in":"$$ROOT.i"}}`, `7`}, {`{"$let":{"vars":{"x":"$none"},"in":{"$type":"$$x"}}}`, `"missing"`},
		{`{"$let":{"vars":{"x":1},"in":{"$let":{"vars":{"x":2,"y":"$$x"},"in":["$$x","$$y"]}}}}`, `[2,1]`},
		{`{"$let":{"vars":{"x":5,"y":{"$let":{"vars":{"z":6},"in":"$$z"}}},"in":["$$x","$$y"]}}`, `[5,6]`},
		{`{"$let":{"vars":{"x":1},"in":"$$y"}}`, 17276}, {`{"$let":{"vars":{"x":1,"y":"$$x"},"in":1}}`, 17276}, {`{"$let":{"vars":{"X":1},"in":1}}`, 16867}, {`{"$let":{"vars":{"a.b":1},"in":1}}`, 16868}, {`{"$let":{"vars":{"ROOT":1},"in":1}}`, 16867},
		{`{"$let":1}`, 16874}, {`{"$let":{"vars":{},"in":1,"x":1}}`, 16875}, {`{"$let":{"in":1}}`, 16876}, {`{"$let":{"vars":{}}}`, 16877}, {`{"$let":{"vars":1,"in":1}}`, 10065},
	})
}
