package expression

import "testing"

func TestComparison(t *testing.T) {
	checkRules(t, []rule{
		{`{"$eq":["$i",7.0]}`, `true`}, {`{"$eq":["$none",null]}`, `false`}, {`{"$ne":["$i",8]}`, `true`}, {`{"$gt":["$s",5]}`, `true`}, {`{"$lt":["$none",{"$minKey":1}]}`, `false`}, {`{"$lt":["$none",null]}`, `true`},
		{`{"$gte":["$a",[3,1,2]]}`, `true`}, {`{"$lte":["$o",{"x":1}]}`, `false`}, {`{"$eq":["$nan","$nan"]}`, `true`}, {`{"$lt":["$nan",-1]}`, `true`}, {`{"$gt":["$dt","$ts"]}`, `false`},
		{`{"$cmp":[2,10]}`, `-1`}, {`{"$cmp":["b","a"]}`, `1`}, {`{"$cmp":["$i",7]}`, `0`}, {`{"$cmp":["$i",[]]}`, `-1`},
		{`{"$eq":[1]}`, 16020}, {`{"$gt":[1,2,3]}`, 16020}, {`{"$cmp":1}`, 16020},
	})
}

func TestBoolean(t *testing.T) {
	checkRules(t, []rule{
		{`{"$and":[]}`, `true`}, {`{"$or":[]}`, `false`}, {`{"$and":["$s","$e"]}`, `true`}, {`{"$and":["$t","$zero"]}`, `false`}, {`{"$or":["$n","$i"]}`, `true`}, {`{"$or":["$none","$f"]}`, `false`}, {`{"$and":"$i"}`, `true`}, {`{"$and":["$nan"]}`, `true`},
		{`{"$and":["$zero",{"$divide":[1,"$zero"]}]}`, `false`}, {`{"$or":["$i",{"$divide":[1,"$zero"]}]}`, `true`}, {`{"$and":[{"$divide":[1,"$zero"]},"$zero"]}`, 16608}, {`{"$and":[{"$divide":[1,"$zero"]},false]}`, `false`}, {`{"$or":[{"$divide":[1,"$zero"]},1]}`, `true`},
		{`{"$and":["$i",true]}`, `true`}, {`{"$or":["$zero",false]}`, `false`}, {`{"$or":[1,{"$divide":[1,0]}]}`, 16608},
		{`{"$not":["$t"]}`, `false`}, {`{"$not":"$none"}`, `true`}, {`{"$not":["$e"]}`, `false`}, {`{"$not":[]}`, 16020}, {`{"$not":[1,2]}`, 16020},
	})
}

func TestConditional(t *testing.T) {
	checkRules(t, []rule{
		{`{"$cond":["$t","y","n"]}`, `"y"`}, {`{"$cond":{"if":"$zero","then":1,"else":"$s"}}`, `"Hello World"`}, {`{"$cond":["$t","$none",1]}`, nothing}, {`{"$cond":["$t",1,{"$divide":[1,"$zero"]}]}`, `1`},
		{`{"$cond":[1,2]}`, 16020}, {`{"$cond":1}`, 16020}, {`{"$cond":{"then":1,"else":1}}`, 17080}, {`{"$cond":{"if":1,"else":1}}`, 17081}, {`{"$cond":{"if":1,"then":1}}`, 17082}, {`{"$cond":{"if":1,"x":1}}`, 17083},
		{`{"$ifNull":["$none",7]}`, `7`}, {`{"$ifNull":["$n","$none"]}`, nothing}, {`{"$ifNull":["$zero",7]}`, `0`}, {`{"$ifNull":["$i",{"$divide":[1,"$zero"]}]}`, `7`}, {`{"$ifNull":["$n"]}`, 16020}, {`{"$ifNull":["$n","$n",1]}`, 16020},
		{`{"$switch":{"branches":[{"case":"$zero","then":1},{"case":"$i","then":"two"}],"default":3}}`, `"two"`}, {`{"$switch":{"branches":[{"case":"$zero","then":1}],"default":"$none"}}`, nothing}, {`{"$switch":{"branches":[{"case":false,"then":1}]}}`, 40066},
		{`{"$switch":1}`, 40060}, {`{"$switch":{"branches":1}}`, 40061}, {`{"$switch":{"branches":[1]}}`, 40062}, {`{"$switch":{"branches":[{"x":1}]}}`, 40063}, {`{"$switch":{"branches":[{"then":1}]}}`, 40064}, {`{"$switch":{"branches":[{"case":1}]}}`, 40065},
		{`{"$switch":{"branches":[{"case":1,"then":1}],"x":1}}`, 40067}, {`{"$switch":{"branches":[]}}`, 40068}, {`{"$switch":{"default":1}}`, 40068},
	})
}

func TestAccumulators(t *testing.T) {
	checkRules(t, []rule{
		{`{"$sum":"$a"}`, `6`}, {`{"$sum":["$i","$d","$s"]}`, `9.5`}, {`{"$sum":["$a",1]}`, `1`}, {`{"$sum":"$none"}`, `0`}, {`{"$sum":[]}`, `0`}, {`{"$sum":["$i","$m"]}`, `{"$numberDecimal":"8.5"}`}, {`{"$sum":"$ao.v"}`, `3`},
		{`{"$avg":"$a"}`, `2.0`}, {`{"$avg":["$s",null]}`, `null`}, {`{"$avg":["$m",2]}`, `{"$numberDecimal":"1.75"}`}, {`{"$avg":["$long","$long"]}`, `9.223372036854775807e18`},
		{`{"$min":"$a"}`, `1`}, {`{"$max":["$i","$s",null]}`, `"Hello World"`}, {`{"$min":["$none",null]}`, `null`}, {`{"$max":"$e"}`, `null`}, {`{"$min":["$a",[0]]}`, `[0]`},
		{`{"$stdDevPop":[1,2,3,4]}`, `1.118033988749895`}, {`{"$stdDevSamp":[1,2,3,4]}`, `1.2909944487358056`}, {`{"$stdDevSamp":[1]}`, `null`}, {`{"$stdDevPop":["$i"]}`, `0.0`}, {`{"$stdDevPop":"$s"}`, `null`},
	})
}

func TestTypes(t *testing.T) {
	checkRules(t, []rule{
		{`{"$type":"$none"}`, `"missing"`}, {`{"$type":"$m"}`, `"decimal"`}, {`{"$type":"$t"}`, `"bool"`}, {`{"$type":"$ts"}`, `"timestamp"`}, {`{"$type":[[1]]}`, `"array"`}, {`{"$type":{"$minKey":1}}`, `"minKey"`}, {`{"$type":[1,2]}`, 16020},
		{`{"$isNumber":"$m"}`, `true`}, {`{"$isNumber":"$s"}`, `false`}, {`{"$isNumber":"$none"}`, `false`},
		{`{"$binarySize":"$bin"}`, `2`}, {`{"$binarySize":"$u"}`, `5`}, {`{"$binarySize":"$n"}`, `null`}, {`{"$binarySize":1}`, 51276}, {`{"$bsonSize":"$o"}`, `29`}, {`{"$bsonSize":"$none"}`, `null`}, {`{"$bsonSize":"$a"}`, 31393},
		{`{"$meta":"x"}`, 17308}, {`{"$meta":1}`, 17307}, {`{"$meta":"textScore"}`, 40218}, {`{"$meta":"sortKey"}`, 238}, {`{"$meta":"recordId"}`, nothing},
		{`{"$lt":[{"$rand":{}},1]}`, `true`}, {`{"$rand":{"x":1}}`, 3040501}, {`{"$rand":1}`, 10065},
		{`{"$function":{"body":"f","args":[],"lang":"js"}}`, 31264}, {`{"$function":1}`, 31260}, {`{"$function":{"args":[],"lang":"js"}}`, 31261}, {`{"$function":{"body":"f","args":[],"lang":"x"}}`, 31419},
	})
}
