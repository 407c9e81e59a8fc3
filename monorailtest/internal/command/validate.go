package command

import (
	"context"
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// validate answers validate: a collection in memory has no damage to be found.
func validate(_ context.Context, s *State, r *Request) (bson.D, error) {
	name, err := collectionName(r)
	if err != nil {
		return nil, err
	}
	background, _ := decodeValue(r.Body.Lookup("background"))
	full, _ := decodeValue(r.Body.Lookup("full"))
	if bsonvalue.Truth(background) && bsonvalue.Truth(full) {
		return nil, mongoerror.New(mongoerror.CommandNotSupported,
			"Running the validate command with both { background: true } and { full: true } is not supported.")
	}
	c := s.Store.Collection(r.Database, name)
	if c == nil {
		if err := s.checkNoView(r, name); err != nil {
			return nil, err
		}
		return nil, mongoerror.New(mongoerror.NamespaceNotFound, "Collection '%s.%s' does not exist to validate.", r.Database, name)
	}
	documents, _ := c.Size()
	keys, details := bson.D{}, bson.D{}
	for _, x := range c.Indexes() {
		n := int64(0)
		c.EachKey(x.Name, func(any) bool { n++; return true })
		keys = append(keys, bson.E{Key: x.Name, Value: number(n)})
		details = append(details, bson.E{Key: x.Name, Value: bson.D{{Key: "valid", Value: true}}})
	}
	return bson.D{
		{Key: "ns", Value: c.Namespace()}, {Key: "nInvalidDocuments", Value: int32(0)}, {Key: "nrecords", Value: number(int64(documents))},
		{Key: "nIndexes", Value: int32(len(keys))}, {Key: "keysPerIndex", Value: keys}, {Key: "indexDetails", Value: details},
		{Key: "valid", Value: true}, {Key: "warnings", Value: bson.A{}}, {Key: "errors", Value: bson.A{}},
		{Key: "extraIndexEntries", Value: bson.A{}}, {Key: "missingIndexEntries", Value: bson.A{}},
	}, nil
}

// dataSize answers dataSize: how many documents of a collection there are, and how large they are; with
// keyPattern, min and max those between two keys of an index.
func dataSize(ctx context.Context, s *State, r *Request) (bson.D, error) {
	namespace, ok := r.Body.Lookup(r.Name).StringValueOK()
	if !ok {
		return nil, wrongType("dataSize.dataSize", r.Body.Lookup(r.Name).Type, "string")
	}
	var pattern, low, high bson.D
	estimate := false
	err := eachField(r, func(key string, v bson.RawValue) (_ bool, err error) {
		switch key {
		case "dataSize", "datasize", "maxSize", "maxObjects":
		case "keyPattern":
			pattern, err = document(v, "dataSize.keyPattern")
		case "min":
			low, err = document(v, "dataSize.min")
		case "max":
			high, err = document(v, "dataSize.max")
		case "estimate":
			x, decodeErr := decodeValue(v)
			estimate, err = bsonvalue.Truth(x), decodeErr
		default:
			return false, nil
		}
		return true, err
	}, nil)
	if err != nil {
		return nil, err
	}
	database, name, _ := strings.Cut(namespace, ".")
	if database == "" || name == "" {
		return nil, mongoerror.New(mongoerror.InvalidNamespace, "Invalid namespace specified '%s'", namespace)
	}
	c := s.Store.Collection(database, name)
	n, size := 0, int64(0)
	if c != nil {
		if n, size = c.Size(); n > 0 && (len(low) > 0 || len(high) > 0) {
			if len(low) == 0 || len(high) == 0 {
				return nil, &mongoerror.Error{Message: "only one of min or max specified"}
			}
			if n, size, err = sizeBetween(ctx, c, pattern, low, high); err != nil {
				return nil, err
			}
		}
	}
	return bson.D{{Key: "estimate", Value: estimate}, {Key: "size", Value: number(size)}, {Key: "numObjects", Value: number(int64(n))},
		{Key: "millis", Value: int32(0)}}, nil
}

func sizeBetween(ctx context.Context, c *store.Collection, pattern, low, high bson.D) (n int, size int64, err error) {
	if len(pattern) == 0 {
		for _, e := range append(low[:len(low):len(low)], high...)[:max(len(low), len(high))] {
			pattern = append(pattern, bson.E{Key: e.Key, Value: int32(1)})
		}
	}
	f, err := query.Parse(nil)
	if err != nil {
		return 0, 0, err
	}
	for _, x := range c.Indexes() {
		if !bsonvalue.Equal(x.Key, pattern) {
			continue
		}
		found, err := newMatcher(c, f, store.Hint{Index: x.Name, Min: keyOf(low), Max: keyOf(high)}).all(ctx)
		for _, d := range found {
			size += int64(len(d.Raw))
		}
		return len(found), size, err
	}
	return 0, 0, &mongoerror.Error{Message: "couldn't find valid index containing key pattern"}
}
