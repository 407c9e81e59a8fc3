// Package order holds the sort patterns of find, aggregate and findAndModify.
package order

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/indexkey"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// Order is a parsed sort pattern. It is immutable; the zero value sorts nothing.
type Order struct {
	paths      []indexkey.Path
	descending []bool
	// random says which fields stand for a random number, {$meta: "randVal"}; nil for none.
	random []bool
	// collation is how strings compare; nil for byte by byte.
	collation *collation.Collation
}

// Under returns the order with strings compared by a collation, nil for byte by byte.
func (o Order) Under(c *collation.Collation) Order {
	o.collation = c
	return o
}

// Codes of errors that have no names.
const (
	codeIllegalKey      = 15974
	codeIllegalOrdering = 15975
	codeOnlyMeta        = 17312
	codeIllegalMeta     = 31138
	codeNoMetadata      = 40218
	codeTooManyFields   = 13103
)

// maxFields is how many fields a pattern may have.
const maxFields = 32

// noPath is in the place of a random number: no field has that name.
var noPath = indexkey.Path{"\x00"}

// Parse parses {field: 1 or -1, ...}, a fraction counting as its whole part. Errors are as of MongoDB 4.4.
func Parse(d bson.D) (Order, error) {
	var o Order
	if len(d) > maxFields {
		return o, mongoerror.New(codeTooManyFields, "too many compound keys")
	}
	for _, e := range d {
		meta, isMeta := e.Value.(bson.D)
		if isMeta {
			if err := checkMeta(meta); err != nil {
				return Order{}, err
			}
			if o.random == nil {
				o.random = make([]bool, len(d))
			}
			o.random[len(o.paths)] = true
			o.paths, o.descending = append(o.paths, noPath), append(o.descending, false)
			continue
		}
		if err := checkName(e.Key); err != nil {
			return Order{}, err
		}
		if !bsonvalue.IsNumber(e.Value) {
			return Order{}, mongoerror.New(codeIllegalKey, "Illegal key in $sort specification: %s: %s", e.Key, bsonvalue.Format(e.Value))
		}
		n, _ := bsonvalue.ToLong(e.Value)
		if n != 1 && n != -1 {
			return Order{}, mongoerror.New(codeIllegalOrdering, "$sort key ordering must be 1 (for ascending) or -1 (for descending)")
		}
		o.paths = append(o.paths, indexkey.NewPath(e.Key))
		o.descending = append(o.descending, n == -1)
	}
	return o, nil
}

// checkMeta accepts {$meta: "randVal"}: there are neither text nor search scores.
func checkMeta(d bson.D) error {
	if len(d) != 1 || d[0].Key != "$meta" {
		return mongoerror.New(codeOnlyMeta, "$meta is the only expression supported by $sort right now")
	}
	switch d[0].Value {
	case "randVal":
		return nil
	case "textScore":
		return mongoerror.New(codeNoMetadata, "query requires text score metadata, but it is not available")
	}
	return mongoerror.New(codeIllegalMeta, "Illegal $meta sort: $meta: %s", bsonvalue.Format(d[0].Value))
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

// Fields returns the pattern as an index may have it; nil where none can give the order.
func (o Order) Fields() []indexkey.Field {
	if o.collation != nil || o.random != nil {
		return nil
	}
	out := make([]indexkey.Field, len(o.paths))
	for i, p := range o.paths {
		out[i] = indexkey.Field{Name: strings.Join(p, "."), Descending: o.descending[i]}
	}
	return out
}

// Empty tells whether there is nothing to sort by.
func (o Order) Empty() bool { return len(o.paths) == 0 }

// Key returns what a document is sorted by: of the keys that its arrays give the first in the
// order. Two arrays in one pattern that do not lie on one path are BadValue (2).
func (o Order) Key(d bson.D) (indexkey.Key, error) {
	if o.byID() {
		return o.idKey(d), nil
	}
	k, err := indexkey.Generate(d, o.paths)
	var e *mongoerror.Error
	if errors.As(err, &e) && e.Code == indexkey.CodeAmbiguous {
		return nil, err
	}
	if err != nil {
		return nil, mongoerror.New(mongoerror.BadValue, "cannot sort with keys that are parallel arrays")
	}
	if o.collation != nil {
		for _, key := range k.List {
			for i := range key {
				key[i] = o.collation.Value(key[i])
			}
		}
	}
	key := slices.MinFunc(k.List, o.Compare)
	for i, random := range o.random {
		if random {
			key[i] = rand.Float64()
		}
	}
	return key, nil
}

// byID tells the order by _id alone.
func (o Order) byID() bool {
	return len(o.paths) == 1 && len(o.paths[0]) == 1 && o.paths[0][0] == "_id"
}

// idKey is the key of the order by _id alone, for which an array counts as a whole, as in the index on
// _id: documents that a $group has made may have one.
func (o Order) idKey(d bson.D) indexkey.Key {
	for i := range d {
		if d[i].Key == "_id" {
			return indexkey.Key{o.collation.Value(d[i].Value)}
		}
	}
	return indexkey.Key{nil}
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
