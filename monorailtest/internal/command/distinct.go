package command

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// distinctValues answers distinct: the different values of a field, elements of arrays one by
// one, in their order.
func distinctValues(ctx context.Context, s *State, r *Request) (bson.D, error) {
	name, err := collectionName(r)
	if err != nil {
		return nil, err
	}
	var filter bson.D
	field, given := "", false
	err = eachField(r, func(key string, v bson.RawValue) (bool, error) {
		switch key {
		case "distinct":
		case "key":
			if field, given = v.StringValueOK(); !given {
				return true, wrongType("distinct.key", v.Type, "string")
			}
		case "query":
			if present(v) {
				filter, err = document(v, "distinct.query")
			}
		case "collation":
			err = collation(v, "distinct.collation")
		default:
			return false, nil
		}
		return true, err
	}, nil)
	if err != nil {
		return nil, err
	}
	if !given {
		return nil, missingField("distinct.key")
	}
	if field == "" {
		return nil, mongoerror.New(40352, "FieldPath cannot be constructed with empty string")
	}
	f, err := query.Parse(filter)
	if err != nil {
		return nil, err
	}
	values := bson.A{}
	if c := s.reads(r).Collection(r.Database, name); c != nil {
		documents, err := newMatcher(c, f, store.Hint{}).all(ctx)
		if err != nil {
			return nil, err
		}
		seen := map[string]bool{}
		for _, d := range documents {
			for _, v := range query.Values(d.Fields, field) {
				if key := string(bsonvalue.AppendKey(nil, v)); !seen[key] {
					seen[key] = true
					values = append(values, v)
				}
			}
		}
		slices.SortStableFunc(values, bsonvalue.Compare)
	}
	return bson.D{{Key: "values", Value: values}}, nil
}
