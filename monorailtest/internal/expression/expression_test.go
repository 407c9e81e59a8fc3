package expression

import (
	"errors"
	"math"
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func TestEvaluate(t *testing.T) {
	document := bsontest.Parse(t, `{"a":{"b":2},"l":[{"x":1},{"x":2},5],"n":null,"s":"t"}`)
	for expression, want := range map[string]any{
		`"$a.b"`: int32(2), `"$l.x"`: bson.A{int32(1), int32(2)}, `"$none"`: bsonvalue.Missing, `"$$ROOT.s"`: "t",
		`{"$add":["$a.b",1]}`: int32(3), `{"$add":[2147483647,1]}`: int64(math.MaxInt32 + 1), `{"$add":["$a.b","$n"]}`: nil,
		`{"$subtract":[5,2.5]}`: 2.5, `{"$multiply":["$a.b",3]}`: int32(6), `{"$divide":[3,2]}`: 1.5,
		`{"$eq":["$a.b",2.0]}`: true, `{"$gt":["$s",5]}`: true, `{"$cmp":[1,2]}`: int32(-1),
		`{"$and":["$a",0]}`: false, `{"$or":["$n",1]}`: true, `{"$not":["$n"]}`: true,
		`{"$cond":["$a","y","n"]}`: "y", `{"$cond":{"if":false,"then":1,"else":"$s"}}`: "t", `{"$ifNull":["$none",7]}`: int32(7),
		`{"$concat":["$s","u"]}`: "tu", `{"$size":"$l"}`: int32(3), `{"$type":"$none"}`: "missing", `{"$literal":"$a"}`: "$a",
		`{"v":"$a.b","w":"$none"}`: bson.D{{Key: "v", Value: int32(2)}}, `["$s","$none"]`: bson.A{"t", nil},
	} {
		e, err := Parse(bsontest.Parse(t, `{"e":`+expression+`}`)[0].Value, nil)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		if got, err := e.Evaluate(document); err != nil || !bsonvalue.Identical(got, want) {
			t.Errorf("%s = %T %v, %v; want %T %v", expression, got, got, err, want, want)
		}
	}
}

func TestErrors(t *testing.T) {
	for expression, want := range map[string]int32{
		`{"$foo":1}`: mongoerror.InvalidPipelineOperator, `"$$x"`: 17276, `"$"`: 16872, `"$a."`: 40353, `{"$eq":[1]}`: 16020,
		`{"$divide":[1,0]}`: 16608, `{"$add":["x"]}`: 16554, `{"$size":1}`: 17124, `{"$cond":{"if":1}}`: 17081,
	} {
		e, err := Parse(bsontest.Parse(t, `{"e":`+expression+`}`)[0].Value, nil)
		if err == nil {
			_, err = e.Evaluate(nil)
		}
		var me *mongoerror.Error
		if !errors.As(err, &me) || me.Code != want {
			t.Errorf("%s: %v, want code %d", expression, err, want)
		}
	}
}
