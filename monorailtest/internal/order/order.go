// Package order holds the sort patterns of find, aggregate and findAndModify.
package order

import (
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/indexkey"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// Order is a parsed sort pattern. It is immutable; the zero value sorts nothing.
type Order struct {
	paths      []indexkey.Path
	descending []bool
}

// Parse parses {field: 1 or -1, ...}. Errors are BadValue (2), as of MongoDB 4.4; sorting by
// $meta is NotImplemented (238).
func Parse(d bson.D) (Order, error) {
	var o Order
	for _, e := range d {
		if err := checkName(e.Key); err != nil {
			return Order{}, err
		}
		if e.Value != nil && !bsonvalue.IsNumber(e.Value) {
			if _, ok := e.Value.(bson.D); !ok {
				return Order{}, mongoerror.New(15974, "Illegal key in $sort specification: %s: %s", e.Key, bsonvalue.Format(e.Value))
			}
		}
		if meta, ok := e.Value.(bson.D); ok && len(meta) > 0 && meta[0].Key == "$meta" {
			return Order{}, mongoerror.New(mongoerror.NotImplemented, "sorting by $meta is not supported by this server")
		}
		n, exact := bsonvalue.ToLong(e.Value)
		if !bsonvalue.IsNumber(e.Value) || !exact || n != 1 && n != -1 {
			return Order{}, mongoerror.New(15975, "$sort key ordering must be 1 (for ascending) or -1 (for descending)")
		}
		o.paths = append(o.paths, indexkey.NewPath(e.Key))
		o.descending = append(o.descending, n == -1)
	}
	return o, nil
}

func checkName(name string) error {
	if name == "" {
		return mongoerror.New(40352, "FieldPath cannot be constructed with empty string")
	}
	if name[0] == '$' {
		return mongoerror.New(16410, "FieldPath field names may not start with '$'.")
	}
	for _, part := range indexkey.NewPath(name) {
		switch {
		case part == "" && name[len(name)-1] == '.':
			return mongoerror.New(40353, "FieldPath must not end with a '.'.")
		case part == "":
			return mongoerror.New(15998, "FieldPath field names may not be empty strings.")
		case part[0] == '$':
			return mongoerror.New(16410, "FieldPath field names may not start with '$'.")
		}
	}
	return nil
}

// Empty tells whether there is nothing to sort by.
func (o Order) Empty() bool { return len(o.paths) == 0 }

// Key returns what a document is sorted by: of the keys that its arrays give the first in the
// order. Two arrays in one pattern that do not lie on one path are BadValue (2).
func (o Order) Key(d bson.D) (indexkey.Key, error) {
	k, err := indexkey.Generate(d, o.paths)
	var e *mongoerror.Error
	if errors.As(err, &e) && e.Code == indexkey.CodeAmbiguous {
		return nil, err
	}
	if err != nil {
		return nil, mongoerror.New(mongoerror.BadValue, "cannot sort with keys that are parallel arrays")
	}
	return slices.MinFunc(k.List, o.Compare), nil
}

// Compare orders two keys.
func (o Order) Compare(a, b indexkey.Key) int { return indexkey.Compare(a, b, o.descending) }

// Sort returns the items in the order of the documents that document gives for them; equal ones
// keep their places. The slice itself is not changed.
func Sort[T any](o Order, items []T, document func(T) bson.D) ([]T, error) {
	type keyed struct {
		key  indexkey.Key
		item T
	}
	all := make([]keyed, len(items))
	for i, item := range items {
		k, err := o.Key(document(item))
		if err != nil {
			return nil, err
		}
		all[i] = keyed{k, item}
	}
	slices.SortStableFunc(all, func(a, b keyed) int { return o.Compare(a.key, b.key) })
	out := make([]T, len(all))
	for i := range all {
		out[i] = all[i].item
	}
	return out, nil
}
