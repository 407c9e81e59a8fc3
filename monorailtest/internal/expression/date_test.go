package expression

import "testing"

func TestDateParts(t *testing.T) {
	checkRules(t, []rule{
		{`{"$year":"$dt"}`, `2020`}, {`{"$month":"$dt"}`, `2`}, {`{"$dayOfMonth":"$dt"}`, `29`}, {`{"$dayOfYear":"$dt"}`, `60`}, {`{"$dayOfWeek":"$dt"}`, `7`}, {`{"$hour":"$dt"}`, `15`}, {`{"$minute":"$dt"}`, `4`}, {`{"$second":"$dt"}`, `5`}, {`{"$millisecond":"$dt"}`, `123`},
		{`{"$week":"$dt"}`, `8`}, {`{"$week":{"$date":"2020-01-05T00:00:00Z"}}`, `1`}, {`{"$week":{"$date":"2020-01-04T00:00:00Z"}}`, `0`}, {`{"$isoWeek":{"$date":"2021-01-01T00:00:00Z"}}`, `53`}, {`{"$isoWeekYear":{"$date":"2021-01-01T00:00:00Z"}}`, `{"$numberLong":"2020"}`}, {`{"$isoDayOfWeek":{"$date":"2020-03-01T00:00:00Z"}}`, `7`},
		{`{"$year":{"$date":{"$numberLong":"-62198755200000"}}}`, `-1`}, {`{"$millisecond":{"$date":{"$numberLong":"-1"}}}`, `999`}, {`{"$year":"$oid"}`, `2020`}, {`{"$second":"$ts"}`, `5`}, {`{"$year":["$dt"]}`, `2020`}, {`{"$year":{"$ifNull":["$n","$dt"]}}`, `2020`},
		{`{"$hour":{"date":"$dt","timezone":"America/New_York"}}`, `10`}, {`{"$hour":{"date":"$dt","timezone":"+05:30"}}`, `20`}, {`{"$hour":{"date":"$dt","timezone":"-03"}}`, `12`}, {`{"$hour":{"date":"$dt","timezone":"$none"}}`, `null`}, {`{"$hour":{"date":"$n","timezone":"Nope"}}`, `null`}, {`{"$year":"$none"}`, `null`},
		{`{"$year":"$s"}`, 16006}, {`{"$year":"$i"}`, 16006}, {`{"$hour":{"date":"$dt","timezone":"Nope"}}`, 40485}, {`{"$hour":{"date":"$dt","timezone":"Local"}}`, 40485}, {`{"$hour":{"date":"$dt","timezone":""}}`, 40485}, {`{"$hour":{"date":"$dt","timezone":1}}`, 40533}, {`{"$hour":{"date":"$dt","x":1}}`, 40535}, {`{"$hour":[]}`, 40536}, {`{"$hour":["$dt",1]}`, 40536}, {`{"$hour":{}}`, 40539},
		{`{"$dateToParts":{"date":"$dt"}}`, `{"year":2020,"month":2,"day":29,"hour":15,"minute":4,"second":5,"millisecond":123}`}, {`{"$dateToParts":{"date":"$dt","iso8601":true,"timezone":"+01:00"}}`, `{"isoWeekYear":2020,"isoWeek":9,"isoDayOfWeek":6,"hour":16,"minute":4,"second":5,"millisecond":123}`},
		{`{"$dateToParts":{"date":"$n"}}`, `null`}, {`{"$dateToParts":{"date":"$dt","timezone":null}}`, `null`}, {`{"$dateToParts":{"date":"$dt","iso8601":null}}`, `null`},
		{`{"$dateToParts":1}`, 40524}, {`{"$dateToParts":{}}`, 40522}, {`{"$dateToParts":{"x":1}}`, 40520}, {`{"$dateToParts":{"date":"$dt","iso8601":1}}`, 40521}, {`{"$dateToParts":{"date":"$dt","timezone":1}}`, 40517}, {`{"$dateToParts":{"date":"$s"}}`, 16006},
	})
}

func TestDateToString(t *testing.T) {
	checkRules(t, []rule{
		{`{"$dateToString":{"date":"$dt"}}`, `"2020-02-29T15:04:05.123Z"`}, {`{"$dateToString":{"format":"%Y-%m-%d %H:%M:%S.%L","date":"$dt"}}`, `"2020-02-29 15:04:05.123"`}, {`{"$dateToString":{"format":"%j %u %w %V %G %U %%","date":"$dt"}}`, `"060 6 7 09 2020 08 %"`},
		{`{"$dateToString":{"format":"%d %z %Z","date":"$dt","timezone":"-03:30"}}`, `"29 -0330 -210"`}, {`{"$dateToString":{"format":"%H","date":"$dt","timezone":"Europe/Oslo"}}`, `"16"`}, {`{"$dateToString":{"format":"é%Y","date":"$dt"}}`, `"é2020"`},
		{`{"$dateToString":{"date":"$none"}}`, `null`}, {`{"$dateToString":{"date":"$n","onNull":"$s"}}`, `"Hello World"`}, {`{"$dateToString":{"date":"$dt","format":"$n"}}`, `null`}, {`{"$dateToString":{"date":"$dt","timezone":"$n"}}`, `null`}, {`{"$dateToString":{"date":"$n","timezone":"$n","onNull":1}}`, `1`},
		{`{"$dateToString":"$dt"}`, 18629}, {`{"$dateToString":{"format":"%Y"}}`, 18628}, {`{"$dateToString":{"date":"$dt","x":1}}`, 18534}, {`{"$dateToString":{"date":"$dt","format":1}}`, 18533}, {`{"$dateToString":{"date":"$dt","format":"%"}}`, 18535}, {`{"$dateToString":{"date":"$n","format":"%Q"}}`, 18536},
		{`{"$dateToString":{"date":{"$date":{"$numberLong":"-62198755200000"}}}}`, 18537}, {`{"$dateToString":{"date":"$s"}}`, 16006}, {`{"$dateToString":{"date":"$dt","timezone":"Nope"}}`, 40485},
	})
}

func TestDateFromParts(t *testing.T) {
	checkRules(t, []rule{
		{`{"$dateFromParts":{"year":2020,"month":2,"day":29}}`, `{"$date":"2020-02-29T00:00:00Z"}`}, {`{"$dateFromParts":{"year":2020}}`, `{"$date":"2020-01-01T00:00:00Z"}`}, {`{"$dateFromParts":{"year":2020,"month":14}}`, `{"$date":"2021-02-01T00:00:00Z"}`}, {`{"$dateFromParts":{"year":2020,"day":0}}`, `{"$date":"2019-12-31T00:00:00Z"}`},
		{`{"$dateFromParts":{"year":2020,"hour":25,"minute":61,"second":61,"millisecond":1001}}`, `{"$date":"2020-01-02T02:02:02.001Z"}`}, {`{"$dateFromParts":{"year":2020,"millisecond":-1}}`, `{"$date":"2019-12-31T23:59:59.999Z"}`}, {`{"$dateFromParts":{"year":2020.0,"month":{"$numberLong":"3"}}}`, `{"$date":"2020-03-01T00:00:00Z"}`},
		{`{"$dateFromParts":{"isoWeekYear":2020}}`, `{"$date":"2019-12-30T00:00:00Z"}`}, {`{"$dateFromParts":{"isoWeekYear":2021,"isoWeek":53,"isoDayOfWeek":0}}`, `{"$date":"2022-01-02T00:00:00Z"}`},
		{`{"$dateFromParts":{"year":2020,"timezone":"+01:00"}}`, `{"$date":"2019-12-31T23:00:00Z"}`}, {`{"$dateFromParts":{"year":2020,"month":7,"timezone":"America/New_York"}}`, `{"$date":"2020-07-01T04:00:00Z"}`},
		{`{"$dateFromParts":{"year":2020,"month":3,"day":8,"hour":2,"minute":30,"timezone":"America/New_York"}}`, `{"$date":"2020-03-08T07:30:00Z"}`}, {`{"$dateFromParts":{"year":2020,"month":11,"day":1,"hour":1,"minute":30,"timezone":"America/New_York"}}`, `{"$date":"2020-11-01T05:30:00Z"}`},
		{`{"$dateFromParts":{"year":"$n"}}`, `null`}, {`{"$dateFromParts":{"year":2020,"hour":"$none"}}`, `null`}, {`{"$dateFromParts":{"year":2020,"timezone":"$none"}}`, `null`},
		{`{"$dateFromParts":1}`, 40519}, {`{"$dateFromParts":{"x":1}}`, 40518}, {`{"$dateFromParts":{"month":1}}`, 40516}, {`{"$dateFromParts":{"year":"x"}}`, 40515}, {`{"$dateFromParts":{"year":2020.5}}`, 40515}, {`{"$dateFromParts":{"year":2020,"isoWeek":1}}`, 40489}, {`{"$dateFromParts":{"isoWeekYear":2020,"day":1}}`, 40525},
		{`{"$dateFromParts":{"year":1970,"millisecond":18014398509481984.0}}`, 159}, {`{"$dateFromParts":{"year":1970,"second":"$long"}}`, 159}, {`{"$dateFromParts":{"year":1970,"millisecond":{"$numberLong":"1502095918551"}}}`, `{"$date":"2017-08-07T08:51:58.551Z"}`},
		{`{"$dateFromParts":{"year":0}}`, 40523}, {`{"$dateFromParts":{"year":10000}}`, 40523}, {`{"$dateFromParts":{"isoWeekYear":0}}`, 31095}, {`{"$dateFromParts":{"year":2020,"month":32768}}`, 31034}, {`{"$dateFromParts":{"year":2020,"timezone":1}}`, 40517},
	})
}

func TestDateFromString(t *testing.T) {
	checkRules(t, []rule{
		{`{"$dateFromString":{"dateString":"2020-02-03"}}`, `{"$date":"2020-02-03T00:00:00Z"}`}, {`{"$dateFromString":{"dateString":"2020-02-03T04:05:06Z"}}`, `{"$date":"2020-02-03T04:05:06Z"}`}, {`{"$dateFromString":{"dateString":"2020-02-03 04:05:06.7899+0200"}}`, `{"$date":"2020-02-03T02:05:06.789Z"}`},
		{`{"$dateFromString":{"dateString":"20200203T040506"}}`, `{"$date":"2020-02-03T04:05:06Z"}`}, {`{"$dateFromString":{"dateString":"2020-02-03 04:05 -05:00"}}`, `{"$date":"2020-02-03T09:05:00Z"}`}, {`{"$dateFromString":{"dateString":"02/03/2020"}}`, `{"$date":"2020-02-03T00:00:00Z"}`}, {`{"$dateFromString":{"dateString":"3.2.2020"}}`, `{"$date":"2020-02-03T00:00:00Z"}`},
		{`{"$dateFromString":{"dateString":"July 4th, 2017"}}`, `{"$date":"2017-07-04T00:00:00Z"}`}, {`{"$dateFromString":{"dateString":"Tue, 4 Jul 2017 11:00:02 GMT"}}`, `{"$date":"2017-07-04T11:00:02Z"}`}, {`{"$dateFromString":{"dateString":"July 4th, 2017 11pm"}}`, `{"$date":"2017-07-04T23:00:00Z"}`}, {`{"$dateFromString":{"dateString":"July 4th, 2017 11:00:59 EST"}}`, `{"$date":"2017-07-04T16:00:59Z"}`},
		{`{"$dateFromString":{"dateString":"7/4/17"}}`, `{"$date":"2017-07-04T00:00:00Z"}`}, {`{"$dateFromString":{"dateString":"2017-Jul-04 noon"}}`, `{"$date":"2017-07-04T12:00:00Z"}`}, {`{"$dateFromString":{"dateString":"2017-07-04 12:48:07 GMT+0545"}}`, `{"$date":"2017-07-04T07:03:07Z"}`}, {`{"$dateFromString":{"dateString":"2017-07-04T11:56.02"}}`, `{"$date":"2017-07-04T11:56:02Z"}`},
		{`{"$dateFromString":{"dateString":"2017-07-14T12:02:44.771 L"}}`, `{"$date":"2017-07-14T01:02:44.771Z"}`}, {`{"$dateFromString":{"dateString":"2017-07-14T12:02:44.771 P"}}`, `{"$date":"2017-07-14T15:02:44.771Z"}`}, {`{"$dateFromString":{"dateString":"2017-07-14T12:02:44 J"}}`, 241},
		{`{"$dateFromString":{"dateString":"2017","format":"%G"}}`, `{"$date":"2017-01-02T00:00:00Z"}`}, {`{"$dateFromString":{"dateString":"53.7.2017","format":"%V.%u.%G"}}`, `{"$date":"2018-01-07T00:00:00Z"}`}, {`{"$dateFromString":{"dateString":"1.1.1","format":"%V.%u.%G"}}`, `{"$date":"0001-01-01T00:00:00Z"}`},
		{`{"$dateFromString":{"dateString":"4/26/1992:+285","format":"%m/%d/%Y:%Z"}}`, `{"$date":"1992-04-25T19:15:00Z"}`}, {`{"$dateFromString":{"dateString":"2017-07-14 12:02 GMT+02","format":"%Y-%m-%d %H:%M%z"}}`, `{"$date":"2017-07-14T10:02:00Z"}`}, {`{"$dateFromString":{"dateString":"Day: 05","format":"Day: %d"}}`, 241}, {`{"$dateFromString":{"dateString":"July 4th"}}`, 241}, {`{"$dateFromString":{"dateString":"2017, 12:50:53"}}`, 241},
		{`{"$dateFromString":{"dateString":"2017-W27-2"}}`, `{"$date":"2017-07-04T00:00:00Z"}`}, {`{"$dateFromString":{"dateString":"2017-185"}}`, `{"$date":"2017-07-04T00:00:00Z"}`}, {`{"$dateFromString":{"dateString":"2017-07"}}`, `{"$date":"2017-07-01T00:00:00Z"}`},
		{`{"$dateFromString":{"dateString":"2020-02-03 10:00","timezone":"+02:00"}}`, `{"$date":"2020-02-03T08:00:00Z"}`}, {`{"$dateFromString":{"dateString":"2020-07-03 10:00","timezone":"Europe/Oslo"}}`, `{"$date":"2020-07-03T08:00:00Z"}`},
		{`{"$dateFromString":{"dateString":"03/02/2020","format":"%d/%m/%Y"}}`, `{"$date":"2020-02-03T00:00:00Z"}`}, {`{"$dateFromString":{"dateString":"2020-02-03T04:05:06.7 +0100","format":"%Y-%m-%dT%H:%M:%S.%L %z"}}`, `{"$date":"2020-02-03T03:05:06.700Z"}`}, {`{"$dateFromString":{"dateString":"1 %","format":"%u %%"}}`, 241},
		{`{"$dateFromString":{"dateString":"6 05 2020","format":"%u %V %G"}}`, `{"$date":"2020-02-01T00:00:00Z"}`}, {`{"$dateFromString":{"dateString":"2020-02-03 +120","format":"%Y-%m-%d %Z"}}`, `{"$date":"2020-02-02T22:00:00Z"}`},
		{`{"$dateFromString":{"dateString":"$none"}}`, `null`}, {`{"$dateFromString":{"dateString":"$n","onNull":"n"}}`, `"n"`}, {`{"$dateFromString":{"dateString":"bad","onError":"e"}}`, `"e"`}, {`{"$dateFromString":{"dateString":1,"onError":"$s"}}`, `"Hello World"`}, {`{"$dateFromString":{"dateString":"2020-02-03","timezone":"$n"}}`, `null`}, {`{"$dateFromString":{"dateString":"2020-02-03","format":"$n"}}`, `null`},
		{`{"$dateFromString":{"dateString":"bad"}}`, 241}, {`{"$dateFromString":{"dateString":""}}`, 241}, {`{"$dateFromString":{"dateString":"2020-02-30"}}`, 241}, {`{"$dateFromString":{"dateString":"2020-13-01"}}`, 241}, {`{"$dateFromString":{"dateString":"2020-02-03 25:00"}}`, 241}, {`{"$dateFromString":{"dateString":"12:00"}}`, 241}, {`{"$dateFromString":{"dateString":"2020-02-03 Europe/Oslo"}}`, 241}, {`{"$dateFromString":{"dateString":1}}`, 241},
		{`{"$dateFromString":{"dateString":"2020-02-03T00:00Z","timezone":"Europe/Oslo"}}`, 241}, {`{"$dateFromString":{"dateString":"2020-02-03T00:00+01:00","timezone":"Europe/Oslo"}}`, 241}, {`{"$dateFromString":{"dateString":"2020","format":"%Y"}}`, 241}, {`{"$dateFromString":{"dateString":"2020-2-3 x","format":"%Y-%m-%d"}}`, 241}, {`{"$dateFromString":{"dateString":"x-2-3","format":"%Y-%m-%d"}}`, 241}, {`{"$dateFromString":{"dateString":"2018 1","format":"%Y %V"}}`, 241}, {`{"$dateFromString":{"dateString":"6","format":"%u"}}`, 241}, {`{"$dateFromString":{"dateString":"2020-02-03 1:2","format":"%Y-%m-%d %H:%M"}}`, 241},
		{`{"$dateFromString":1}`, 40540}, {`{"$dateFromString":{"x":1}}`, 40541}, {`{"$dateFromString":{}}`, 40542}, {`{"$dateFromString":{"dateString":"$n","format":1}}`, 40684}, {`{"$dateFromString":{"dateString":"x","format":"%w","onError":1}}`, 18536}, {`{"$dateFromString":{"dateString":"x","timezone":"Nope","onError":1}}`, 40485},
	})
}
