package command

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/indexkey"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/order"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// matcher gives the documents of a collection that meet a filter, one after the other, in the
// order of the scan.
type matcher struct {
	collection *store.Collection
	// namespace is that of the collection when the reading began.
	namespace string
	filter    *query.Filter
	scan      *store.Scan
	// waiting are documents that the scan gave and that have not been looked at.
	waiting []*store.Document
	// sorted says that they come in the order that was asked for.
	sorted bool
	// stale says that time has passed since waiting was read.
	stale bool
	// ctx ends the command that reads; nil for never.
	ctx context.Context
}

// suspend says that the command ends, and some time may pass until the next call: what was read ahead is then read
// again.
func (m *matcher) suspend() { m.stale, m.ctx = true, nil }

// within says which command reads on.
func (m *matcher) within(ctx context.Context) { m.ctx = ctx }

func newMatcher(c *store.Collection, f *query.Filter, h store.Hint) *matcher {
	return newMatcherInOrder(c, f, h, order.Order{})
}

// newMatcherInOrder is newMatcher, by an index that gives the order where there is one: sorted tells.
func newMatcherInOrder(c *store.Collection, f *query.Filter, h store.Hint, o order.Order) *matcher {
	fields := o.Fields()
	scan := c.ScanInOrder(f.Constraints(), h, fields)
	return &matcher{collection: c, namespace: c.Namespace(), filter: f, scan: scan, sorted: inOrder(scan, o, fields)}
}

// inOrder reports whether a scan that was asked for fields, those of o, gives the order.
func inOrder(scan *store.Scan, o order.Order, fields []indexkey.Field) bool {
	return o.Empty() || len(fields) > 0 && scan.Sorted()
}

// next returns the next document, nil at the end. After the collection was dropped or renamed, or the index dropped
// that it reads, it fails with QueryPlanKilled (175).
func (m *matcher) next() (*store.Document, error) {
	for {
		if m.stale {
			waiting, err := m.collection.Refresh(m.waiting)
			if err != nil {
				return nil, m.dropped(err)
			}
			if err := m.killed(); err != nil {
				return nil, err
			}
			m.waiting, m.stale = waiting, false
		}
		for len(m.waiting) > 0 {
			// A document may cost much: an expression, a regular expression.
			if m.ctx != nil && m.ctx.Err() != nil {
				return nil, m.ctx.Err()
			}
			d := m.waiting[0]
			m.waiting = m.waiting[1:]
			ok, err := m.filter.Match(d.Fields)
			if err != nil {
				return nil, err
			}
			if ok {
				return d, nil
			}
		}
		documents, err := m.scan.Next()
		if err != nil {
			return nil, m.dropped(err)
		}
		if len(documents) == 0 {
			return nil, nil
		}
		m.waiting = documents
	}
}

// killed is the error of a reader that goes on after its collection was renamed or its index dropped; nil if neither was.
func (m *matcher) killed() error {
	if now := m.collection.Namespace(); now != m.namespace {
		return mongoerror.New(175, "collection renamed from '%s' to '%s'. UUID %s", m.namespace, now, uuidText(m.collection.UUID.Data))
	}
	index, ok := m.scan.Index()
	if !ok {
		return nil
	}
	for _, x := range m.collection.Indexes() {
		if x.Name == index.Name {
			return nil
		}
	}
	return mongoerror.New(175, "query plan killed :: index '%s' dropped", index.Name)
}

// dropped is the error of a reader whose collection was dropped.
func (m *matcher) dropped(err error) error {
	if !errors.Is(err, store.ErrDropped) {
		return err
	}
	return mongoerror.New(175, "collection dropped. UUID %s", uuidText(m.collection.UUID.Data))
}

// all returns every document that is left.
func (m *matcher) all(ctx context.Context) ([]*store.Document, error) {
	m.within(ctx)
	var out []*store.Document
	for {
		d, err := m.next()
		if d == nil || err != nil {
			return out, err
		}
		out = append(out, d)
	}
}

// pull makes a cursor's source of a function that returns the next encoded document, nil at the
// end.
type pull struct {
	next func() (bson.Raw, error)
	// limit is how many documents may still be given; negative for no limit.
	limit int64
	// suspend is called at the end of every batch; nil for none.
	suspend func()
	// within is called with the context of each command that reads on; nil for none.
	within func(context.Context)
	// spare is a document that did not fit into the last batch.
	spare bson.Raw
}

// Within implements cursor.Bounded.
func (p *pull) Within(ctx context.Context) {
	if p.within != nil {
		p.within(ctx)
	}
}

// Next implements cursor.Source.
func (p *pull) Next(n int, maxBytes int) (docs []bson.Raw, exhausted bool, err error) {
	if p.suspend != nil {
		defer p.suspend()
	}
	size := 0
	for len(docs) < n {
		if p.limit == 0 {
			return docs, true, nil
		}
		raw := p.spare
		p.spare = nil
		if raw == nil {
			if raw, err = p.next(); err != nil {
				return nil, false, err
			}
		}
		if raw == nil {
			return docs, true, nil
		}
		if size += len(raw); len(docs) > 0 && size > maxBytes {
			p.spare = raw
			return docs, false, nil
		}
		docs = append(docs, raw)
		p.limit--
	}
	return docs, p.limit == 0, nil
}

// Close implements cursor.Source. There is nothing to release.
func (p *pull) Close() {}

// list makes a source of documents that are all there already.
func list(docs []bson.D, encode func(bson.D) bson.Raw) *pull {
	return &pull{limit: -1, next: func() (bson.Raw, error) {
		if len(docs) == 0 {
			return nil, nil
		}
		d := docs[0]
		docs = docs[1:]
		return encode(d), nil
	}}
}
