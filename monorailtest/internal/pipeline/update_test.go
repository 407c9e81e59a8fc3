package pipeline

import (
	"testing"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
)

func TestUpdate(t *testing.T) {
	scope := expression.NewScope(nil, 0, primitive.Timestamp{}).Define("new")
	u, err := ParseUpdate(stageList(t, `[{"$set":{"a":"$$new.a","b":{"c":1}}},{"$unset":"x"},{"$project":{"_id":0}},{"$replaceWith":{"in":"$$ROOT"}}]`), scope)
	if err != nil {
		t.Fatal(err)
	}
	d := bsontest.Parse(t, `{"_id":1,"x":2,"b":{"d":3}}`)
	got, err := u.Apply(d, bsontest.Parse(t, `{"a":7}`))
	if err != nil || !bsonvalue.Identical(got, bsontest.Parse(t, `{"in":{"b":{"d":3,"c":1},"a":7}}`)) {
		t.Errorf("%v, %v", bsonvalue.Format(got), err)
	}
	if !bsonvalue.Identical(d, bsontest.Parse(t, `{"_id":1,"x":2,"b":{"d":3}}`)) {
		t.Errorf("the document has become %v", d)
	}
	for stages, want := range map[string]int32{
		`[{"$foo":1}]`: 40324, `[{"$match":{}}]`: 72, `[{"$match":{}},{"$set":1}]`: 40272, `[]`: 0,
	} {
		if _, err := ParseUpdate(stageList(t, stages), expression.NewScope(nil, 0, primitive.Timestamp{})); code(err) != want {
			t.Errorf("%s: %v, want code %d", stages, err, want)
		}
	}
	u, err = ParseUpdate(stageList(t, `[{"$set":{"a":{"$cond":["$x",{"$divide":[1,0]},1]}}}]`), expression.NewScope(nil, 0, primitive.Timestamp{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Apply(d); code(err) != 16608 {
		t.Errorf("%v, want code 16608", err)
	}
	if _, err := u.Apply(nil); err != nil {
		t.Errorf("what is not reached must not fail: %v", err)
	}
}
