package expression

import "testing"

func TestStrings(t *testing.T) {
	checkRules(t, []rule{
		{`{"$concat":["$s","!"]}`, `"Hello World!"`}, {`{"$concat":["$s",null]}`, `null`}, {`{"$concat":["$s",1]}`, 16702}, {`{"$concat":[]}`, `""`}, {`{"$concat":["$n",1]}`, `null`},
		{`{"$toUpper":"$u"}`, `"éTé"`}, {`{"$toLower":"$s"}`, `"hello world"`}, {`{"$toUpper":"$none"}`, `""`}, {`{"$toUpper":"$i"}`, `"7"`}, {`{"$toUpper":"$d"}`, `"2.5"`}, {`{"$toLower":"$m"}`, `"1.5"`},
		{`{"$toUpper":"$dt"}`, `"2020-02-29T15:04:05.123Z"`}, {`{"$toUpper":"$ts"}`, `"FEB 29 15:04:05:3"`}, {`{"$toUpper":"$a"}`, 16007}, {`{"$toUpper":true}`, 16007}, {`{"$toUpper":"$oid"}`, 16007},
		{`{"$strcasecmp":["$s","hello world"]}`, `0`}, {`{"$strcasecmp":["a","B"]}`, `-1`}, {`{"$strcasecmp":["b",null]}`, `1`}, {`{"$strcasecmp":["a"]}`, 16020},
		{`{"$strLenBytes":"$u"}`, `5`}, {`{"$strLenCP":"$u"}`, `3`}, {`{"$strLenCP":null}`, 34471}, {`{"$strLenBytes":"$none"}`, 34473},
		{`{"$split":["a,b,,c",","]}`, `["a","b","","c"]`}, {`{"$split":["abc","x"]}`, `["abc"]`}, {`{"$split":["","x"]}`, `[""]`}, {`{"$split":["ab","ab"]}`, `["",""]`}, {`{"$split":["$none",","]}`, `null`},
		{`{"$split":["$i",","]}`, 40085}, {`{"$split":["a",1]}`, 40086}, {`{"$split":["a",""]}`, 40087}, {`{"$split":["a"]}`, 16020},
	})
}

func TestSubstrings(t *testing.T) {
	checkRules(t, []rule{
		{`{"$substrBytes":["$s",0,5]}`, `"Hello"`}, {`{"$substr":["$s",3,-1]}`, `"lo World"`}, {`{"$substrBytes":["$u",0,2]}`, `"é"`}, {`{"$substrBytes":["$s",99,1]}`, `""`}, {`{"$substrBytes":["$n",0,1]}`, `""`}, {`{"$substrBytes":["$i",0,1]}`, `"7"`},
		{`{"$substrBytes":["$s",0,9223372036854775807]}`, `"Hello World"`}, {`{"$substrBytes":["$s",1.9,1]}`, `"e"`},
		{`{"$substrBytes":["$u",0,1]}`, 28657}, {`{"$substrBytes":["$u",1,1]}`, 28656}, {`{"$substrBytes":["$s","x",1]}`, 16034}, {`{"$substrBytes":["$s",0,"x"]}`, 16035}, {`{"$substrBytes":["$s",-1,1]}`, 50752}, {`{"$substrBytes":["$s","$m",1]}`, 16034}, {`{"$substr":["a"]}`, 16020},
		{`{"$substrCP":["$u",0,1]}`, `"é"`}, {`{"$substrCP":["$u",1,9]}`, `"té"`}, {`{"$substrCP":["$s",20,5]}`, `""`}, {`{"$substrCP":["$s",0,0]}`, `""`},
		{`{"$substrCP":["$s","a",1]}`, 34450}, {`{"$substrCP":["$s",0.5,1]}`, 34451}, {`{"$substrCP":["$s",0,"a"]}`, 34452}, {`{"$substrCP":["$s",0,1.5]}`, 34453}, {`{"$substrCP":["$s",0,-1]}`, 34454}, {`{"$substrCP":["$s",-1,1]}`, 34455},
		{`{"$indexOfBytes":["$s","World"]}`, `6`}, {`{"$indexOfBytes":["$u","t"]}`, `2`}, {`{"$indexOfBytes":["$s","o",5]}`, `7`}, {`{"$indexOfBytes":["$s","o",5,7]}`, `-1`}, {`{"$indexOfBytes":["$s","",99]}`, `-1`}, {`{"$indexOfBytes":["$s","",11]}`, `11`},
		{`{"$indexOfBytes":["$s","o",5,3]}`, `-1`}, {`{"$indexOfBytes":["$n","x"]}`, `null`}, {`{"$indexOfBytes":["$i","x"]}`, 40091}, {`{"$indexOfBytes":["$s",1]}`, 40092}, {`{"$indexOfBytes":["$s",null]}`, 40092}, {`{"$indexOfBytes":["$s","x",-1]}`, 40097}, {`{"$indexOfBytes":["$s","x",1.5]}`, 40096},
		{`{"$indexOfCP":["$u","t"]}`, `1`}, {`{"$indexOfCP":["$u","é",1]}`, `2`}, {`{"$indexOfCP":["",""]}`, `0`}, {`{"$indexOfCP":["$s","World",0,7]}`, `6`}, {`{"$indexOfCP":["$n","x"]}`, `null`}, {`{"$indexOfCP":["$i","x"]}`, 40093}, {`{"$indexOfCP":["$s",1]}`, 40094}, {`{"$indexOfCP":["a"]}`, 28667},
	})
}

func TestTrim(t *testing.T) {
	checkRules(t, []rule{
		{`{"$trim":{"input":" \t\u00a0pad\u2003\n"}}`, `"pad"`}, {`{"$ltrim":{"input":"  pad "}}`, `"pad "`}, {`{"$rtrim":{"input":"  pad "}}`, `"  pad"`}, {`{"$trim":{"input":"xyaxy","chars":"yx"}}`, `"a"`},
		{`{"$trim":{"input":"éaé","chars":"é"}}`, `"a"`}, {`{"$trim":{"input":"  a  ","chars":""}}`, `"  a  "`}, {`{"$trim":{"input":"xxx","chars":"x"}}`, `""`}, {`{"$trim":{"input":"$none"}}`, `null`}, {`{"$trim":{"input":"a","chars":"$n"}}`, `null`},
		{`{"$trim":"$s"}`, 50696}, {`{"$trim":{"input":"a","x":1}}`, 50694}, {`{"$ltrim":{"chars":"a"}}`, 50695}, {`{"$trim":{"input":"$i"}}`, 50699}, {`{"$trim":{"input":"a","chars":1}}`, 50700},
	})
}

func TestReplace(t *testing.T) {
	checkRules(t, []rule{
		{`{"$replaceOne":{"input":"$s","find":"l","replacement":"L"}}`, `"HeLlo World"`}, {`{"$replaceAll":{"input":"$s","find":"l","replacement":"L"}}`, `"HeLLo WorLd"`}, {`{"$replaceAll":{"input":"aa","find":"","replacement":"-"}}`, `"-a-a-"`},
		{`{"$replaceOne":{"input":"aa","find":"","replacement":"-"}}`, `"-aa"`}, {`{"$replaceAll":{"input":"aaa","find":"aa","replacement":"b"}}`, `"ba"`}, {`{"$replaceOne":{"input":"$n","find":"l","replacement":"L"}}`, `null`},
		{`{"$replaceOne":{"input":"a","find":null,"replacement":1}}`, 51744}, {`{"$replaceAll":{"input":"a","find":1,"replacement":"L"}}`, 51745}, {`{"$replaceAll":{"input":1,"find":"a","replacement":"L"}}`, 51746},
		{`{"$replaceAll":{"input":"a","find":"a"}}`, 51747}, {`{"$replaceAll":{"input":"a","replacement":"a"}}`, 51748}, {`{"$replaceAll":{"find":"a","replacement":"a"}}`, 51749}, {`{"$replaceAll":{"x":1}}`, 51750}, {`{"$replaceAll":1}`, 51751},
	})
}

func TestRegex(t *testing.T) {
	checkRules(t, []rule{
		{`{"$regexMatch":{"input":"$s","regex":{"$regularExpression":{"pattern":"hello","options":"i"}}}}`, `true`}, {`{"$regexMatch":{"input":"$s","regex":"hello"}}`, `false`}, {`{"$regexMatch":{"input":"$s","regex":"hello","options":"i"}}`, `true`},
		{`{"$regexMatch":{"input":"$none","regex":"a"}}`, `false`}, {`{"$regexMatch":{"input":"a","regex":null}}`, `false`}, {`{"$regexMatch":{"input":"a","regex":{"$regularExpression":{"pattern":"A","options":""}},"options":"i"}}`, `true`},
		{`{"$regexFind":{"input":"$s","regex":"o (W)"}}`, `{"match":"o W","idx":4,"captures":["W"]}`}, {`{"$regexFind":{"input":"$u","regex":"t"}}`, `{"match":"t","idx":1,"captures":[]}`}, {`{"$regexFind":{"input":"$s","regex":"zz"}}`, `null`},
		{`{"$regexFind":{"input":"ab","regex":"(?<n>a)(b)(c)?"}}`, `{"match":"ab","idx":0,"captures":["a","b",null]}`},
		{`{"$regexFindAll":{"input":"$s","regex":"o"}}`, `[{"match":"o","idx":4,"captures":[]},{"match":"o","idx":7,"captures":[]}]`}, {`{"$regexFindAll":{"input":"$n","regex":"o"}}`, `[]`}, {`{"$regexFindAll":{"input":"aa","regex":""}}`, `[{"match":"","idx":0,"captures":[]},{"match":"","idx":1,"captures":[]}]`},
		{`{"$regexFindAll":{"input":"","regex":""}}`, `[{"match":"","idx":0,"captures":[]}]`}, {`{"$regexFindAll":{"input":"ab","regex":"(?<=a)b|^a"}}`, `[{"match":"a","idx":0,"captures":[]},{"match":"b","idx":1,"captures":[]}]`},
		{`{"$regexFindAll":{"input":"aaaaa aaaa","regex":"(aa)+"}}`, `[{"match":"aaaa","idx":0,"captures":["aa"]},{"match":"aaaa","idx":6,"captures":["aa"]}]`}, {`{"$regexFindAll":{"input":"aa a","regex":"(a*?)"}}`, `[{"match":"","idx":0,"captures":[""]},{"match":"","idx":1,"captures":[""]},{"match":"","idx":2,"captures":[""]},{"match":"","idx":3,"captures":[""]}]`},
		{`{"$regexFindAll":{"input":"Foo line1\nFoo line2","regex":"(^Foo line\\d$)","options":"m"}}`, `[{"match":"Foo line1","idx":0,"captures":["Foo line1"]},{"match":"Foo line2","idx":10,"captures":["Foo line2"]}]`}, {`{"$regexFind":{"input":"मा०गो डीबि","regex":"(गो )"}}`, `{"match":"गो ","idx":3,"captures":["गो "]}`},
		{`{"$regexMatch":{"input":"$s","regex":"$s"}}`, `true`},
		{`{"$regexMatch":1}`, 51103}, {`{"$regexMatch":{"input":1,"regex":"a"}}`, 51104}, {`{"$regexMatch":{"input":"a","regex":1}}`, 51105}, {`{"$regexMatch":{"input":"a","regex":"a","options":1}}`, 51106},
		{`{"$regexMatch":{"input":"a","regex":{"$regularExpression":{"pattern":"a","options":"i"}},"options":"i"}}`, 51107}, {`{"$regexMatch":{"input":"a","regex":"a","options":"z"}}`, 51108}, {`{"$regexMatch":{"input":"a","regex":"a\u0000"}}`, 51109},
		{`{"$regexMatch":{"input":"a","regex":null,"options":"z"}}`, 51108}, {`{"$regexMatch":{"input":"a","regex":"("}}`, 51111}, {`{"$regexMatch":{"regex":"a"}}`, 31022}, {`{"$regexMatch":{"input":"a"}}`, 31023}, {`{"$regexMatch":{"x":1}}`, 31024},
	})
}

// A string or an array that is made of itself again and again has an end.
func TestLimits(t *testing.T) {
	doubled := func(times, first, in string) string {
		return `{"$reduce":{"input":{"$range":[0,` + times + `]},"initialValue":` + first + `,"in":` + in + `}}`
	}
	const twice = `{"$concat":["$$value","$$value"]}`
	text, longText := doubled("10", `"x"`, twice), doubled("17", `"x"`, twice)
	array := doubled("22", `["x"]`, `{"$concatArrays":["$$value","$$value"]}`)
	checkRules(t, []rule{
		{doubled("40", `"x"`, twice), 13548},
		{`{"$let":{"vars":{"a":` + array + `},"in":{"$concatArrays":["$$a","$$a","$$a"]}}}`, 146},
		{`{"$replaceAll":{"input":` + text + `,"find":"x","replacement":` + longText + `}}`, 13548}, {`{"$replaceAll":{"input":` + text + `,"find":"","replacement":` + longText + `}}`, 13548},
		{`{"$bsonSize":` + doubled("40", `{}`, `{"a":"$$value","b":"$$value"}`) + `}`, 13548}, {`{"$bsonSize":{"s":` + doubled("24", `"x"`, twice) + `,"t":"$u","v":"$s","w":` + longText + `}}`, 10334},
	})
}
