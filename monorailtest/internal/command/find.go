package command

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/order"
	"github.com/mongo-monorail/monorail/monorailtest/internal/projection"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// findDocuments answers find: a cursor.
func findDocuments(ctx context.Context, s *State, r *Request) (bson.D, error) {
	q, err := s.parseFind(r)
	if err != nil {
		return nil, err
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	if q.tailable && r.transaction != nil {
		return nil, mongoerror.New(mongoerror.InvalidOptions, "It is illegal to open a tailable cursor in a transaction")
	}
	reply, err := s.findOnView(ctx, r, q)
	if reply != nil || err != nil {
		return reply, err
	}
	c := s.reads(r).Collection(r.Database, q.collection)
	under, err := collationOf(q.collation, c)
	if err != nil {
		return nil, err
	}
	scope := s.scope(under)
	f, err := query.ParseWith(q.filter, query.Options{Collation: under, Scope: scope})
	if err != nil {
		return nil, err
	}
	natural := naturalSort(q.sort)
	var o order.Order
	if !natural.Natural {
		if o, err = order.Parse(q.sort); err != nil {
			return nil, err
		}
		o = o.Under(under)
	}
	p, err := projection.Parse(q.projection, f, scope)
	if err == nil {
		err = scope.FoldError()
	}
	if err != nil {
		return nil, err
	}
	if _, sortKey := p.UsesMetadata(); sortKey && o.Empty() {
		return nil, mongoerror.New(codeNoMetadata, "query requires sort key metadata, but it is not available")
	}
	namespace := r.Database + "." + q.collection
	if c == nil {
		return cursorReply("firstBatch", nil, 0, namespace), nil
	}
	hint, err := resolveHint(q.hint, c.Indexes(), q.queried(namespace, f))
	if err != nil {
		return nil, err
	}
	if natural.Natural {
		hint = natural
	}
	if hint, err = q.bound(hint, c.Indexes(), q.queried(namespace, f)); err != nil {
		return nil, err
	}
	if q.tailable {
		return q.tail(s, r, c, f, p)
	}
	m := newMatcherInOrder(c, f, hint, o)
	m.within(ctx)
	next, err := q.sorted(ctx, m, o)
	if err != nil {
		return nil, err
	}
	for ; q.skip > 0; q.skip-- {
		if d, err := next(); d == nil || err != nil {
			if err != nil {
				return nil, err
			}
			break
		}
	}
	limit := q.limit
	if limit == 0 {
		limit = -1
	}
	src := &pull{limit: limit, suspend: m.suspend, within: m.within, next: func() (bson.Raw, error) {
		d, err := next()
		if d == nil || err != nil {
			return nil, err
		}
		return q.show(p, m.scan, o, d)
	}}
	return openCursor(s, r, namespace, src, q.cursorOptions())
}

// show returns what a find returns of a document.
func (q *search) show(p *projection.Projection, scan *store.Scan, o order.Order, d *store.Document) (bson.Raw, error) {
	if p.Everything() && !q.returnKey && !q.showRecordID {
		return d.Raw, nil
	}
	var out bson.D
	var err error
	used, _ := p.UsesMetadata()
	switch {
	case q.returnKey:
		out = scan.Key(d)
	case used:
		out, err = p.Apply(d.Fields, metadata{scan, o, d})
	default:
		out, err = p.Apply(d.Fields)
	}
	if err != nil {
		return nil, err
	}
	if q.showRecordID {
		out = append(out[:len(out):len(out)], bson.E{Key: "$recordId", Value: int64(d.Record)})
	}
	raw := bsonvalue.Encode(out)
	if len(raw) > maxInternal {
		return nil, tooLarge(len(raw))
	}
	return raw, nil
}

// stages are those of an aggregation that finds the same in a view.
func (q *search) stages() bson.A {
	stages := bson.A{}
	if len(q.filter) > 0 {
		stages = append(stages, bson.D{{Key: "$match", Value: q.filter}})
	}
	if len(q.sort) > 0 && !naturalSort(q.sort).Natural {
		stages = append(stages, bson.D{{Key: "$sort", Value: q.sort}})
	}
	if q.skip > 0 {
		stages = append(stages, bson.D{{Key: "$skip", Value: q.skip}})
	}
	if q.limit > 0 {
		stages = append(stages, bson.D{{Key: "$limit", Value: q.limit}})
	}
	if len(q.projection) > 0 {
		stages = append(stages, bson.D{{Key: "$project", Value: q.projection}})
	}
	return stages
}

// codeNoMetadata is the error of a projection that asks for what is not known.
const codeNoMetadata = 40218

// metadata is what a find knows of a document. It implements projection.Metadata.
type metadata struct {
	scan     *store.Scan
	order    order.Order
	document *store.Document
}

// Value implements projection.Metadata.
func (m metadata) Value(name string) (any, error) {
	switch name {
	case "recordId":
		return int64(m.document.Record), nil
	case "sortKey":
		key, err := m.order.Key(m.document.Fields)
		return bson.A(key), err
	}
	if key := m.scan.Key(m.document); len(key) > 0 {
		return key, nil
	}
	return bsonvalue.Missing, nil
}

// findOnView answers a find on a view by an aggregation; nil where it is on a collection.
func (s *State) findOnView(ctx context.Context, r *Request, q *search) (bson.D, error) {
	cursor := bson.D{}
	if q.batchSize >= 0 {
		cursor = bson.D{{Key: "batchSize", Value: int64(q.batchSize)}}
	}
	arguments := bson.D{{Key: "cursor", Value: cursor}}
	if len(q.collation) > 0 {
		arguments = append(arguments, bson.E{Key: "collation", Value: q.collation})
	}
	if hint, ok := q.hint.(bson.D); ok && len(hint) == 0 {
		q.hint = nil
	}
	if q.hint != nil {
		arguments = append(arguments, bson.E{Key: "hint", Value: q.hint})
	}
	reply, err := s.onView(ctx, r, q.collection, q.stages(), arguments)
	if reply == nil || err != nil {
		return nil, err
	}
	return reply, q.checkOnView()
}

// checkOnView refuses the options that a find on a view has not.
func (q *search) checkOnView() error {
	for _, o := range []struct {
		name string
		set  bool
	}{{"singleBatch", q.singleBatch && q.limit == 0}, {"max", len(q.max) > 0}, {"min", len(q.min) > 0}, {"returnKey", q.returnKey},
		{"showRecordId", q.showRecordID}, {"tailable", q.tailable}} {
		if o.set {
			return mongoerror.New(codeInvalidPipelineOption, "Option not supported in aggregation: %s", o.name)
		}
	}
	return nil
}

// codeInvalidPipelineOption is InvalidPipelineOperator, the error of a find that is no aggregation.
const codeInvalidPipelineOption = mongoerror.InvalidPipelineOperator

// sorted returns how to get the documents of m one after the other: as they come, or, with an
// order that no index gives, after all of them have been collected.
func (q *search) sorted(ctx context.Context, m *matcher, o order.Order) (func() (*store.Document, error), error) {
	if m.sorted {
		return m.next, nil
	}
	documents, err := m.all(ctx)
	if err != nil {
		return nil, err
	}
	documents, err = order.Sort(o, documents, func(d *store.Document) bson.D { return d.Fields })
	if err != nil {
		return nil, err
	}
	if top := q.skip + q.limit; q.limit > 0 && top > 0 && top < int64(len(documents)) {
		// The server keeps no others.
		documents = documents[:top]
	}
	if err := q.checkSorted(documents); err != nil {
		return nil, err
	}
	return func() (*store.Document, error) {
		if len(documents) == 0 {
			return nil, nil
		}
		d := documents[0]
		documents = documents[1:]
		return d, nil
	}, nil
}

// maxSorted is what a find may sort in memory: internalQueryMaxBlockingSortMemoryUsageBytes, 100 MB.
const maxSorted = 100 << 20

// codeMemoryLimit is QueryExceededMemoryLimitNoDiskUseAllowed.
const codeMemoryLimit = 292

// checkSorted fails with codeMemoryLimit where the documents that had to be sorted are
// more than the server sorts in memory, and it must not use the disk.
func (q *search) checkSorted(documents []*store.Document) error {
	if q.allowDiskUse {
		return nil
	}
	size := 0
	for _, d := range documents {
		if size += len(d.Raw); size > maxSorted {
			return mongoerror.New(codeMemoryLimit, "Executor error during find command :: caused by :: "+
				"Sort exceeded memory limit of %d bytes, but did not opt in to external sorting.", maxSorted)
		}
	}
	return nil
}

// naturalSort returns the hint that a sort by {$natural: 1 or -1} means.
func naturalSort(d bson.D) store.Hint {
	if len(d) == 0 || d[0].Key != "$natural" {
		return store.Hint{}
	}
	n, _ := bsonvalue.ToLong(d[0].Value)
	return store.Hint{Natural: true, Backward: n < 0}
}
