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

// search holds the arguments of a find.
type search struct {
	collection  string
	filter      bson.D
	sort        bson.D
	projection  bson.D
	hint        any
	skip        int64
	limit       int64
	batchSize   int
	singleBatch bool
	noTimeout   bool
}

// findDocuments answers find: a cursor. Of the options that change what is returned, those that
// are not supported are refused.
func findDocuments(ctx context.Context, s *State, r *Request) (bson.D, error) {
	q, err := parseFind(r)
	if err != nil {
		return nil, err
	}
	f, err := query.Parse(q.filter)
	if err != nil {
		return nil, err
	}
	natural := naturalSort(q.sort)
	if natural.Natural && len(q.sort) > 1 {
		return nil, mongoerror.New(mongoerror.BadValue, "Cannot include '$natural' in compound sort: %s", bsonvalue.Format(q.sort))
	}
	if natural.Natural && q.hint != nil {
		return nil, mongoerror.New(mongoerror.BadValue, "index hint not allowed with $natural sort order")
	}
	var o order.Order
	if natural == (store.Hint{}) {
		if o, err = order.Parse(q.sort); err != nil {
			return nil, err
		}
	}
	p, err := projection.Parse(q.projection, f, nil)
	if err != nil {
		return nil, err
	}
	if err := checkHintType(q.hint); err != nil {
		return nil, err
	}
	options := cursorOptions{batchSize: q.batchSize, singleBatch: q.singleBatch, noTimeout: q.noTimeout}
	namespace := r.Database + "." + q.collection
	c := s.reads(r).Collection(r.Database, q.collection)
	if c == nil {
		return cursorReply("firstBatch", nil, 0, namespace), nil
	}
	hint, err := resolveHint(q.hint, c.Indexes(), namespace, f)
	if err != nil {
		return nil, err
	}
	if natural.Natural {
		hint = natural
	}
	m := newMatcherInOrder(c, f, hint, o)
	next, err := sorted(ctx, m, o)
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
	src := &pull{limit: limit, suspend: m.suspend, next: func() (bson.Raw, error) {
		d, err := next()
		if d == nil || err != nil {
			return nil, err
		}
		if p.Everything() {
			return d.Raw, nil
		}
		out, err := p.Apply(d.Fields)
		if err != nil {
			return nil, err
		}
		return bsonvalue.Encode(out), nil
	}}
	return openCursor(s, r, namespace, src, options)
}

// sorted returns how to get the documents of m one after the other: as they come, or, with an
// order that no index gives, after all of them have been collected.
func sorted(ctx context.Context, m *matcher, o order.Order) (func() (*store.Document, error), error) {
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
	return func() (*store.Document, error) {
		if len(documents) == 0 {
			return nil, nil
		}
		d := documents[0]
		documents = documents[1:]
		return d, nil
	}, nil
}

// naturalSort returns the hint that a sort by {$natural: 1 or -1} means.
func naturalSort(d bson.D) store.Hint {
	if len(d) == 0 || d[0].Key != "$natural" {
		return store.Hint{}
	}
	n, _ := bsonvalue.ToLong(d[0].Value)
	return store.Hint{Natural: true, Backward: n < 0}
}

func parseFind(r *Request) (*search, error) {
	q := &search{batchSize: -1}
	name, ok := r.Body.Lookup("find").StringValueOK()
	if !ok {
		if _, _, isUUID := r.Body.Lookup("find").BinaryOK(); isUUID {
			return nil, mongoerror.New(mongoerror.NotImplemented, "find by the UUID of a collection is not supported by this server")
		}
		return nil, q.wrong("find", r.Body.Lookup("find"), "string")
	}
	q.collection = name
	if err := checkCollection(r.Database, name); err != nil {
		return nil, err
	}
	err := eachField(r, func(key string, v bson.RawValue) (bool, error) { return q.take(r, key, v) },
		func(key string) error {
			return mongoerror.New(mongoerror.FailedToParse, "Failed to parse: %s. Unrecognized field '%s'.", bodyText(r), key)
		})
	if err != nil {
		return nil, err
	}
	if q.limit > 0 && q.batchSize > 0 && int64(q.batchSize) > q.limit {
		q.batchSize = int(q.limit)
	}
	return q, nil
}

func (q *search) wrong(key string, v bson.RawValue, want string) error {
	x, err := decodeValue(v)
	if err != nil {
		return err
	}
	return mongoerror.New(mongoerror.FailedToParse, "Failed to parse: %s: %s. '%s' field must be of BSON type %s.",
		key, bsonvalue.Format(x), key, want)
}

// take reads one field of a find.
func (q *search) take(r *Request, key string, v bson.RawValue) (known bool, err error) {
	switch key {
	case "find":
	case "filter":
		q.filter, err = q.document(key, v)
	case "sort":
		q.sort, err = q.document(key, v)
	case "projection":
		q.projection, err = q.document(key, v)
	case "collation":
		var d bson.D
		if d, err = q.document(key, v); err == nil {
			err = checkCollation(d)
		}
	case "hint":
		q.hint, err = decodeValue(v)
	case "skip":
		q.skip, err = q.count(r, key, "Skip", v)
	case "limit":
		q.limit, err = q.count(r, key, "Limit", v)
	case "batchSize":
		var n int64
		n, err = q.count(r, key, "BatchSize", v)
		q.batchSize = int(min(n, unlimitedBatch))
	case "singleBatch":
		q.singleBatch, err = q.boolean(key, v)
	case "noCursorTimeout":
		q.noTimeout, err = q.boolean(key, v)
	case "allowDiskUse", "allowPartialResults", "oplogReplay":
		_, err = q.boolean(key, v)
	case "tailable", "awaitData", "returnKey", "showRecordId":
		var set bool
		if set, err = q.boolean(key, v); set && err == nil {
			err = refusedOption(key)
		}
	case "min", "max":
		var d bson.D
		if d, err = q.document(key, v); len(d) > 0 && err == nil {
			err = refusedOption(key)
		}
	case "ntoreturn", "term", "readOnce", "allowSpeculativeMajorityRead", "_resumeAfter", "_requestResumeToken", "_use44SortKeys":
		err = refusedOption(key)
	default:
		return false, nil
	}
	return true, err
}

func refusedOption(key string) error {
	switch key {
	case "tailable":
		return mongoerror.New(mongoerror.BadValue,
			"error processing query: planner returned error :: caused by :: tailable cursor requested on non capped collection")
	case "awaitData":
		return mongoerror.New(mongoerror.FailedToParse, "Cannot set 'awaitData' without also setting 'tailable'")
	}
	return mongoerror.New(mongoerror.NotImplemented, "option '%s' is not supported by this server", key)
}

func (q *search) document(key string, v bson.RawValue) (bson.D, error) {
	if v.Type != bson.TypeEmbeddedDocument {
		return nil, q.wrong(key, v, "object")
	}
	return bsonvalue.Decode(v.Document())
}

func (q *search) boolean(key string, v bson.RawValue) (bool, error) {
	b, ok := v.BooleanOK()
	if !ok {
		return false, q.wrong(key, v, "bool")
	}
	return b, nil
}

func (q *search) count(r *Request, key, name string, v bson.RawValue) (int64, error) {
	x, err := decodeValue(v)
	if err != nil {
		return 0, err
	}
	if !bsonvalue.IsNumber(x) {
		return 0, mongoerror.New(mongoerror.FailedToParse, "Failed to parse: %s. '%s' field must be numeric.", bodyText(r), key)
	}
	n, _ := bsonvalue.ToLong(x)
	if n < 0 {
		return 0, mongoerror.New(mongoerror.BadValue, "%s value must be non-negative, but received: %d", name, n)
	}
	return n, nil
}
