package pipeline

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/order"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// data is a Host with collections in memory. What $out and $merge write is collected in written.
type data struct {
	collections map[string][]bson.D
	views       map[string][]bson.D
	written     []string
	reads       int
	// sorted is said of every answer, and asked whether the last one was to be in an order.
	sorted, asked bool
}

func (h *data) Resolve(n Namespace) (Namespace, []bson.D, error) {
	if stages := h.views[n.Collection]; stages != nil {
		return Namespace{n.Database, "c"}, stages, nil
	}
	return n, nil, nil
}

func (h *data) Read(_ context.Context, n Namespace, f *query.Filter, o order.Order) (Iterator, bool, error) {
	h.reads++
	h.asked = !o.Empty()
	return match{f}.open(nil, List(h.collections[n.Collection])), h.sorted, nil
}

func (h *data) Statistics(stage string, n Namespace, _ bson.D) ([]bson.D, error) {
	return []bson.D{{{Key: "stage", Value: stage}, {Key: "ns", Value: n.String()}}}, nil
}

func (h *data) Replace(_ context.Context, target Namespace, in Iterator) error {
	h.written = append(h.written, "replace "+target.String())
	for {
		d, ok, err := in()
		if err != nil || !ok {
			return err
		}
		h.written = append(h.written, bsonvalue.Format(d))
	}
}

func (h *data) UniqueKey(_ Namespace, paths []string) error {
	if len(paths) > 1 {
		return mongoerror.New(51183, "no index")
	}
	return nil
}

func (h *data) Insert(_ context.Context, target Namespace, documents []bson.D) error {
	for _, d := range documents {
		h.written = append(h.written, "insert "+target.String()+" "+bsonvalue.Format(d))
	}
	return nil
}

func (h *data) Update(_ context.Context, target Namespace, key bson.D, m Modification) (bool, error) {
	what := bsonvalue.Format(m.Document)
	if m.Stages != nil {
		what = "stages " + bsonvalue.Format(m.Constants)
	}
	if m.Upsert {
		what += " or insert"
	}
	h.written = append(h.written, "update "+target.String()+" "+bsonvalue.Format(key)+" "+what)
	// Only the document 1 is there.
	return bsonvalue.Equal(key[0].Value, int32(1)), nil
}

// newContext returns the context of a pipeline on the collection c.
func newContext(h Host, c *collation.Collation) *Context {
	var compare func(a, b any) int
	if c != nil {
		compare = c.Compare
	}
	return &Context{Host: h, Namespace: Namespace{"d", "c"}, Collation: c, Scope: expression.NewScope(compare, primitive.DateTime(0), primitive.Timestamp{})}
}

func documents(t testing.TB, list ...string) []bson.D {
	t.Helper()
	out := make([]bson.D, len(list))
	for i, s := range list {
		out[i] = bsontest.Parse(t, s)
	}
	return out
}

func stageList(t testing.TB, s string) []bson.D {
	t.Helper()
	var out []bson.D
	for _, v := range bsontest.Parse(t, `{"p":`+s+`}`)[0].Value.(bson.A) {
		out = append(out, v.(bson.D))
	}
	return out
}

// runStages runs a pipeline on the collection c of a host.
func runStages(t testing.TB, c *Context, stages string) ([]bson.D, error) {
	t.Helper()
	p, err := Parse(c, stageList(t, stages))
	if err != nil {
		return nil, err
	}
	r := &run{ctx: context.Background, Context: c}
	in, err := p.Read(r.ctx)
	if err != nil {
		return nil, err
	}
	return r.all(in)
}

// cases are pipelines with the documents that they give.
type cases map[string][]string

func (c cases) run(t *testing.T, h Host) {
	t.Helper()
	for stages, want := range c {
		got, err := runStages(t, newContext(h, nil), stages)
		if err != nil || len(got) != len(want) {
			t.Errorf("%s = %v, %v; want %d documents", stages, format(got), err, len(want))
			continue
		}
		for i := range want {
			if !bsonvalue.Identical(got[i], bsontest.Parse(t, want[i])) {
				t.Errorf("%s: %s, want %s", stages, bsonvalue.Format(got[i]), want[i])
			}
		}
	}
}

func format(list []bson.D) []string {
	out := make([]string, len(list))
	for i, d := range list {
		out[i] = bsonvalue.Format(d)
	}
	return out
}

// failures are pipelines with the codes of their errors.
type failures map[string]int32

func (f failures) run(t *testing.T, h Host) {
	t.Helper()
	for stages, want := range f {
		got, err := runStages(t, newContext(h, nil), stages)
		if code(err) != want {
			t.Errorf("%s: %v, %v; want code %d", stages, format(got), err, want)
		}
	}
}

func code(err error) int32 {
	var e *mongoerror.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code
}

func sampleData(t testing.TB) *data {
	return &data{collections: map[string][]bson.D{"c": documents(t,
		`{"_id":1,"r":"x","n":3,"l":[1,2]}`, `{"_id":2,"r":"y","n":1}`, `{"_id":3,"r":"x","n":5,"l":[]}`)}}
}
