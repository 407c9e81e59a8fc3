package command

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// parseIndexSpec parses one element of the indexes of a createIndexes. Kinds and options of
// indexes that change what is found or kept and are not supported are refused.
func parseIndexSpec(v bson.RawValue) (store.IndexSpec, error) {
	raw, ok := v.DocumentOK()
	if !ok {
		return store.IndexSpec{}, mongoerror.New(mongoerror.TypeMismatch,
			"The elements of the 'indexes' array must be objects, but got %s", aliasOf(v.Type))
	}
	d, err := bsonvalue.Decode(raw)
	if err != nil {
		return store.IndexSpec{}, err
	}
	x := store.IndexSpec{Document: bson.D{{Key: "v", Value: int32(2)}}}
	in := func(code int32, format string, args ...any) error {
		return mongoerror.New(code, "Error in specification "+escape(bsonvalue.Format(d))+" :: caused by :: "+format, args...)
	}
	named := false
	for _, e := range d {
		show := true
		switch e.Key {
		case "key":
			key, ok := e.Value.(bson.D)
			if !ok {
				return x, in(mongoerror.TypeMismatch, "The field 'key' must be an object, but got %s", bsonvalue.TypeName(e.Value))
			}
			if err := checkIndexKey(key, in); err != nil {
				return x, err
			}
			x.Key = key
		case "name":
			if x.Name, named = e.Value.(string); !named {
				return x, in(mongoerror.TypeMismatch, "The field 'name' must be a string, but got %s", bsonvalue.TypeName(e.Value))
			}
		case "unique", "sparse", "background", "hidden":
			set, ok := e.Value.(bool)
			if !ok && !bsonvalue.IsNumber(e.Value) {
				return x, in(mongoerror.TypeMismatch, "The field '%s' has value %s, which is not convertible to bool",
					e.Key, bsonvalue.Format(e.Value))
			}
			set = set || !ok && bsonvalue.Truth(e.Value)
			switch e.Key {
			case "unique":
				x.Unique = set
			case "sparse":
				x.Sparse = set
			case "hidden":
				if set {
					return x, notImplemented("a hidden index")
				}
			}
			show = set
			e.Value = set
		case "partialFilterExpression":
			if x.Partial, err = parsePartial(e.Value, in); err != nil {
				return x, err
			}
		case "v":
			n, _ := bsonvalue.ToLong(e.Value)
			if !bsonvalue.IsNumber(e.Value) || n != 1 && n != 2 {
				return x, in(mongoerror.CannotCreateIndex, "Invalid index specification %s; cannot create an index with v=%s",
					bsonvalue.Format(d), bsonvalue.Format(e.Value))
			}
			show = false
		case "ns":
			show = false
		case "collation":
			c, ok := e.Value.(bson.D)
			if !ok {
				return x, in(mongoerror.TypeMismatch, "The field 'collation' must be an object, but got %s", bsonvalue.TypeName(e.Value))
			}
			if err := checkCollation(c); err != nil {
				return x, err
			}
			show = false
		case "storageEngine":
		case "expireAfterSeconds", "weights", "default_language", "language_override", "textIndexVersion", "2dsphereIndexVersion",
			"bits", "min", "max", "bucketSize", "wildcardProjection", "dropDups":
			return x, notImplemented("index option '" + e.Key + "'")
		default:
			return x, in(mongoerror.InvalidIndexSpecificationOption,
				"The field '%s' is not valid for an index specification. Specification: %s", e.Key, bsonvalue.Format(d))
		}
		if show {
			x.Document = append(x.Document, e)
		}
	}
	switch {
	case x.Key == nil:
		return x, in(mongoerror.FailedToParse, "The 'key' field is a required property of an index specification")
	case !named:
		return x, in(mongoerror.FailedToParse, "The 'name' field is a required property of an index specification")
	}
	return x, checkIndexName(x, in)
}

func escape(s string) string { return strings.ReplaceAll(s, "%", "%%") }

func notImplemented(what string) error {
	return mongoerror.New(mongoerror.NotImplemented, "%s is not supported by this server", what)
}

func checkIndexName(x store.IndexSpec, in func(code int32, format string, args ...any) error) error {
	onID := len(x.Key) == 1 && x.Key[0].Key == "_id"
	switch {
	case x.Name == "":
		return in(mongoerror.CannotCreateIndex, "index name cannot be empty")
	case x.Name == "*":
		return mongoerror.New(mongoerror.BadValue, "The index name '*' is not valid.")
	case onID && bsonvalue.CompareNumbers(x.Key[0].Value, int32(1)) != 0:
		return mongoerror.New(mongoerror.BadValue, "The field 'key' for an _id index must be {_id: 1}, but got %s", bsonvalue.Format(x.Key))
	case !onID && x.Name == "_id_":
		return mongoerror.New(mongoerror.BadValue,
			"The index name '_id_' is reserved for the _id index, which must have key pattern {_id: 1}, found key: %s", bsonvalue.Format(x.Key))
	case x.Partial != nil && x.Sparse:
		return in(mongoerror.CannotCreateIndex, "cannot mix \"partialFilterExpression\" and \"sparse\" options")
	}
	if !onID {
		return nil
	}
	for _, e := range x.Document {
		switch e.Key {
		case "v", "key", "name", "background":
		default:
			return mongoerror.New(mongoerror.InvalidIndexSpecificationOption,
				"The field '%s' is not valid for an _id index specification. Specification: %s", e.Key, bsonvalue.Format(x.Document))
		}
	}
	return nil
}

func checkIndexKey(key bson.D, in func(code int32, format string, args ...any) error) error {
	if len(key) == 0 {
		return in(mongoerror.CannotCreateIndex, "Index keys cannot be empty.")
	}
	for i, e := range key {
		if kind, ok := e.Value.(string); ok {
			switch kind {
			case "text", "2d", "2dsphere", "hashed", "geoHaystack":
				return notImplemented("an index of kind '" + kind + "'")
			}
			return in(mongoerror.CannotCreateIndex, "Unknown index plugin '%s'", kind)
		}
		if !bsonvalue.IsNumber(e.Value) {
			return in(mongoerror.CannotCreateIndex, "Values in v:2 index key pattern cannot be of type %s. Only numbers > 0, numbers < 0, and strings are allowed.", bsonvalue.TypeName(e.Value))
		}
		if bsonvalue.IsNaN(e.Value) || bsonvalue.CompareNumbers(e.Value, int32(0)) == 0 {
			return in(mongoerror.CannotCreateIndex, "Values in the index key pattern cannot be 0.")
		}
		parts := strings.Split(e.Key, ".")
		if e.Key == "$**" || parts[len(parts)-1] == "$**" {
			return notImplemented("a wildcard index")
		}
		for _, part := range parts {
			if part == "" {
				return in(mongoerror.CannotCreateIndex, "Index keys cannot be an empty field.")
			}
			if part[0] == '$' && part != "$id" && part != "$db" && part != "$ref" {
				return in(mongoerror.CannotCreateIndex, "Index key contains an illegal field name: field name starts with '$'.")
			}
		}
		for _, other := range key[:i] {
			if other.Key == e.Key {
				return in(mongoerror.BadValue, "Duplicate key pattern field '%s'", e.Key)
			}
		}
	}
	return nil
}

func parsePartial(v any, in func(code int32, format string, args ...any) error) (*query.Filter, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, in(mongoerror.TypeMismatch, "The field 'partialFilterExpression' must be an object, but got %s", bsonvalue.TypeName(v))
	}
	f, err := query.Parse(d)
	if err != nil {
		e := asMongoError(err)
		return nil, in(e.Code, "%s", e.Message)
	}
	if name := unsupportedInPartial(d); name != "" {
		return nil, in(mongoerror.CannotCreateIndex, "unsupported expression in partial index: %s", name)
	}
	return f, nil
}

// unsupportedInPartial returns the first operator that a partial index does not take.
func unsupportedInPartial(d bson.D) string {
	for _, e := range d {
		if e.Key == "$and" {
			branches, _ := e.Value.(bson.A)
			for _, b := range branches {
				if inner, ok := b.(bson.D); ok {
					if name := unsupportedInPartial(inner); name != "" {
						return name
					}
				}
			}
			continue
		}
		if strings.HasPrefix(e.Key, "$") {
			return e.Key
		}
		operators, ok := e.Value.(bson.D)
		if !ok {
			continue
		}
		for _, o := range operators {
			switch o.Key {
			case "$eq", "$gt", "$gte", "$lt", "$lte", "$type":
			case "$exists":
				if !bsonvalue.Truth(o.Value) {
					return "$not"
				}
			default:
				if strings.HasPrefix(o.Key, "$") {
					return o.Key
				}
			}
		}
	}
	return ""
}

// sameIndex tells whether two specifications describe one index, names apart.
func sameIndex(a, b store.IndexSpec) bool {
	return bsonvalue.Equal(a.Key, b.Key) && a.Unique == b.Unique && a.Sparse == b.Sparse && samePartial(a.Partial, b.Partial)
}

func samePartial(a, b *query.Filter) bool {
	if a == nil || b == nil {
		return a == b
	}
	return bsonvalue.Equal(a.Source(), b.Source())
}

// isArrayType tells whether a value of a request is an array.
func isArrayType(v bson.RawValue) bool { return v.Type == bson.TypeArray }
