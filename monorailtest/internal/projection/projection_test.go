package projection

import (
	"bytes"
	"errors"
	"testing"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func TestApply(t *testing.T) {
	const document = `{"_id":1,"a":{"x":1,"y":2},"b":[{"x":1,"y":1},{"x":2,"y":2},3],"c":5}`
	for projection, want := range map[string]string{
		`{}`:                                    document,
		`{"c":1}`:                               `{"_id":1,"c":5}`,
		`{"c":1,"_id":0}`:                       `{"c":5}`,
		`{"_id":0}`:                             `{"a":{"x":1,"y":2},"b":[{"x":1,"y":1},{"x":2,"y":2},3],"c":5}`,
		`{"_id":1}`:                             `{"_id":1}`,
		`{"a.x":1,"b.y":1}`:                     `{"_id":1,"a":{"x":1},"b":[{"y":1},{"y":2}]}`,
		`{"a":{"x":0},"b":0}`:                   `{"_id":1,"a":{"y":2},"c":5}`,
		`{"b":{"$slice":-1}}`:                   `{"_id":1,"a":{"x":1,"y":2},"b":[3],"c":5}`,
		`{"c":1,"b":{"$slice":[1,1]}}`:          `{"_id":1,"b":[{"x":2,"y":2}],"c":5}`,
		`{"b":{"$elemMatch":{"x":2}},"c":true}`: `{"_id":1,"c":5,"b":[{"x":2,"y":2}]}`,
	} {
		p, err := Parse(bsontest.Parse(t, projection), nil)
		if err != nil {
			t.Errorf("%s: %v", projection, err)
			continue
		}
		got, err := p.Apply(bsontest.Parse(t, document))
		if err != nil || !bytes.Equal(bsonvalue.Encode(got), bsonvalue.Encode(bsontest.Parse(t, want))) {
			t.Errorf("%s = %v, %v; want %s", projection, got, err, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for projection, want := range map[string]int32{
		`{"a":1,"b":0}`: codeExclusionInInclusion, `{"a":0,"b":1}`: codeInclusionInExclusion,
		`{"a":1,"a.b":1}`: codePathCollision, `{"a.b":1,"a":1}`: codePathCollisionBelow,
		`{"a.$":1}`: codeDollarField, `{"a":"x"}`: mongoerror.NotImplemented, `{"":1}`: 40352,
	} {
		_, err := Parse(bsontest.Parse(t, projection), nil)
		var e *mongoerror.Error
		if !errors.As(err, &e) || e.Code != want {
			t.Errorf("%s: %v, want code %d", projection, err, want)
		}
	}
}
