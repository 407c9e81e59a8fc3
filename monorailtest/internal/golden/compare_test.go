package golden

import (
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// read returns the steps of a scenario in the format of the data.
func read(t *testing.T, steps string) []Step {
	t.Helper()
	scenarios, err := Read(strings.NewReader(`{"scenario": "find/test", "steps": [` + steps + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return scenarios[0].Steps
}

// value returns the value that text has in the format of the data.
func value(t *testing.T, text string) any {
	t.Helper()
	d := read(t, `{"command": {}, "reply": {"v": `+text+`}}`)[0].Reply.(bson.D)
	return d[0].Value
}

// Every kind of difference is seen, and what does not count is not.
func TestCompare(t *testing.T) {
	const cursor = `{"cursor": {"firstBatch": [%], "id": {"$numberLong": "0"}}}`
	in := func(batch string) string { return strings.Replace(cursor, "%", batch, 1) }
	for _, test := range []struct {
		command, want, got string
		// path is that of the difference; "" for none.
		path string
		// extra are further fields of the step.
		extra string
	}{
		{command: "find", want: in(`{"a": "x"}`), got: in(`{"a": "x"}`)},
		{command: "find", want: in(`{"a": "x"}`), got: in(`{"a": "y"}`), path: "cursor.firstBatch.0.a"},
		{command: "find", want: in(`{"a": "x", "b": "y"}`), got: in(`{"b": "y", "a": "x"}`), path: "cursor.firstBatch.0"},
		{command: "find", want: in(`{"a": {"a": "x", "b": "y"}}`), got: in(`{"a": {"b": "y", "a": "x"}}`), path: "cursor.firstBatch.0.a"},
		{command: "find", want: in(`{"a": "x"}`), got: in(`{"a": "x"}, {}`), path: "cursor.firstBatch.1"},
		{command: "find", want: in(`{"a": "x"}, {}`), got: in(`{"a": "x"}`), path: "cursor.firstBatch.1"},
		{command: "find", want: in(`{"a": ["x"]}`), got: in(`{"a": {"0": "x"}}`), path: "cursor.firstBatch.0.a"},
		{command: "find", want: in(`{"a": "x", "a": "y"}`), got: in(`{"a": "x", "a": "z"}`), path: "cursor.firstBatch.0.a"},
		{command: "ping", want: `{"a": "x", "b": "y"}`, got: `{"b": "y", "a": "x"}`},
		{command: "ping", want: `{"a": "x"}`, got: `{"b": "x"}`, path: "a"},
		{command: "ping", want: `{"a": "x"}`, got: `{"a": "x", "b": "x"}`, path: "b"},
		{command: "ping", want: `{"a": "x", "a": "y"}`, got: `{"a": "y", "a": "x"}`, path: "a"},
		{command: "ping", want: `{"key": {"a": "x", "b": "y"}}`, got: `{"key": {"b": "y", "a": "x"}}`, path: "key"},
		{command: "findAndModify", want: `{"value": {"a": "x", "b": "y"}}`, got: `{"value": {"b": "y", "a": "x"}}`, path: "value"},
		{command: "distinct", want: `{"values": [{"a": "x", "b": "y"}]}`, got: `{"values": [{"b": "y", "a": "x"}]}`, path: "values.0"},
		{command: "distinct", want: `{"values": ["x", "y"]}`, got: `{"values": ["y", "x"]}`, path: "values.0"},
		{command: "distinct", want: `{"values": ["x", "y"]}`, got: `{"values": ["y", "x"]}`, extra: `, "unordered": ["values"]`},
		{command: "distinct", want: `{"values": ["x", "y"]}`, got: `{"values": ["y", "y"]}`, path: "values.0", extra: `, "unordered": ["values"]`},
		{command: "distinct", want: `{"values": ["x"]}`, got: `{"values": ["x", "x"]}`, path: "values", extra: `, "unordered": ["values"]`},
		{command: "ping", want: `{"a": [{"b": ["x", "y"]}]}`, got: `{"a": [{"b": ["y", "x"]}]}`, extra: `, "unordered": ["a.*.b"]`},
		{command: "ping", want: `{"$clusterTime": "x", "ok": "y"}`, got: `{"ok": "y", "operationTime": "z"}`},
		{command: "ping", want: `{"errmsg": "x"}`, got: `{"errmsg": "y"}`},
		{command: "ping", want: `{"errmsg": "x"}`, got: `{}`, path: "errmsg"},
		{command: "ping", want: `{"errmsg": "x"}`, got: `{"errmsg": null}`, path: "errmsg"},
		{command: "ping", want: `{"a": "int", "b": {"c": "string"}}`, got: `{"a": {"$numberInt": "1"}, "b": {"c": "x", "d": null}}`, extra: `, "shape": true`},
		{command: "ping", want: `{"a": "int"}`, got: `{"a": {"$numberLong": "1"}}`, path: "a", extra: `, "shape": true`},
		{command: "ping", want: `{"a": "int"}`, got: `{}`, path: "a", extra: `, "shape": true`},
		{command: "ping", want: `{"b": {"c": "string"}}`, got: `{"b": {"c": null}}`, path: "b.c", extra: `, "shape": true`},
		{command: "ping", want: `{"b": {"c": "string"}}`, got: `{"b": "x"}`, path: "b", extra: `, "shape": true`},
		{command: "ping", want: `{"$closed": 1}`, got: `{"ok": "x"}`, path: "(reply)"},
		{command: "ping", want: `{"$closed": 1}`, got: `{"$noReply": 1}`, path: "(reply)"},
		{command: "ping", want: `{"ok": "x"}`, got: `{"$closed": 1}`, path: "(reply)"},
		{command: "ping", want: `{"$closed": 1}`, got: `{"$closed": 1}`},
	} {
		step := read(t, `{"command": {"`+test.command+`": "c"}, "reply": `+test.want+test.extra+`}`)[0]
		got := read(t, `{"command": {}, "reply": `+test.got+`}`)[0].Reply
		c := comparer{command: test.command, unordered: step.Unordered, cursors: map[int64]int64{}}
		path := ""
		if d := c.compare(&step, got); d != nil {
			if path = strings.Join(d.Path, "."); path == "" {
				path = "(reply)"
			}
		}
		if path != test.path {
			t.Errorf("%s: want %s, got %s: the difference is at %q, want %q", test.command, test.want, test.got, path, test.path)
		}
	}
}

// Values are equal only with their types.
func TestEqual(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{`{"$numberInt": "1"}`, `{"$numberInt": "1"}`, true},
		{`{"$numberInt": "1"}`, `{"$numberInt": "2"}`, false},
		{`{"$numberInt": "1"}`, `{"$numberLong": "1"}`, false},
		{`{"$numberInt": "1"}`, `{"$numberDouble": "1"}`, false},
		{`{"$numberDouble": "0"}`, `{"$numberDouble": "-0.0"}`, false},
		{`{"$numberDouble": "NaN"}`, `{"$numberDouble": "NaN"}`, true},
		{`{"$numberDouble": "NaN"}`, `{"$numberDecimal": "NaN"}`, false},
		{`{"$numberDecimal": "NaN"}`, `{"$numberDecimal": "NaN"}`, true},
		{`{"$numberDecimal": "1"}`, `{"$numberDecimal": "1.0"}`, false},
		{`{"$numberDecimal": "Infinity"}`, `{"$numberDecimal": "-Infinity"}`, false},
		{`{"$binary": {"base64": "YQ==", "subType": "00"}}`, `{"$binary": {"base64": "YQ==", "subType": "02"}}`, false},
		{`{"$regularExpression": {"pattern": "a", "options": "i"}}`, `{"$regularExpression": {"pattern": "a", "options": ""}}`, false},
		{`{"$timestamp": {"t": 1, "i": 2}}`, `{"$timestamp": {"t": 2, "i": 1}}`, false},
		{`{"$code": "a"}`, `"a"`, false},
		{`{"$symbol": "a"}`, `"a"`, false},
		{`{"$undefined": true}`, `null`, false},
		{`{"$minKey": 1}`, `{"$maxKey": 1}`, false},
		{`{"$date": {"$numberLong": "5"}}`, `{"$date": {"$numberLong": "5"}}`, true},
		{`{"$date": {"$numberLong": "5"}}`, `{"$numberLong": "5"}`, false},
		{`{"$code": "a", "$scope": {"b": "c"}}`, `{"$code": "a", "$scope": {"b": "d"}}`, false},
		{`{"$dbPointer": {"$ref": "a", "$id": {"$oid": "000000000000000000000001"}}}`, `{"$dbPointer": {"$ref": "b", "$id": {"$oid": "000000000000000000000001"}}}`, false},
	} {
		if got := equal(value(t, test.a), value(t, test.b)); got != test.want {
			t.Errorf("equal(%s, %s) = %v", test.a, test.b, got)
		}
	}
}

// A placeholder stands for any value of its type, and for no other.
func TestPlaceholder(t *testing.T) {
	now := primitive.NewDateTimeFromTime(time.Now())
	for _, test := range []struct {
		kind string
		got  any
		want bool
	}{
		{"$anyObjectId", primitive.NewObjectID(), true},
		{"$anyObjectId", "x", false},
		{"$anyUUID", primitive.Binary{Subtype: 4}, true},
		{"$anyUUID", primitive.Binary{Subtype: 3}, false},
		{"$anyDate", now, true},
		{"$anyDate", int64(now), false},
		{"$anyTimestamp", primitive.Timestamp{T: 1}, true},
		{"$anyTimestamp", now, false},
		{"$anyInt", int32(7), true},
		{"$anyInt", int64(7), true},
		{"$anyInt", 7.0, false},
		{"$bigString", "xx", true},
		{"$bigString", "xxx", false},
		{"$cursorId", int64(7), true},
		{"$cursorId", int64(0), false},
		{"$cursorId", int32(7), false},
	} {
		c := comparer{cursors: map[int64]int64{}}
		if got := c.stands(Placeholder{Kind: test.kind, N: 2}, test.got); got != test.want {
			t.Errorf("%s stands for %v: %v", test.kind, test.got, got)
		}
	}
}

// A cursor keeps the id that it was first seen with.
func TestCursorIDs(t *testing.T) {
	c := comparer{cursors: map[int64]int64{}}
	for range 2 {
		if !c.stands(Placeholder{Kind: "$cursorId", N: 1}, int64(777777)) {
			t.Error("the id of a cursor is not taken for it")
		}
	}
	if c.stands(Placeholder{Kind: "$cursorId", N: 1}, int64(8)) {
		t.Error("another id is taken for the cursor")
	}
	if got := fill(bson.A{Placeholder{Kind: "$cursorId", N: 1}, Placeholder{Kind: "$cursorId", N: 2}}, c.cursors); !equal(got, bson.A{int64(777777), int64(1)}) {
		t.Errorf("the commands have %v", got)
	}
	want := `cursor <cursorId 1>, <uuid>, UUID("01234567-0123-0123-0123-0123456789ab")`
	if got := c.errorText(`cursor 777777, 01234567-0123-0123-0123-0123456789ab, UUID("01234567-0123-0123-0123-0123456789ab")`); got != want {
		t.Errorf("errorText: %s", got)
	}
}

// The format has nothing that is passed over.
func TestReadRefuses(t *testing.T) {
	for _, steps := range []string{
		`{"command": {}, "reply": {"a": 1}}`,
		`{"command": {}, "reply": {}, "other": 1}`,
		`{"command": {}, "reply": {}, "flags": ["exhaust"]}`,
		`{"command": {}, "reply": {}, "wire": "OP_INSERT"}`,
		`{"command": {}}`,
		`{"command": [], "reply": {}}`,
		`{"command": {}, "reply": {"$numberInt": "x"}}`,
		`{"command": {}, "reply": {"$timestamp": {"t": 1}}}`,
		`1`,
	} {
		if _, err := Read(strings.NewReader(`{"scenario": "find/test", "steps": [` + steps + `]}`)); err == nil {
			t.Errorf("%s is taken", steps)
		}
	}
}

// What looks like a wrapper and is none stays a document.
func TestReadKeepsDocuments(t *testing.T) {
	for _, text := range []string{
		`{"$regex": "a", "$options": "i"}`, `{"$ref": "a", "$id": "b"}`, `{"$type": "int"}`, `{"$date": "x"}`, `{"$numberInt": {}}`, `{"$binary": "x"}`,
	} {
		if _, ok := value(t, text).(bson.D); !ok {
			t.Errorf("%s is %T", text, value(t, text))
		}
	}
}
