package projection

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

const document = `{"_id":1,"a":{"x":1,"y":2},"b":[{"x":1,"y":1},{"x":2,"y":2},3],"c":5,"n":[[{"x":1,"y":2}],4]}`

func check(t *testing.T, name string, p *Projection, err error, want string) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	got, err := p.Apply(bsontest.Parse(t, document))
	if err != nil || !bytes.Equal(bsonvalue.Encode(got), bsonvalue.Encode(bsontest.Parse(t, want))) {
		t.Errorf("%s = %v, %v; want %s", name, bsonvalue.Format(got), err, want)
	}
}

func TestFind(t *testing.T) {
	for _, c := range []struct{ filter, projection, want string }{
		{`{}`, `{}`, document},
		{`{}`, `{"c":1}`, `{"_id":1,"c":5}`},
		{`{}`, `{"c":1,"_id":0}`, `{"c":5}`},
		{`{}`, `{"_id":0}`, `{"a":{"x":1,"y":2},"b":[{"x":1,"y":1},{"x":2,"y":2},3],"c":5,"n":[[{"x":1,"y":2}],4]}`},
		{`{}`, `{"_id":1}`, `{"_id":1}`},
		{`{}`, `{"_id":1,"a":0,"b":0,"n":0}`, `{"_id":1,"c":5}`},
		{`{}`, `{"a.x":1,"b.y":1}`, `{"_id":1,"a":{"x":1},"b":[{"y":1},{"y":2}]}`},
		{`{}`, `{"n.x":1}`, `{"_id":1,"n":[[{"x":1}]]}`},
		{`{}`, `{"n.x":0,"a":0,"b":0}`, `{"_id":1,"c":5,"n":[[{"y":2}],4]}`},
		{`{}`, `{"c.x":1}`, `{"_id":1}`},
		{`{}`, `{"a":{"x":0},"b":0,"n":0}`, `{"_id":1,"a":{"y":2},"c":5}`},
		{`{}`, `{"b":{"$slice":-1},"n":0}`, `{"_id":1,"a":{"x":1,"y":2},"b":[3],"c":5}`},
		{`{}`, `{"c":1,"b":{"$slice":[1,1]}}`, `{"_id":1,"b":[{"x":2,"y":2}],"c":5}`},
		{`{}`, `{"b":{"$elemMatch":{"x":2}},"c":true}`, `{"_id":1,"c":5,"b":[{"x":2,"y":2}]}`},
		{`{}`, `{"b":{"$elemMatch":{"x":2}}}`, `{"_id":1,"b":[{"x":2,"y":2}]}`},
		{`{}`, `{"b":{"$elemMatch":{"x":9}}}`, `{"_id":1}`},
		{`{}`, `{"b":{"$elemMatch":{"x":2}},"n":0,"a":0}`, `{"_id":1,"b":[{"x":2,"y":2}],"c":5}`},
		{`{"b.x":2}`, `{"b.$":1}`, `{"_id":1,"b":[{"x":2,"y":2}]}`},
		{`{"b":{"$elemMatch":{"x":1}}}`, `{"b.$":1,"c":1}`, `{"_id":1,"b":[{"x":1,"y":1}],"c":5}`},
		{`{"c":5}`, `{"a.$":1}`, `{"_id":1,"a":{"x":1,"y":2}}`},
		{`{}`, `{"d":"$c"}`, `{"_id":1,"d":5}`},
	} {
		f, err := query.Parse(bsontest.Parse(t, c.filter))
		if err != nil {
			t.Fatal(err)
		}
		p, err := Parse(bsontest.Parse(t, c.projection), f, nil)
		check(t, c.projection, p, err, c.want)
	}
}

func TestStage(t *testing.T) {
	for projection, want := range map[string]string{
		`{"b":1,"d":"$c","a":{"x":1}}`:               `{"_id":1,"a":{"x":1},"b":[{"x":1,"y":1},{"x":2,"y":2},3],"d":5}`,
		`{"c":"$a.x","_id":0}`:                       `{"c":1}`,
		`{"b.q":"$c"}`:                               `{"_id":1,"b":[{"q":5},{"q":5},{"q":5}]}`,
		`{"b":{"q":"$c","x":1}}`:                     `{"_id":1,"b":[{"x":1,"q":5},{"x":2,"q":5},{"q":5}]}`,
		`{"c.q":{"$literal":1}}`:                     `{"_id":1,"c":{"q":1}}`,
		`{"a.x.q":"$c","c.q":"$c","n":1}`:            `{"_id":1,"a":{"x":{"q":5}},"c":{"q":5},"n":[[{"x":1,"y":2}],4]}`,
		`{"z.q.r":"$none"}`:                          `{"_id":1,"z":{"q":{}}}`,
		`{"_id":"$c","l":["$c","$none"],"s":"text"}`: `{"_id":5,"l":[5,null],"s":"text"}`,
		`{"_id":0,"r":"$$REMOVE"}`:                   `{}`,
	} {
		p, err := ParseStage(bsontest.Parse(t, projection), nil)
		check(t, projection, p, err, want)
	}
}

func TestAdd(t *testing.T) {
	for added, want := range map[string]string{
		`{"c":{"$add":["$c",1]},"n":"$$REMOVE","b":"$_id"}`: `{"_id":1,"a":{"x":1,"y":2},"b":1,"c":6}`,
		`{"a.z":"$c","a.x":"$none","b":1,"n":2}`:            `{"_id":1,"a":{"y":2,"z":5},"b":1,"c":5,"n":2}`,
		`{"a":{"z":7},"b":{"x":0},"n":1}`:                   `{"_id":1,"a":{"x":1,"y":2,"z":7},"b":[{"x":0,"y":1},{"x":0,"y":2},{"x":0}],"c":5,"n":1}`,
		`{"a":1,"b":1,"c.d.e":"$c","n.x":0}`:                `{"_id":1,"a":1,"b":1,"c":{"d":{"e":5}},"n":[[{"x":0,"y":2}],{"x":0}]}`,
	} {
		p, err := Add(bsontest.Parse(t, added), nil)
		check(t, added, p, err, want)
	}
}

func TestPreserves(t *testing.T) {
	for projection, want := range map[string]string{
		`{"a":1,"b.c":1,"d":"$e"}`: "_id a", `{"a":0,"b.c":0}`: "_id d e", `{"_id":0,"a":1}`: "a",
	} {
		p, err := ParseStage(bsontest.Parse(t, projection), nil)
		if err != nil {
			t.Fatal(err)
		}
		checkPreserved(t, projection, p, want)
	}
	p, err := Add(bsontest.Parse(t, `{"a":1,"b.c":1}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	checkPreserved(t, "added", p, "_id d e")
}

func checkPreserved(t *testing.T, projection string, p *Projection, want string) {
	t.Helper()
	var got []string
	for _, name := range []string{"_id", "a", "b", "d", "e"} {
		if p.Preserves(name) {
			got = append(got, name)
		}
	}
	if g := strings.Join(got, " "); g != want {
		t.Errorf("%s preserves %s, want %s", projection, g, want)
	}
}

func TestErrors(t *testing.T) {
	f, _ := query.Parse(bson.D{{Key: "a", Value: int32(1)}})
	find := func(d bson.D) (*Projection, error) { return Parse(d, f, nil) }
	stage := func(d bson.D) (*Projection, error) { return ParseStage(d, nil) }
	add := func(d bson.D) (*Projection, error) { return Add(d, nil) }
	for _, c := range []struct {
		parse func(bson.D) (*Projection, error)
		spec  string
		want  int32
	}{
		{find, `{"a":1,"b":0}`, codeExclusionInInclusion}, {find, `{"a":0,"b":1}`, codeInclusionInExclusion},
		{find, `{"a":1,"a.b":1}`, codePathCollision}, {find, `{"a.b":1,"a":1}`, codePathCollisionBelow},
		{find, `{"":1}`, 40352}, {find, `{"a.":1}`, 40353}, {find, `{"a..b":1}`, 15998}, {find, `{"$a":1}`, 16410},
		{find, `{"a":{}}`, codeEmptyObject}, {find, `{"a":{"$foo":1}}`, codeUnknownExpression}, {find, `{"a":0,"b":"x"}`, 31310},
		{find, `{"a":0,"b":{"$add":[1]}}`, 31252}, {find, `{"a.$.b":1}`, 31394}, {find, `{"a.$":0}`, 31395},
		{find, `{"a.$":1,"b.$":1}`, 31276}, {find, `{"a.$":"x"}`, 31308}, {find, `{"a.$":{"b":1}}`, 31271},
		{find, `{"a":{"$elemMatch":1}}`, 31274}, {find, `{"a.b":{"$elemMatch":{}}}`, 31275}, {find, `{"a":{"b":{"$elemMatch":{}}}}`, 31275},
		{find, `{"a":{"$meta":"textScore"}}`, 40218}, {find, `{"a":{"$meta":"foo"}}`, 17308}, {find, `{"a":{"$meta":1}}`, 17307},
		{stage, `{}`, 51272}, {stage, `{"a.$":1}`, 31324}, {stage, `{"a":{"$elemMatch":{}}}`, codeUnknownExpression},
		{stage, `{"a":{"$add":1,"b":1}}`, 16410}, {stage, `{"a":"$$x"}`, 17276},
		{add, `{}`, 40177}, {add, `{"a":1,"a.b":1}`, 40176}, {add, `{"a.b":1,"a":{"b":2}}`, 40176}, {add, `{"a":{}}`, 40180},
		{add, `{"a":{"$add":1,"$subtract":2}}`, 40181}, {add, `{"a":{"b.c":1}}`, 40183}, {add, `{"$a":1}`, 16410},
	} {
		_, err := c.parse(bsontest.Parse(t, c.spec))
		var e *mongoerror.Error
		if !errors.As(err, &e) || e.Code != c.want {
			t.Errorf("%s: %v, want code %d", c.spec, err, c.want)
		}
	}
}
