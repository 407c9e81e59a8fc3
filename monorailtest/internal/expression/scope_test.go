package expression

import (
	"errors"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func parsed(t *testing.T, expression string, s *Scope) Expression {
	t.Helper()
	e, err := Parse(bsontest.Parse(t, `{"v":`+expression+`}`)[0].Value, s)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return e
}

func TestScopeVariables(t *testing.T) {
	now, clusterTime := primitive.DateTime(1000), primitive.Timestamp{T: 5, I: 6}
	s := NewScope(nil, now, clusterTime).WithConstant("c", int32(3)).Define("x", "y")
	e := parsed(t, `["$$NOW","$$CLUSTER_TIME","$$c","$$x.a",{"$type":"$$y"},{"$map":{"input":[1],"in":["$$this","$$x.a"]}}]`, s)
	got, err := e.Evaluate(nil, bson.D{{Key: "a", Value: "first"}})
	want := bson.A{now, clusterTime, int32(3), "first", "missing", bson.A{bson.A{int32(1), "first"}}}
	if err != nil || !same(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	inner := s.Define("z").WithConstant("x", int32(9))
	got, err = parsed(t, `["$$x","$$y","$$z"]`, inner).Evaluate(nil, int32(1), int32(2), int32(4))
	if want := (bson.A{int32(9), int32(2), int32(4)}); err != nil || !same(got, want) {
		t.Errorf("inner scope: %v, %v; want %v", got, err, want)
	}
	if _, err := Parse("$$z", s); err == nil {
		t.Error("a variable of an inner scope must not be seen outside")
	}
}

// $redact has its variables, and CURRENT goes down the document with it.
func TestScopeCurrent(t *testing.T) {
	s := NewScope(nil, 0, primitive.Timestamp{}).WithConstant("PRUNE", "prune").Define("CURRENT")
	e := parsed(t, `{"$cond":["$x","$$PRUNE",["$$ROOT.x","$$CURRENT.y"]]}`, s)
	root := bson.D{{Key: "x", Value: true}}
	for _, c := range []struct{ current, want any }{
		{root, "prune"}, {bson.D{{Key: "y", Value: int32(1)}}, bson.A{true, int32(1)}},
	} {
		if got, err := e.Evaluate(root, c.current); err != nil || !same(got, c.want) {
			t.Errorf("in %v: %v, %v; want %v", c.current, got, err, c.want)
		}
	}
}

func TestScopeMetadata(t *testing.T) {
	e := parsed(t, `{"$meta":"sortKey"}`, NewScope(nil, 0, primitive.Timestamp{}).Define(MetaVariable+"sortKey"))
	if got, err := e.Evaluate(nil, bson.A{int32(1)}); err != nil || !same(got, bson.A{int32(1)}) {
		t.Errorf("%v, %v", got, err)
	}
}

// Values compare under the collation in operators, in sets, and where constants are computed ahead.
func TestScopeCompare(t *testing.T) {
	folded := func(a, b any) int {
		x, isX := a.(string)
		y, isY := b.(string)
		if isX && isY {
			return strings.Compare(strings.ToLower(x), strings.ToLower(y))
		}
		return bsonvalue.Compare(a, b)
	}
	s := NewScope(folded, 0, primitive.Timestamp{})
	d := bson.D{{Key: "s", Value: "A"}}
	for expression, want := range map[string]any{
		`{"$eq":["$s","a"]}`: true, `{"$eq":["A","a"]}`: true, `{"$in":["a",["$s"]]}`: true, `{"$indexOfArray":[["x","a"],"$s"]}`: int32(1),
		`{"$setUnion":[["$s"],["a","b"]]}`: bson.A{"A", "b"}, `{"$setIsSubset":[["$s"],["a"]]}`: true, `{"$max":["$s","b"]}`: "b",
		`{"$setDifference":[["$s","c"],["a"]]}`: bson.A{"c"}, `{"$setEquals":[["$s"],["a"]]}`: true,
	} {
		if got, err := parsed(t, expression, s).Evaluate(d); err != nil || !same(got, want) {
			t.Errorf("%s = %v, %v; want %v", expression, got, err, want)
		}
	}
}

func TestFoldError(t *testing.T) {
	s := NewScope(nil, 0, primitive.Timestamp{})
	inner := s.Define("x")
	for _, expression := range []string{`{"$add":["$a",{"$divide":[1,0]}]}`, `{"$cond":[true,1,{"$toInt":"x"}]}`} {
		e := parsed(t, expression, inner)
		if _, ok := e.Constant(); ok {
			t.Errorf("%s is constant", expression)
		}
	}
	var e *mongoerror.Error
	if !errors.As(s.FoldError(), &e) || e.Code != 16608 {
		t.Errorf("%v, want the first error", s.FoldError())
	}
	// What has not been computed ahead fails where it is reached.
	if v, err := parsed(t, `{"$cond":["$a",1,{"$divide":[1,0]}]}`, s).Evaluate(bson.D{{Key: "a", Value: true}}); err != nil || v != int32(1) {
		t.Errorf("%v, %v", v, err)
	}
}

// Operands that vary keep these from being computed, and some never are.
func TestFolding(t *testing.T) {
	s := NewScope(nil, 0, primitive.Timestamp{})
	for expression, want := range map[string]bool{
		`{"$add":[1,{"$multiply":[2,3]}]}`: true, `{"$add":[1,"$a"]}`: false, `{"a":[1,{"$concat":["x"]}]}`: true, `{"a":"$b"}`: false,
		`"$$NOW"`: true, `"$$NOW.x"`: true, `"$$REMOVE"`: true, `"$$ROOT"`: false, `{"$and":["$a",false]}`: true, `{"$or":["$a",1]}`: true, `{"$and":["$a",true]}`: false,
		`{"$toInt":"1"}`: true, `{"$year":"$$NOW"}`: true, `{"$dateToString":{"date":"$a","format":"%Y"}}`: false, `{"$trim":{"input":" a"}}`: true,
		`{"$map":{"input":[1],"in":2}}`: false, `{"$let":{"vars":{},"in":1}}`: true, `{"$let":{"vars":{"x":1},"in":"$$x"}}`: false, `{"$switch":{"branches":[{"case":true,"then":1}]}}`: false,
		`{"$regexMatch":{"input":"a","regex":"a"}}`: false, `{"$replaceOne":{"input":"a","find":"a","replacement":"b"}}`: false, `{"$zip":{"inputs":[[1]]}}`: false, `{"$rand":{}}`: false,
		`{"$indexOfArray":[null,"$a"]}`: true,
	} {
		if _, got := parsed(t, expression, s).Constant(); got != want {
			t.Errorf("%s constant: %v, want %v", expression, got, want)
		}
	}
	if s.FoldError() != nil {
		t.Error(s.FoldError())
	}
}

// Constants are taken together behind the others, which shows in which error comes first.
func TestRegroup(t *testing.T) {
	checkRules(t, []rule{
		{`{"$add":["x","$n"]}`, `null`}, {`{"$concat":[1,"$n"]}`, 16702}, {`{"$add":[1,{"$add":["$i",2]},3]}`, `13`}, {`{"$concat":["a",{"$concat":["$s","b"]},"c"]}`, `"aHello Worldbc"`},
		{`{"$setUnion":[[1],"$a",[2]]}`, `[1,2,3]`}, {`{"$multiply":[2,"$i",0.5]}`, `7.0`}, {`{"$sum":[["x"],"$i",1,2]}`, `10`}, {`{"$sum":[{"$sum":"$a"},"$i"]}`, `13`}, {`{"$max":[1,"$d",2]}`, `2.5`},
		{`{"$and":[{"$and":["$i",0]},{"$divide":[1,"$zero"]}]}`, `false`},
	})
}

func TestParseKey(t *testing.T) {
	d := bson.D{{Key: "a", Value: int32(1)}}
	for key, want := range map[string]string{
		`"$a"`: `1`, `"$none"`: `null`, `{"k":"$none"}`: `{"k":null}`, `{"k":"$a","l":"$none"}`: `{"k":1}`, `{}`: `{}`, `null`: `null`,
		`{"$add":["$a",1]}`: `2`, `{"k":{"x":"$none"}}`: `{"k":{}}`,
	} {
		e, err := ParseKey(bsontest.Parse(t, `{"v":`+key+`}`)[0].Value, nil)
		if err != nil {
			t.Errorf("%s: %v", key, err)
			continue
		}
		if got, err := e.Evaluate(d); err != nil || !same(got, bsontest.Parse(t, `{"v":`+want+`}`)[0].Value) {
			t.Errorf("%s: %v, %v; want %s", key, got, err, want)
		}
	}
	var e *mongoerror.Error
	if _, err := ParseKey(bson.D{{Key: "a", Value: int32(1)}}, nil); !errors.As(err, &e) || e.Code != 17390 {
		t.Errorf("%v, want 17390", err)
	}
}

func TestCheckVariable(t *testing.T) {
	for name, want := range map[string]int32{"a": 0, "aB_9": 0, "é": 0, "CURRENT": 0, "": 16866, "A": 16867, "_a": 16867, "9": 16867, "a.b": 16868, "a-": 16868} {
		err := CheckVariable(name)
		var e *mongoerror.Error
		if errors.As(err, &e) != (want != 0) || want != 0 && e.Code != want {
			t.Errorf("%q: %v, want %d", name, err, want)
		}
	}
}

func TestIsOperator(t *testing.T) {
	for name, want := range map[string]bool{"$add": true, "$substr": true, "$map": true, "$toInt": true, "$literal": true, "$push": false, "$dateAdd": false, "add": false, "": false} {
		if IsOperator(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func BenchmarkEvaluate(b *testing.B) {
	d := bson.D{{Key: "a", Value: int32(1)}, {Key: "b", Value: int32(2)}, {Key: "s", Value: "text"}}
	e, err := Parse(bson.D{{Key: "$cond", Value: bson.A{
		bson.D{{Key: "$gt", Value: bson.A{"$b", "$a"}}},
		bson.D{{Key: "$add", Value: bson.A{"$a", "$b", int32(1)}}},
		bson.D{{Key: "$concat", Value: bson.A{"$s", "x"}}},
	}}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := e.Evaluate(d); err != nil {
			b.Fatal(err)
		}
	}
}
