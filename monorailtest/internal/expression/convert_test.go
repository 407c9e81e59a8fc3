package expression

import "testing"

func TestConvert(t *testing.T) {
	checkRules(t, []rule{
		{`{"$toInt":"$d"}`, `2`}, {`{"$toInt":-2.9}`, `-2`}, {`{"$toInt":"12"}`, `12`}, {`{"$toInt":"-3"}`, `-3`}, {`{"$toInt":"+3"}`, `3`}, {`{"$toInt":"$t"}`, `1`}, {`{"$toInt":"$l"}`, `9`}, {`{"$toInt":"$m"}`, `1`}, {`{"$toInt":"$none"}`, `null`},
		{`{"$toInt":"1.5"}`, 241}, {`{"$toInt":"x"}`, 241}, {`{"$toInt":""}`, 241}, {`{"$toInt":" 1"}`, 241}, {`{"$toInt":"0x10"}`, 241}, {`{"$toInt":2147483648.0}`, 241}, {`{"$toInt":2147483647.5}`, 241}, {`{"$toInt":"2147483648"}`, 241}, {`{"$toInt":"$long"}`, 241}, {`{"$toInt":"$nan"}`, 241}, {`{"$toInt":"$inf"}`, 241}, {`{"$toInt":"$dt"}`, 241}, {`{"$toInt":"$a"}`, 241}, {`{"$toInt":"$oid"}`, 241},
		{`{"$toInt":{"$numberDecimal":"2147483647.9"}}`, `2147483647`}, {`{"$toInt":{"$numberDecimal":"2147483648"}}`, 241}, {`{"$toInt":[1,2]}`, 50723}, {`{"$toInt":["$d"]}`, `2`},
		{`{"$toLong":1.9}`, `{"$numberLong":"1"}`}, {`{"$toLong":"$dt"}`, `{"$numberLong":"1582988645123"}`}, {`{"$toLong":"9223372036854775807"}`, `{"$numberLong":"9223372036854775807"}`}, {`{"$toLong":9.3e18}`, 241}, {`{"$toLong":{"$numberDecimal":"9223372036854775808"}}`, 241}, {`{"$toLong":"$f"}`, `{"$numberLong":"0"}`},
		{`{"$toDouble":"$i"}`, `7.0`}, {`{"$toDouble":"2.5e3"}`, `2500.0`}, {`{"$toDouble":"$dt"}`, `1582988645123.0`}, {`{"$toDouble":"$t"}`, `1.0`}, {`{"$toDouble":{"$numberDecimal":"1E400"}}`, 241}, {`{"$toDouble":"1e400"}`, 241}, {`{"$toDouble":"1_0"}`, 241}, {`{"$toDouble":"-Infinity"}`, `{"$numberDouble":"-Infinity"}`}, {`{"$toDouble":"$oid"}`, 241},
		{`{"$toDecimal":"$d"}`, `{"$numberDecimal":"2.50000000000000"}`}, {`{"$toDecimal":"1.50"}`, `{"$numberDecimal":"1.50"}`}, {`{"$toDecimal":"$i"}`, `{"$numberDecimal":"7"}`}, {`{"$toDecimal":"$t"}`, `{"$numberDecimal":"1"}`}, {`{"$toDecimal":"$dt"}`, `{"$numberDecimal":"1582988645123"}`}, {`{"$toDecimal":"x"}`, 241}, {`{"$toDecimal":0.0}`, `{"$numberDecimal":"0"}`},
		{`{"$toString":"$i"}`, `"7"`}, {`{"$toString":"$d"}`, `"2.5"`}, {`{"$toString":1.0}`, `"1"`}, {`{"$toString":1e21}`, `"1e+21"`}, {`{"$toString":"$inf"}`, `"Infinity"`}, {`{"$toString":-0.0}`, `"-0"`}, {`{"$toString":"$dt"}`, `"2020-02-29T15:04:05.123Z"`}, {`{"$toString":"$oid"}`, `"5e5d1c400123456789abcdef"`}, {`{"$toString":"$t"}`, `"true"`}, {`{"$toString":"$m"}`, `"1.5"`}, {`{"$toString":"$a"}`, 241}, {`{"$toString":"$ts"}`, 241}, {`{"$toString":"$bin"}`, 241},
		{`{"$toBool":"$zero"}`, `false`}, {`{"$toBool":"$s"}`, `true`}, {`{"$toBool":""}`, `true`}, {`{"$toBool":"$e"}`, `true`}, {`{"$toBool":"$nan"}`, `true`}, {`{"$toBool":{"$minKey":1}}`, `true`}, {`{"$toBool":"$n"}`, `null`}, {`{"$toBool":"$dt"}`, `true`},
		{`{"$toDate":"$l"}`, `{"$date":"1970-01-01T00:00:00.009Z"}`}, {`{"$toDate":1.5}`, `{"$date":"1970-01-01T00:00:00.001Z"}`}, {`{"$toDate":"2020-02-29T15:04:05Z"}`, `{"$date":"2020-02-29T15:04:05Z"}`}, {`{"$toDate":"$oid"}`, `{"$date":"2020-03-02T14:46:24Z"}`}, {`{"$toDate":"$i"}`, 241}, {`{"$toDate":"$ts"}`, 241}, {`{"$toDate":"x"}`, 241}, {`{"$toDate":"$t"}`, 241},
		{`{"$toObjectId":"5e5d1c400123456789abcdef"}`, `{"$oid":"5e5d1c400123456789abcdef"}`}, {`{"$toObjectId":"5e"}`, 241}, {`{"$toObjectId":"zz5d1c400123456789abcdef"}`, 241}, {`{"$toObjectId":"$i"}`, 241},
		{`{"$convert":{"input":"$d","to":"int"}}`, `2`}, {`{"$convert":{"input":"$d","to":16}}`, `2`}, {`{"$convert":{"input":"$s","to":"int","onError":"$i"}}`, `7`}, {`{"$convert":{"input":"$n","to":"int","onNull":"none"}}`, `"none"`}, {`{"$convert":{"input":"$i","to":null}}`, `null`}, {`{"$convert":{"input":"$s","to":"int","onError":"$none"}}`, nothing},
		{`{"$convert":{"input":"$i","to":"object"}}`, 241}, {`{"$convert":{"input":"$i","to":"missing"}}`, 241}, {`{"$convert":{"input":"$o","to":"object"}}`, 241}, {`{"$convert":{"input":"$i","to":"nope"}}`, 2}, {`{"$convert":{"input":"$i","to":1.5}}`, 9}, {`{"$convert":{"input":"$i","to":100}}`, 9}, {`{"$convert":{"input":"$i","to":true}}`, 9}, {`{"$convert":{"input":"$n","to":"nope","onError":1}}`, 2},
		{`{"$convert":1}`, 9}, {`{"$convert":{"to":"int"}}`, 9}, {`{"$convert":{"input":1}}`, 9}, {`{"$convert":{"input":1,"to":"int","x":1}}`, 9},
	})
}
