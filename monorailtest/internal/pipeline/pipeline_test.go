package pipeline

import (
	"bytes"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func TestRun(t *testing.T) {
	in := []string{`{"_id":1,"r":"x","n":3,"l":[1,2]}`, `{"_id":2,"r":"y","n":1}`, `{"_id":3,"r":"x","n":5,"l":[]}`}
	for stages, want := range map[string][]string{
		`[{"$match":{}},{"$count":"c"}]`:                                                                             {`{"c":3}`},
		`[{"$sort":{"n":-1}},{"$skip":1},{"$limit":1},{"$project":{"n":1}}]`:                                         {`{"_id":1,"n":3}`},
		`[{"$group":{"_id":"$r","s":{"$sum":"$n"},"a":{"$avg":"$n"},"m":{"$max":"$n"}}}]`:                            {`{"_id":"x","s":8,"a":4.0,"m":5}`, `{"_id":"y","s":1,"a":1.0,"m":1}`},
		`[{"$group":{"_id":null,"f":{"$first":"$n"},"l":{"$last":"$n"},"p":{"$push":"$r"},"q":{"$addToSet":"$r"}}}]`: {`{"_id":null,"f":3,"l":5,"p":["x","y","x"],"q":["x","y"]}`},
		`[{"$unwind":"$l"},{"$project":{"l":1}}]`:                                                                    {`{"_id":1,"l":1}`, `{"_id":1,"l":2}`},
		`[{"$sortByCount":"$r"}]`:                                                                                    {`{"_id":"x","count":2}`, `{"_id":"y","count":1}`},
		`[{"$limit":1},{"$set":{"n":{"$add":["$n",1]},"z":"$r"}},{"$unset":["l","r"]}]`:                              {`{"_id":1,"n":4,"z":"x"}`},
		`[{"$limit":1},{"$replaceRoot":{"newRoot":{"v":"$n"}}}]`:                                                     {`{"v":3}`},
	} {
		p, err := Parse(stageList(t, stages))
		if err != nil {
			t.Errorf("%s: %v", stages, err)
			continue
		}
		var documents []bson.D
		for _, s := range in {
			documents = append(documents, bsontest.Parse(t, s))
		}
		out, err := p.Run(documents)
		if err != nil || len(out) != len(want) {
			t.Errorf("%s = %v, %v", stages, out, err)
			continue
		}
		for i := range want {
			if !bytes.Equal(bsonvalue.Encode(out[i]), bsonvalue.Encode(bsontest.Parse(t, want[i]))) {
				t.Errorf("%s: %v, want %s", stages, out[i], want[i])
			}
		}
	}
}

func stageList(t *testing.T, s string) []bson.D {
	t.Helper()
	var out []bson.D
	for _, v := range bsontest.Parse(t, `{"p":`+s+`}`)[0].Value.(bson.A) {
		out = append(out, v.(bson.D))
	}
	return out
}

func TestErrors(t *testing.T) {
	for stages, want := range map[string]int32{
		`[{"$foo":1}]`: 40324, `[{"$lookup":{}}]`: mongoerror.NotImplemented, `[{}]`: 40323, `[{"$limit":0}]`: 15958,
		`[{"$sort":{}}]`: 15976, `[{"$group":{"n":{"$sum":1}}}]`: 15955, `[{"$group":{"_id":1,"n":{"$foo":1}}}]`: 15952,
		`[{"$project":{"x":"$a"}}]`: mongoerror.NotImplemented, `[{"$unwind":{"path":"$a"}}]`: mongoerror.NotImplemented,
	} {
		_, err := Parse(stageList(t, stages))
		var e *mongoerror.Error
		if !errors.As(err, &e) || e.Code != want {
			t.Errorf("%s: %v, want code %d", stages, err, want)
		}
	}
}
