package command

import (
	"context"
	"math"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// countDocuments answers count: {n}. Without a filter nothing is scanned.
func countDocuments(ctx context.Context, s *State, r *Request) (bson.D, error) {
	name, err := s.readName(r)
	if err != nil {
		return nil, err
	}
	var filter, under bson.D
	var hint any
	var skip, limit int64
	err = eachField(r, func(key string, v bson.RawValue) (bool, error) {
		switch key {
		case "count", "fields":
		case "query":
			if present(v) {
				filter, err = document(v, "count.query")
			}
		case "hint":
			hint, err = decodeValue(v)
		case "collation":
			under, err = collationArgument(v, "count.collation")
		case "skip":
			skip, err = countNumber(key, v)
			if err == nil && skip < 0 {
				err = mongoerror.New(mongoerror.FailedToParse, "Expected a positive number in: skip: %d", skip)
			}
		case "limit":
			limit, err = countNumber(key, v)
			if limit == math.MinInt64 {
				err = mongoerror.New(mongoerror.BadValue, "limit value is not a valid number")
			}
			limit = max(limit, -limit)
		default:
			return false, nil
		}
		return true, err
	}, nil)
	if err != nil {
		return nil, err
	}
	reply, err := s.countOnView(ctx, r, name, filter, under, skip, limit)
	if reply != nil || err != nil {
		return reply, err
	}
	c := s.reads(r).Collection(r.Database, name)
	collated, err := collationOf(under, c)
	if err != nil {
		return nil, err
	}
	f, err := query.ParseWith(filter, query.Options{Collation: collated})
	if err != nil {
		return nil, err
	}
	if err := checkHintType(hint); err != nil {
		return nil, err
	}
	if c == nil {
		return bson.D{{Key: "n", Value: int32(0)}}, nil
	}
	h, err := resolveHint(hint, c.Indexes(), queried{namespace: c.Namespace(), filter: f})
	if err != nil {
		return nil, err
	}
	n, err := counted(ctx, c, f, h, skip, limit)
	return bson.D{{Key: "n", Value: number(n)}}, err
}

// counted counts the documents that are left behind the first skip ones, limit at most; 0 is no limit. Without
// a filter it knows how many there are.
func counted(ctx context.Context, c *store.Collection, f *query.Filter, h store.Hint, skip, limit int64) (int64, error) {
	var n int64
	if f.Empty() && h.Index == "" {
		documents, _ := c.Size()
		n = int64(documents)
	} else {
		var err error
		if n, err = matching(ctx, newMatcher(c, f, h), skip, limit); err != nil {
			return 0, err
		}
	}
	n = max(0, n-skip)
	if limit > 0 {
		n = min(n, limit)
	}
	return n, nil
}

// matching counts documents, as far as the limit needs.
func matching(ctx context.Context, m *matcher, skip, limit int64) (int64, error) {
	m.within(ctx)
	for n := int64(0); ; n++ {
		if limit > 0 && n >= skip && n-skip >= limit {
			return n, nil
		}
		if d, err := m.next(); d == nil || err != nil {
			return n, err
		}
	}
}

// countOnView answers a count of a view by an aggregation; nil where it is of a collection.
func (s *State) countOnView(ctx context.Context, r *Request, name string, filter, under bson.D, skip, limit int64) (bson.D, error) {
	stages := bson.A{}
	if len(filter) > 0 {
		stages = append(stages, bson.D{{Key: "$match", Value: filter}})
	}
	if skip > 0 {
		stages = append(stages, bson.D{{Key: "$skip", Value: skip}})
	}
	if limit > 0 {
		stages = append(stages, bson.D{{Key: "$limit", Value: limit}})
	}
	reply, err := s.onView(ctx, r, name, append(stages, bson.D{{Key: "$count", Value: "count"}}), readArguments(under))
	if reply == nil || err != nil {
		return nil, err
	}
	n := int32(0)
	for _, raw := range firstBatch(reply) {
		n, _ = raw.Lookup("count").Int32OK()
	}
	return bson.D{{Key: "n", Value: n}, okOnView}, nil
}

// okOnView is how a count or a distinct on a view says that it was right: not as a double.
var okOnView = bson.E{Key: "ok", Value: int32(1)}

// readArguments are those of an aggregation on a view that has one batch.
func readArguments(under bson.D) bson.D {
	out := bson.D{{Key: "cursor", Value: bson.D{}}}
	if len(under) > 0 {
		out = append(out, bson.E{Key: "collation", Value: under})
	}
	return out
}

// firstBatch returns the documents of the reply to a command that has opened a cursor.
func firstBatch(reply bson.D) []bson.Raw {
	c, _ := store.Field(reply, "cursor").(bson.D)
	batch, _ := store.Field(c, "firstBatch").(bson.A)
	out := make([]bson.Raw, 0, len(batch))
	for _, d := range batch {
		raw, _ := d.(bson.Raw)
		out = append(out, raw)
	}
	return out
}

func countNumber(key string, v bson.RawValue) (int64, error) {
	x, err := decodeValue(v)
	if err != nil {
		return 0, err
	}
	if !bsonvalue.IsNumber(x) {
		return 0, mongoerror.New(mongoerror.BadValue, "%s value is not a valid number", key)
	}
	n, _ := bsonvalue.ToLong(x)
	return n, nil
}
