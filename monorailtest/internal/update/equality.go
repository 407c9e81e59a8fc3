package update

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// codes of the equality fields of an upsert.
const (
	codeNotSingleValueField = 54
	codeNotExactValueField  = 111
)

// equalityFields makes the document that an upsert begins with, in the order of the paths; _id comes first. Of a
// replacement only _id is taken from the filter.
func equalityFields(f *query.Filter, onlyID bool) (bson.D, error) {
	var found []query.Equality
	for _, q := range f.Equalities() {
		if onlyID && q.Field != "_id" {
			if strings.HasPrefix(q.Field, "_id.") {
				return nil, mongoerror.New(codeNotExactValueField,
					"field at '_id' must be exactly specified, field at sub-path '%s'found", q.Field)
			}
			continue
		}
		for _, other := range found {
			switch {
			case other.Field == q.Field:
				return nil, mongoerror.New(codeNotSingleValueField, "cannot infer query fields to set, path '%s' is matched twice", q.Field)
			case strings.HasPrefix(other.Field, q.Field+"."):
				return nil, matchedTwice(other.Field, q.Field)
			case strings.HasPrefix(q.Field, other.Field+"."):
				return nil, matchedTwice(q.Field, other.Field)
			}
		}
		found = append(found, q)
	}
	slices.SortFunc(found, func(a, b query.Equality) int { return strings.Compare(a.Field, b.Field) })
	d := bson.D{}
	for _, q := range found {
		d = put(d, strings.Split(q.Field, "."), q.Value)
	}
	return idFirst(d), nil
}

func matchedTwice(inner, outer string) error {
	return mongoerror.New(codeNotSingleValueField, "cannot infer query fields to set, both paths '%s' and '%s' are matched", inner, outer)
}

// put sets a field by its path in a document of nothing but documents.
func put(d bson.D, parts []string, v any) bson.D {
	for i := range d {
		if d[i].Key == parts[0] {
			inner, _ := d[i].Value.(bson.D)
			d[i].Value = put(inner, parts[1:], v)
			return d
		}
	}
	if len(parts) > 1 {
		v = put(bson.D{}, parts[1:], v)
	}
	return append(d, bson.E{Key: parts[0], Value: v})
}
