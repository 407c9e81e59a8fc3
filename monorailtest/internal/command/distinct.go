package command

import (
	"context"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/projection"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// distinctValues answers distinct: the different values of a field, elements of arrays one by
// one, in their order.
func distinctValues(ctx context.Context, s *State, r *Request) (bson.D, error) {
	name, err := s.readName(r)
	if err != nil {
		return nil, err
	}
	var filter, under bson.D
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
			under, err = collationArgument(v, "distinct.collation")
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
	if _, err := projection.SplitPath(field); err != nil {
		return nil, err
	}
	reply, err := s.distinctOnView(ctx, r, name, field, filter, under)
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
	d := distinct{under: collated, values: bson.A{}, seen: map[string]bool{}}
	switch index := d.index(c, field, f); {
	case c == nil:
	case index != "":
		c.EachKey(index, func(v any) bool {
			if a, ok := v.(bson.A); ok {
				d.add(a...)
			} else {
				d.add(v)
			}
			return true
		})
	default:
		documents, err := newMatcher(c, f, store.Hint{}).all(ctx)
		if err != nil {
			return nil, err
		}
		for _, document := range documents {
			d.add(query.Values(document.Fields, field)...)
		}
	}
	slices.SortStableFunc(d.values, collated.Compare)
	return bson.D{{Key: "values", Value: d.values}}, d.checkSize()
}

// distinct collects different values.
type distinct struct {
	under  *collation.Collation
	values bson.A
	// seen has the values by AppendKey of the collation.
	seen map[string]bool
}

// codeDistinctTooBig is the error of values that are more than a reply holds.
const codeDistinctTooBig = 17217

func (d *distinct) checkSize() error {
	if len(bsonvalue.AppendArray(nil, d.values)) > maxDocument {
		return mongoerror.New(codeDistinctTooBig, "distinct too big, 16mb cap")
	}
	return nil
}

func (d *distinct) add(values ...any) {
	for _, v := range values {
		if key := string(d.under.AppendKey(nil, v)); !d.seen[key] {
			d.seen[key] = true
			d.values = append(d.values, v)
		}
	}
}

// index returns the index whose keys the server takes in the place of the documents, where that makes a
// difference: in a key, an array stands for an element of the field, whose elements are then values
// of their own.
func (d *distinct) index(c *store.Collection, field string, f *query.Filter) string {
	if c == nil || !f.Empty() || d.under != nil || strings.Contains(field, ".") {
		return ""
	}
	for _, x := range c.Indexes() {
		if x.Key[0].Key == field && x.Kind == store.Ordered && !x.Sparse && x.Partial == nil && !x.Hidden && x.Collation == nil && c.Multikey(x.Name) {
			return x.Name
		}
	}
	return ""
}

// distinctOnView answers a distinct of a view by an aggregation; nil where it is of a collection.
func (s *State) distinctOnView(ctx context.Context, r *Request, name, field string, filter, under bson.D) (bson.D, error) {
	stages := bson.A{}
	if len(filter) > 0 {
		stages = append(stages, bson.D{{Key: "$match", Value: filter}})
	}
	// Each document is one batch's worth at most: the values are collected here.
	stages = append(stages, bson.D{{Key: "$group", Value: bson.D{{Key: "_id", Value: nil},
		{Key: "documents", Value: bson.D{{Key: "$push", Value: "$$ROOT"}}}}}})
	reply, err := s.onView(ctx, r, name, stages, readArguments(under))
	if reply == nil || err != nil {
		return nil, err
	}
	collated, err := s.readCollation(r, name, under)
	if err != nil {
		return nil, err
	}
	d := distinct{under: collated, values: bson.A{}, seen: map[string]bool{}}
	for _, raw := range firstBatch(reply) {
		group, err := bsonvalue.Decode(raw)
		if err != nil {
			return nil, err
		}
		documents, _ := store.Field(group, "documents").(bson.A)
		for _, document := range documents {
			fields, _ := document.(bson.D)
			d.add(query.Values(fields, field)...)
		}
	}
	// The server collects them by a hash, whose order is not promised.
	return bson.D{{Key: "values", Value: d.values}, okOnView}, nil
}
