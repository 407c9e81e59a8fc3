package order

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
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

// By _id alone an array is one value, and not what its elements are.
func TestSortByID(t *testing.T) {
	documents := []bson.D{bsontest.Parse(t, `{"_id":[2]}`), bsontest.Parse(t, `{"_id":[]}`), bsontest.Parse(t, `{"_id":"x"}`), {}}
	for pattern, want := range map[string][]int{`{"_id":1}`: {3, 2, 1, 0}, `{"_id":1,"a":1}`: {1, 3, 0, 2}} {
		o, err := Parse(bsontest.Parse(t, pattern))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Sort(o, documents, func(d bson.D) bson.D { return d })
		if err != nil {
			t.Fatal(err)
		}
		for i, j := range want {
			if !bsonvalue.Identical(got[i], documents[j]) {
				t.Errorf("%s: place %d is %v, want %v", pattern, i, got[i], documents[j])
			}
		}
	}
}

func TestRandomSort(t *testing.T) {
	o, err := Parse(bsontest.Parse(t, `{"a":1,"x":{"$meta":"randVal"}}`))
	if err != nil {
		t.Fatal(err)
	}
	var documents []bson.D
	for i := range 100 {
		documents = append(documents, bson.D{{Key: "_id", Value: int32(i)}, {Key: "a", Value: int32(i / 50)}})
	}
	got, err := Sort(o, documents, func(d bson.D) bson.D { return d })
	if err != nil {
		t.Fatal(err)
	}
	kept := true
	for i, d := range got {
		if d[1].Value != int32(i/50) {
			t.Errorf("place %d: %v is out of order", i, d)
		}
		kept = kept && d[0].Value == int32(i)
	}
	if kept {
		t.Error("a hundred documents keep their places in a random order")
	}
}

func TestSortUnderCollation(t *testing.T) {
	c, err := collation.Parse(bsontest.Parse(t, `{"locale":"en"}`))
	if err != nil {
		t.Fatal(err)
	}
	o, err := Parse(bsontest.Parse(t, `{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	documents := []bson.D{{{Key: "a", Value: "b"}}, {{Key: "a", Value: bson.A{"C", "A"}}}, {{Key: "a", Value: "B"}}}
	got, err := Sort(o.Under(c), documents, func(d bson.D) bson.D { return d })
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []any{bson.A{"C", "A"}, "b", "B"} {
		if !bsonvalue.Equal(got[i][0].Value, want) {
			t.Errorf("place %d is %v, want %v", i, got[i], want)
		}
	}
}

func TestErrors(t *testing.T) {
	for pattern, want := range map[string]int32{`{"a":0}`: 15975, `{"a":2.5}`: 15975, `{"a":null}`: 15974, `{"a":{}}`: 17312,
		`{"a":{"$meta":"textScore"}}`: 40218, `{"a":{"$meta":"x"}}`: 31138, `{"a":"x"}`: 15974, `{"$a":1}`: 16410, `{"a.":1}`: 40353} {
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
