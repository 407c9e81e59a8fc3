package command

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	collate "github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/order"
	"github.com/mongo-monorail/monorail/monorailtest/internal/pipeline"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// host is the server to the pipeline of one aggregate. It implements pipeline.Host, and lives as long as
// the cursor.
type host struct {
	state   *State
	request *Request
	// hint is that of the command; it goes to the first collection that is read.
	hint      any
	unchecked bool
	// command is a copy of the command for $currentOp; nil for any other.
	command bson.Raw
	// collation is that of the command; views have to have the same.
	collation *collate.Collation
	// ctx ends the command, while it reads the first batch.
	ctx context.Context
	// open are the readers of collections so far.
	open []*matcher
}

func newHost(ctx context.Context, s *State, r *Request, a *aggregation) *host {
	return &host{state: s, request: r, hint: a.hint, unchecked: a.unchecked, ctx: ctx}
}

// suspend ends a batch: the next one belongs to another command, and until then time may pass.
func (h *host) suspend() {
	h.ctx = context.Background()
	for _, m := range h.open {
		m.suspend()
	}
}

// within says which command reads on.
func (h *host) within(ctx context.Context) { h.ctx = ctx }

// Resolve implements pipeline.Host.
func (h *host) Resolve(n pipeline.Namespace) (pipeline.Namespace, []bson.D, error) {
	base, stages, v, err := resolveView(h.state.reads(h.request), n.Database, n.Collection)
	if err == nil && v != nil && !collate.Same(v.collation, h.collation) {
		err = mongoerror.New(codeNotSupportedOnView, "Cannot override a view's default collation")
	}
	return pipeline.Namespace{Database: n.Database, Collection: base}, stages, err
}

// Read implements pipeline.Host. The documents are read as they are asked for.
func (h *host) Read(_ context.Context, n pipeline.Namespace, f *query.Filter, o order.Order) (pipeline.Iterator, bool, error) {
	c := h.state.reads(h.request).Collection(n.Database, n.Collection)
	if c == nil {
		return pipeline.List(nil), false, nil
	}
	hint, err := resolveHint(h.hint, c.Indexes(), queried{namespace: c.Namespace(), filter: f, simple: true})
	if err != nil {
		return nil, false, err
	}
	h.hint = nil
	m := newMatcherInOrder(c, f, hint, o)
	h.open = append(h.open, m)
	return func() (bson.D, bool, error) {
		m.within(h.ctx)
		d, err := m.next()
		if d == nil || err != nil {
			h.open = slices.DeleteFunc(h.open, func(other *matcher) bool { return other == m })
			return nil, false, err
		}
		return d.Fields, true, nil
	}, m.sorted, nil
}

// in returns the request for a write to another database.
func (h *host) in(target pipeline.Namespace) *Request {
	r := *h.request
	r.Database = target.Database
	r.unchecked = h.unchecked
	// The write concern of the command is that of its writes.
	h.request.attempted = true
	return &r
}

// UniqueKey implements pipeline.Host.
func (h *host) UniqueKey(target pipeline.Namespace, paths []string) error {
	c := h.state.data(h.request).Collection(target.Database, target.Collection)
	if c == nil && len(paths) == 1 && paths[0] == "_id" {
		return nil
	}
	if c != nil {
		for i, x := range c.Indexes() {
			unique := i == 0 || x.Unique && x.Partial == nil && x.Kind == store.Ordered
			if !unique || len(x.Key) != len(paths) || !collate.Same(x.Collation, h.collation) {
				continue
			}
			if !slices.ContainsFunc(x.Key, func(e bson.E) bool { return !slices.Contains(paths, e.Key) }) {
				return nil
			}
		}
	}
	return mongoerror.New(51183, "Cannot find index to verify that join fields will be unique")
}

// store inserts one document.
func (h *host) store(ctx context.Context, r *Request, name string, d bson.D) error {
	fields, raw, err := prepareInsert(bsonvalue.Encode(d))
	if err != nil {
		return err
	}
	return write(ctx, h.state, r, 0, name, true, func(_ *store.Collection, w *store.Writer) error {
		return w.Insert(fields, raw)
	})
}

// Insert implements pipeline.Host.
func (h *host) Insert(ctx context.Context, target pipeline.Namespace, documents []bson.D) error {
	r := h.in(target)
	if err := h.state.checkNoView(r, target.Collection); err != nil {
		return err
	}
	for _, d := range documents {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := h.store(ctx, r, target.Collection, d); err != nil {
			return err
		}
	}
	return nil
}

// Update implements pipeline.Host.
func (h *host) Update(ctx context.Context, target pipeline.Namespace, key bson.D, m pipeline.Modification) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	r := h.in(target)
	if err := h.state.checkNoView(r, target.Collection); err != nil {
		return false, err
	}
	u := modification{collation: h.collationDocument(), filter: key, update: m.Document, stages: m.Stages, constants: m.Constants, upsert: m.Upsert && m.Document != nil}
	o, err := u.execute(ctx, h.state, r, 0, target.Collection)
	if err != nil || o.matched > 0 || m.Insert == nil || !m.Upsert {
		return o.matched > 0, err
	}
	return false, h.store(ctx, r, target.Collection, m.Insert)
}

// collationDocument is the command's collation as an argument of another command.
func (h *host) collationDocument() bson.D {
	if h.collation == nil {
		return bson.D{{Key: "locale", Value: "simple"}}
	}
	return slices.DeleteFunc(slices.Clone(h.collation.Document()), func(e bson.E) bool { return e.Key == "version" })
}

// Replace implements pipeline.Host: it fills a collection of another name, which then takes the name.
func (h *host) Replace(ctx context.Context, target pipeline.Namespace, in pipeline.Iterator) error {
	r, data := h.in(target), h.state.data(h.request)
	options, indexes := bson.D{}, []store.IndexSpec(nil)
	if c := data.Collection(target.Database, target.Collection); c != nil {
		if c.Options().Capped {
			return mongoerror.New(17152, "namespace '%s' is capped so it can't be used for $out", target)
		}
		options, indexes = c.Options().Document, c.Indexes()[1:]
	}
	if err := h.state.checkStatement(target.Database, target.Collection); err != nil {
		return err
	}
	if err := h.state.checkNoView(r, target.Collection); err != nil {
		return err
	}
	// A UUID of random bits; crypto/rand.Read never fails.
	id := make([]byte, 16)
	rand.Read(id)
	name := fmt.Sprintf("tmp.agg_out.%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
	err := patiently(ctx, r, func() error {
		_, err := data.Create(target.Database, name, options)
		return err
	})
	if err != nil {
		return err
	}
	if err = h.fill(ctx, r, name, indexes, in); err == nil && strings.Contains(target.Collection, "$") {
		err = mongoerror.New(mongoerror.IllegalOperation, "error with target namespace: invalid collection name")
	}
	if err == nil {
		err = patiently(ctx, r, func() error {
			return data.Rename(target.Database, name, target.Database, target.Collection, true)
		})
	}
	if err != nil {
		// The error that counts is the first one.
		_, _ = data.Drop(target.Database, name)
	}
	return err
}

// fill builds indexes and inserts documents.
func (h *host) fill(ctx context.Context, r *Request, name string, indexes []store.IndexSpec, in pipeline.Iterator) error {
	err := write(ctx, h.state, r, 0, name, false, func(_ *store.Collection, w *store.Writer) error {
		for _, x := range indexes {
			if err := w.CreateIndex(x); err != nil {
				return err
			}
		}
		return nil
	})
	for err == nil {
		d, ok, nextErr := in()
		if nextErr != nil || !ok {
			return nextErr
		}
		if err = ctx.Err(); err == nil {
			err = h.store(ctx, r, name, d)
		}
	}
	return err
}
