package order

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func TestSort(t *testing.T) {
	documents := []bson.D{bsontest.Parse(t, `{"_id":1,"a":[5,1]}`), bsontest.Parse(t, `{"_id":2,"a":3}`), bsontest.Parse(t, `{"_id":3}`), bsontest.Parse(t, `{"_id":4,"a":3}`)}
	for pattern, want := range map[string][]int32{
		`{"a":1}`: {3, 1, 2, 4}, `{"a":-1}`: {1, 2, 4, 3}, `{"a":1,"_id":-1}`: {3, 1, 4, 2},
	} {
		o, err := Parse(bsontest.Parse(t, pattern))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Sort(o, documents, func(d bson.D) bson.D { return d })
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if !bsonvalue.Equal(got[i][0].Value, want[i]) {
				t.Errorf("%s: place %d is %v, want %d", pattern, i, got[i], want[i])
			}
		}
	}
}

func TestErrors(t *testing.T) {
	for pattern, want := range map[string]int32{`{"a":0}`: 15975, `{"a":"x"}`: 15974, `{"$a":1}`: 16410, `{"a.":1}`: 40353} {
		_, err := Parse(bsontest.Parse(t, pattern))
		var e *mongoerror.Error
		if !errors.As(err, &e) || e.Code != want {
			t.Errorf("%s: %v, want code %d", pattern, err, want)
		}
	}
	o, err := Parse(bsontest.Parse(t, `{"a":1,"b":1}`))
	if err != nil {
		t.Fatal(err)
	}
	var e *mongoerror.Error
	if _, err := o.Key(bsontest.Parse(t, `{"a":[1,2],"b":[1,2]}`)); !errors.As(err, &e) || e.Code != mongoerror.BadValue {
		t.Errorf("parallel arrays: %v", err)
	}
}
