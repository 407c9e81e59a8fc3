package command

import (
	"context"
	"math"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// countDocuments answers count: {n}. Without a filter nothing is scanned.
func countDocuments(ctx context.Context, s *State, r *Request) (bson.D, error) {
	name, err := collectionName(r)
	if err != nil {
		return nil, err
	}
	var filter bson.D
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
			err = collation(v, "count.collation")
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
	f, err := query.Parse(filter)
	if err != nil {
		return nil, err
	}
	if err := checkHintType(hint); err != nil {
		return nil, err
	}
	c := s.reads(r).Collection(r.Database, name)
	if c == nil {
		return bson.D{{Key: "n", Value: int32(0)}}, nil
	}
	h, err := resolveHint(hint, c.Indexes(), c.Namespace(), f)
	if err != nil {
		return nil, err
	}
	var n int64
	if f.Empty() && h.Index == "" {
		documents, _ := c.Size()
		n = int64(documents)
	} else {
		found, err := newMatcher(c, f, h).all(ctx)
		if err != nil {
			return nil, err
		}
		n = int64(len(found))
	}
	n = max(0, n-skip)
	if limit > 0 {
		n = min(n, limit)
	}
	return bson.D{{Key: "n", Value: int32(n)}}, nil
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
