package expression

import (
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// Whatever stands in a command, an expression of it has an error or a value that can be sent, and
// has the same one the next time.
func FuzzEvaluate(f *testing.F) {
	for _, s := range []string{
		`{"$add":["$i",{"$divide":["$d",0.5]},"$dt"]}`, `{"$map":{"input":"$a","as":"x","in":{"$pow":["$$x","$m"]}}}`, `{"$reduce":{"input":"$ao.k","initialValue":"","in":{"$concat":["$$value","$$this"]}}}`,
		`{"$dateToString":{"date":"$dt","format":"%Y-%m-%d %z","timezone":"Europe/Oslo"}}`, `{"$dateFromString":{"dateString":"July 4th, 2017 11pm EST"}}`, `{"$dateFromParts":{"year":2020,"month":14,"timezone":"+05:30"}}`,
		`{"$regexFindAll":{"input":"$s","regex":"(l+)(?<n>o)?","options":"i"}}`, `{"$convert":{"input":"$s","to":"int","onError":{"$trunc":["$d",1]}}}`, `{"$switch":{"branches":[{"case":{"$in":["$i","$a"]},"then":{"$substrCP":["$u",1,2]}}],"default":{"$zip":{"inputs":["$a","$e"]}}}}`,
		`{"$let":{"vars":{"x":"$o"},"in":{"$arrayToObject":{"$objectToArray":"$$x"}}}}`, `{"$setUnion":["$a",{"$slice":["$mixed",-2]},{"$range":[0,9,2]}]}`, `{"$trim":{"input":"$s","chars":"Hd"}}`,
	} {
		f.Add([]byte(bsonvalue.Encode(bsontest.Parse(f, `{"v":`+s+`}`))))
	}
	document := bsontest.Parse(f, sample)
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := bsonvalue.Decode(data)
		if err != nil || len(d) == 0 {
			return
		}
		e, err := Parse(d[0].Value, nil)
		if err != nil {
			return
		}
		v, err := e.Evaluate(document)
		again, errAgain := e.Evaluate(document)
		if (err == nil) != (errAgain == nil) {
			t.Fatalf("%v, then %v", err, errAgain)
		}
		if err != nil || usesRandom(d[0].Value) {
			return
		}
		if !same(v, again) {
			t.Fatalf("%v, then %v", v, again)
		}
		if _, err := bsonvalue.Decode(bsonvalue.Encode(bson.D{{Key: "v", Value: orNull(v)}})); err != nil {
			t.Fatalf("%v is no value: %v", v, err)
		}
	})
}

// usesRandom tells whether an expression has another value each time.
func usesRandom(v any) bool {
	switch x := v.(type) {
	case bson.D:
		for _, e := range x {
			if e.Key == "$rand" || usesRandom(e.Value) {
				return true
			}
		}
	case bson.A:
		for _, item := range x {
			if usesRandom(item) {
				return true
			}
		}
	}
	return false
}
