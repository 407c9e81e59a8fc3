package indexkey

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func TestGenerate(t *testing.T) {
	for _, c := range []struct {
		fields   []string
		document string
		want     string
		multikey bool
	}{
		{[]string{"a"}, `{"a":1}`, `[ [ 1 ] ]`, false},
		{[]string{"a"}, `{}`, `[ [ null ] ]`, false},
		{[]string{"a"}, `{"a":[]}`, `[ [ undefined ] ]`, true},
		{[]string{"a", "b"}, `{"a":[1,2,1],"b":3}`, `[ [ 1, 3 ], [ 2, 3 ] ]`, true},
		{[]string{"a.b", "a.c"}, `{"a":[{"b":1,"c":2},{"b":3}]}`, `[ [ 1, 2 ], [ 3, null ] ]`, true},
		{[]string{"a.b"}, `{"a":5}`, `[ [ null ] ]`, false},
		{[]string{"a.1"}, `{"a":[7,8]}`, `[ [ 8 ] ]`, true},
	} {
		var paths []Path
		for _, f := range c.fields {
			paths = append(paths, NewPath(f))
		}
		k, err := Generate(bsontest.Parse(t, c.document), paths)
		if err != nil {
			t.Errorf("%s: %v", c.document, err)
			continue
		}
		list := bson.A{}
		for _, key := range k.List {
			list = append(list, bson.A(key))
		}
		if got := bsonvalue.Format(list); got != c.want || k.Multikey != c.multikey {
			t.Errorf("%v of %s = %s (multikey %v), want %s", c.fields, c.document, got, k.Multikey, c.want)
		}
	}
}

func TestParallelArrays(t *testing.T) {
	_, err := Generate(bsontest.Parse(t, `{"a":[1],"b":[2]}`), []Path{NewPath("a"), NewPath("b")})
	var e *mongoerror.Error
	if !errors.As(err, &e) || e.Code != mongoerror.CannotIndexParallelArrays {
		t.Errorf("got %v", err)
	}
}
