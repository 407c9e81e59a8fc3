package command

import (
	"context"
	"math"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/order"
	"github.com/mongo-monorail/monorail/monorailtest/internal/pipeline"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

func explainFind(s *State, r *Request) (*plan, error) {
	q, err := s.parseFind(r)
	if err != nil {
		return nil, err
	}
	p, err := newPlan(s, r, q.collection, q.filter, argument(r, "collation"), q.hint)
	if err != nil {
		return nil, err
	}
	p.skip, p.limit = q.skip, q.limit
	if err := p.sort(q.sort); err != nil {
		return nil, err
	}
	if p.sorted {
		p.wrap("SORT", bson.E{Key: "sortPattern", Value: q.sort}, bson.E{Key: "memLimit", Value: int32(100 << 20)}, bson.E{Key: "type", Value: "simple"})
	}
	p.cut()
	if len(q.projection) > 0 {
		p.wrap("PROJECTION_DEFAULT", bson.E{Key: "transformBy", Value: q.projection})
	}
	return p, nil
}

func explainCount(s *State, r *Request) (*plan, error) {
	p, err := explainQuery(s, r, argument(r, "hint"))
	if err != nil {
		return nil, err
	}
	for key, at := range map[string]*int64{"skip": &p.skip, "limit": &p.limit} {
		if v := r.Body.Lookup(key); present(v) {
			if *at, err = countNumber(key, v); err != nil {
				return nil, err
			}
		}
	}
	p.limit = max(p.limit, -p.limit)
	if p.filter.Empty() && p.collection != nil {
		p.root = &planStage{name: "RECORD_STORE_FAST_COUNT"}
	}
	p.wrap("COUNT")
	p.counts = true
	return p, nil
}

func explainDistinct(s *State, r *Request) (*plan, error) { return explainQuery(s, r, nil) }

// explainQuery makes the plan of a command whose filter is its query.
func explainQuery(s *State, r *Request, hint any) (*plan, error) {
	name, err := collectionName(r)
	if err != nil {
		return nil, err
	}
	filter, _ := argument(r, "query").(bson.D)
	return newPlan(s, r, name, filter, argument(r, "collation"), hint)
}

func explainAggregate(s *State, r *Request) (*plan, error) {
	a, err := parseAggregate(r, true)
	if err != nil {
		return nil, err
	}
	h := newHost(context.Background(), s, r, a)
	c, stages, err := h.context(a)
	if err != nil {
		return nil, err
	}
	if _, err := pipeline.Parse(c, stages); err != nil {
		return nil, err
	}
	var filter bson.D
	if len(stages) > 0 && stages[0][0].Key == "$match" {
		filter, _ = stages[0][0].Value.(bson.D)
		stages = stages[1:]
	}
	p, err := newPlan(s, r, c.Namespace.Collection, filter, a.collation, a.hint)
	if err != nil {
		return nil, err
	}
	return p, p.pushDown(stages)
}

// viewToAggregation makes of a reading command on a view the aggregation that the view answers it by.
func (s *State) viewToAggregation(r *Request) error {
	name, _ := r.Body.Lookup(r.Name).StringValueOK()
	data := s.reads(r)
	if data.Collection(r.Database, name) != nil {
		return nil
	}
	if v, err := viewOf(data, r.Database, name); v == nil || err != nil {
		return err
	}
	var stages bson.A
	switch r.Name {
	case "find":
		q, err := s.parseFind(r)
		if err != nil {
			return err
		}
		stages = q.stages()
	case "count", "distinct":
		if filter, ok := argument(r, "query").(bson.D); ok {
			stages = bson.A{bson.D{{Key: "$match", Value: filter}}}
		}
	default:
		return nil
	}
	body := bson.D{{Key: "aggregate", Value: name}, {Key: "pipeline", Value: stages}}
	if spec := argument(r, "collation"); spec != nil {
		body = append(body, bson.E{Key: "collation", Value: spec})
	}
	r.Name, r.Body = "aggregate", bsonvalue.Encode(body)
	return nil
}

func explainUpdate(s *State, r *Request) (*plan, error) {
	b, err := explainedBatch(r, "updates")
	if err != nil {
		return nil, err
	}
	m, err := parseModification(b.statements[0])
	if err != nil {
		return nil, err
	}
	return explainModification(s, r, &m, b.collection)
}

// explainModification makes the plan of an update.
func explainModification(s *State, r *Request, m *modification, collection string) (*plan, error) {
	if _, err := m.parse(s.data(r).Collection(r.Database, collection)); err != nil {
		return nil, err
	}
	p, err := newPlan(s, r, collection, m.filter, m.collation, m.hint)
	if err != nil {
		return nil, err
	}
	if !m.multi {
		p.limit = 1
	}
	p.wrap("UPDATE")
	p.writes = func(matched int64) bson.D {
		return bson.D{{Key: "nMatched", Value: number(matched)}, {Key: "nWouldModify", Value: number(matched)},
			{Key: "wouldInsert", Value: matched == 0 && m.upsert}}
	}
	return p, nil
}

func explainDelete(s *State, r *Request) (*plan, error) {
	b, err := explainedBatch(r, "deletes")
	if err != nil {
		return nil, err
	}
	d, err := parseDeletion(b.statements[0])
	if err != nil {
		return nil, err
	}
	return explainDeletion(s, r, &d, b.collection)
}

// explainDeletion makes the plan of a delete.
func explainDeletion(s *State, r *Request, d *deletion, collection string) (*plan, error) {
	p, err := newPlan(s, r, collection, d.filter, d.collation, d.hint)
	if err != nil {
		return nil, err
	}
	if d.one {
		p.limit = 1
	}
	p.wrap("DELETE")
	p.writes = func(matched int64) bson.D { return bson.D{{Key: "nWouldDelete", Value: number(matched)}} }
	return p, nil
}

func explainFindAndModify(s *State, r *Request) (*plan, error) {
	name, err := collectionName(r)
	if err != nil {
		return nil, err
	}
	a, err := parseFindAndModify(r)
	if err != nil {
		return nil, err
	}
	if a.remove {
		return explainDeletion(s, r, &deletion{filter: a.filter, one: true, hint: a.hint, collation: a.collation}, name)
	}
	return explainModification(s, r, &a.modification, name)
}

// explainedBatch reads a write command with one statement: MongoDB explains no other.
func explainedBatch(r *Request, field string) (*batch, error) {
	b, err := parseBatch(r, field)
	if err == nil && len(b.statements) != 1 {
		err = mongoerror.New(mongoerror.InvalidLength, "explained write batches must be of size 1")
	}
	return b, err
}

// argument returns an optional field of a command; nil for one that is not there.
func argument(r *Request, key string) any {
	v := r.Body.Lookup(key)
	if !present(v) {
		return nil
	}
	x, err := decodeValue(v)
	if err != nil {
		return nil
	}
	return x
}

// newPlan makes the plan of reading what meets a filter.
func newPlan(s *State, r *Request, name string, filter bson.D, collation, hint any) (*plan, error) {
	spec, _ := collation.(bson.D)
	c, err := s.readCollation(r, name, spec)
	if err != nil {
		return nil, err
	}
	f, err := query.ParseWith(filter, query.Options{Collation: c})
	if err != nil {
		return nil, err
	}
	if err := checkHintType(hint); err != nil {
		return nil, err
	}
	p := &plan{namespace: r.Database + "." + name, filter: f, collation: c, collection: s.reads(r).Collection(r.Database, name)}
	if p.collection == nil {
		p.root = &planStage{name: "EOF"}
		return p, nil
	}
	if p.hint, err = resolveHint(hint, p.collection.Indexes(), queried{namespace: p.namespace, filter: f}); err != nil {
		return nil, err
	}
	p.root = p.access()
	return p, nil
}

// sort has the plan give the documents in an order, of an index if there is one that does.
func (p *plan) sort(by bson.D) (err error) {
	if naturalSort(by).Natural {
		p.hint = naturalSort(by)
	} else if p.order, err = order.Parse(by); err != nil {
		return err
	}
	if p.collection == nil {
		return nil
	}
	p.root = p.access()
	p.sorted = !inOrder(p.scan(), p.order, p.order.Fields())
	return nil
}

// access is the stage that gets the documents out of the collection.
func (p *plan) access() *planStage {
	filter := bson.E{Key: "filter", Value: p.filter.Source()}
	if d := p.filter.Source(); len(d) == 1 && d[0].Key == "_id" && p.hint.Index == "" && !p.hint.Natural {
		switch v := d[0].Value.(type) {
		case nil, bson.A:
		case bson.D:
			if len(v) == 0 || v[0].Key[:min(1, len(v[0].Key))] != "$" {
				return &planStage{name: "IDHACK"}
			}
		default:
			return &planStage{name: "IDHACK"}
		}
	}
	scan := p.scan()
	x, ok := scan.Index()
	direction := "forward"
	if scan.Backward() {
		direction = "backward"
	}
	if !ok {
		out := &planStage{name: "COLLSCAN"}
		if !p.filter.Empty() {
			out.fields = bson.D{filter}
		}
		out.fields = append(out.fields, bson.E{Key: "direction", Value: direction})
		return out
	}
	bounds := bson.D{}
	for _, e := range x.Key {
		bounds = append(bounds, bson.E{Key: e.Key, Value: p.bounds(e.Key)})
	}
	keys := &planStage{name: "IXSCAN", fields: bson.D{
		{Key: "keyPattern", Value: x.Key}, {Key: "indexName", Value: x.Name}, {Key: "isMultiKey", Value: false},
		{Key: "isUnique", Value: x.Unique}, {Key: "isSparse", Value: x.Sparse}, {Key: "isPartial", Value: x.Partial != nil},
		{Key: "indexVersion", Value: int32(2)}, {Key: "direction", Value: direction}, {Key: "indexBounds", Value: bounds},
	}}
	return &planStage{name: "FETCH", fields: bson.D{filter}, input: keys}
}

// bounds are those of a field in a scan of an index.
func (p *plan) bounds(field string) bson.A {
	for _, c := range p.filter.Constraints() {
		if c.Field != field {
			continue
		}
		out := bson.A{}
		for _, i := range c.Intervals {
			open, shut := "[", "]"
			if i.LowOpen {
				open = "("
			}
			if i.HighOpen {
				shut = ")"
			}
			out = append(out, open+bsonvalue.Format(i.Low)+", "+bsonvalue.Format(i.High)+shut)
		}
		return out
	}
	return bson.A{"[MinKey, MaxKey]"}
}

// scan reads what the plan reads.
func (p *plan) scan() *store.Scan {
	return p.collection.ScanInOrder(p.filter.Constraints(), p.hint, p.order.Fields())
}

// cut adds the stages of skip and limit.
func (p *plan) cut() {
	if p.skip > 0 {
		p.wrap("SKIP", bson.E{Key: "skipAmount", Value: number(p.skip)})
	}
	if p.limit > 0 && p.limit < math.MaxInt64 {
		p.wrap("LIMIT", bson.E{Key: "limitAmount", Value: number(p.limit)})
	}
}
