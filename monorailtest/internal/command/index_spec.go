package command

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// parseIndexSpec parses one element of the indexes of a createIndexes.
func parseIndexSpec(v bson.RawValue) (*indexDefinition, error) {
	raw, ok := v.DocumentOK()
	if !ok {
		return nil, mongoerror.New(mongoerror.TypeMismatch,
			"The elements of the 'indexes' array must be objects, but got %s", aliasOf(v.Type))
	}
	source, err := bsonvalue.Decode(raw)
	if err != nil {
		return nil, err
	}
	d := &indexDefinition{source: source, version: 2}
	named := false
	for _, e := range source {
		switch e.Key {
		case "key":
			key, ok := e.Value.(bson.D)
			if !ok {
				return nil, d.wrongType(e, "an object")
			}
			if err := checkIndexKey(key, d.refuse); err != nil {
				return nil, err
			}
			d.key = key
		case "name":
			if d.name, named = e.Value.(string); !named {
				return nil, d.wrongType(e, "a string")
			}
		default:
			if err := d.take(e); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case d.key == nil:
		return nil, d.refuse(mongoerror.FailedToParse, "The 'key' field is a required property of an index specification")
	case !named:
		return nil, d.refuse(mongoerror.FailedToParse, "The 'name' field is a required property of an index specification")
	}
	return d, d.check()
}

// refuse is the error of a definition that cannot be.
func (d *indexDefinition) refuse(code int32, format string, args ...any) error {
	return mongoerror.New(code, "Error in specification "+escape(bsonvalue.Format(d.source))+" :: caused by :: "+format, args...)
}

func (d *indexDefinition) wrongType(e bson.E, want string) error {
	return d.refuse(mongoerror.TypeMismatch, "The field '%s' must be %s, but got %s", e.Key, want, bsonvalue.TypeName(e.Value))
}

// take reads one option.
func (d *indexDefinition) take(e bson.E) error {
	show := true
	switch e.Key {
	case "unique":
		d.unique, show = bsonvalue.Truth(e.Value), false
	case "hidden":
		d.hidden, show = bsonvalue.Truth(e.Value), false
	case "sparse":
		d.sparse = bsonvalue.Truth(e.Value)
	case "partialFilterExpression":
		filter, ok := e.Value.(bson.D)
		if !ok {
			return d.wrongType(e, "an object")
		}
		if err := d.checkPartial(filter); err != nil {
			return err
		}
		d.partial = filter
	case "expireAfterSeconds":
		d.expires, d.expireAfter = true, e.Value
	case "v":
		d.version, _ = bsonvalue.ToLong(e.Value)
		if !bsonvalue.IsNumber(e.Value) || d.version != 1 && d.version != 2 {
			return d.refuse(mongoerror.CannotCreateIndex, "Invalid index specification %s; cannot create an index with v=%s",
				bsonvalue.Format(d.source), bsonvalue.Format(e.Value))
		}
		show = false
	case "collation":
		c, ok := e.Value.(bson.D)
		if !ok {
			return d.wrongType(e, "an object")
		}
		if len(c) == 0 {
			return d.refuse(mongoerror.BadValue, "The field 'collation' cannot be an empty object.")
		}
		d.collation = c
	case "wildcardProjection":
		p, ok := e.Value.(bson.D)
		switch {
		case !ok:
			return d.wrongType(e, "a non-empty object")
		case len(p) == 0:
			return d.refuse(mongoerror.FailedToParse, "The '%s' field can't be an empty object", e.Key)
		case len(d.key) != 1 || d.key[0].Key != "$**":
			return d.refuse(mongoerror.BadValue, "The field '%s' is only allowed in an 'wildcard' index", e.Key)
		}
	case "ns", "dropDups":
		show = false
	case "background", "storageEngine", "weights", "default_language", "language_override", "textIndexVersion",
		"2dsphereIndexVersion", "bits", "min", "max", "bucketSize", "coarsestIndexedLevel", "finestIndexedLevel":
	default:
		return d.refuse(mongoerror.InvalidIndexSpecificationOption,
			"The field '%s' is not valid for an index specification. Specification: %s", e.Key, bsonvalue.Format(d.source))
	}
	if show {
		d.rest = append(d.rest, e)
	}
	return nil
}

func escape(s string) string { return strings.ReplaceAll(s, "%", "%%") }

func notImplemented(what string) error {
	return mongoerror.New(mongoerror.NotImplemented, "%s is not supported by this server", what)
}

// check checks what the parts of a definition mean together.
func (d *indexDefinition) check() error {
	if err := d.checkName(); err != nil {
		return err
	}
	if d.expires {
		if err := d.checkExpiry(); err != nil {
			return err
		}
	}
	plugin := pluginOf(d.key)
	switch {
	case d.partial != nil && d.sparse:
		return d.refuse(mongoerror.CannotCreateIndex, "cannot mix \"partialFilterExpression\" and \"sparse\" options")
	case plugin == "hashed" && d.unique:
		return mongoerror.New(codeUniqueHashed, "Currently hashed indexes cannot guarantee uniqueness. Use a regular index.")
	case plugin == "wildcard":
		for option, given := range map[string]bool{"unique": d.unique, "sparse": d.sparse, "expireAfterSeconds": d.expires} {
			if given {
				return d.refuse(mongoerror.CannotCreateIndex, "Index type 'wildcard' does not support the %s option", option)
			}
		}
	}
	return nil
}

func (d *indexDefinition) checkName() error {
	switch {
	case d.name == "":
		return d.refuse(mongoerror.CannotCreateIndex, "index name cannot be empty")
	case d.name == "*":
		return mongoerror.New(mongoerror.BadValue, "The index name '*' is not valid.")
	case d.onID() && bsonvalue.CompareNumbers(d.key[0].Value, int32(1)) != 0:
		return mongoerror.New(mongoerror.BadValue, "The field 'key' for an _id index must be {_id: 1}, but got %s", bsonvalue.Format(d.key))
	case !d.onID() && d.name == "_id_":
		return mongoerror.New(mongoerror.BadValue,
			"The index name '_id_' is reserved for the _id index, which must have key pattern {_id: 1}, found key: %s", bsonvalue.Format(d.key))
	case !d.onID():
		return nil
	}
	for _, e := range d.source {
		switch e.Key {
		case "v", "key", "name", "background", "collation", "ns":
		default:
			return mongoerror.New(mongoerror.InvalidIndexSpecificationOption,
				"The field '%s' is not valid for an _id index specification. Specification: %s", e.Key, bsonvalue.Format(d.source))
		}
	}
	return nil
}

// maxExpiry is the greatest expireAfterSeconds: an int32.
const maxExpiry = 1<<31 - 1

// checkExpiry checks the options of an index that deletes documents after a time.
func (d *indexDefinition) checkExpiry() error {
	spec := bsonvalue.Format(d.source)
	if !bsonvalue.IsNumber(d.expireAfter) {
		return mongoerror.New(mongoerror.CannotCreateIndex,
			"TTL index 'expireAfterSeconds' option must be numeric, but received a type of '%s'. Index spec: %s", bsonvalue.TypeName(d.expireAfter), spec)
	}
	n, _ := bsonvalue.ToLong(d.expireAfter)
	switch {
	case n < 0:
		return mongoerror.New(mongoerror.CannotCreateIndex, "TTL index 'expireAfterSeconds' option cannot be less than 0. Index spec: %s", spec)
	case n > maxExpiry:
		return mongoerror.New(mongoerror.CannotCreateIndex,
			"TTL index 'expireAfterSeconds' option must be within an acceptable range, try a lower number. Index spec: %s", spec)
	case len(d.key) != 1:
		return mongoerror.New(mongoerror.CannotCreateIndex,
			"TTL indexes are single-field indexes, compound indexes do not support TTL. Index spec: %s", spec)
	}
	return nil
}

// Codes of indexes that cannot be, which have no names.
const (
	codeUniqueHashed    = 16764
	codeTwoHashedFields = 31303
)

func checkIndexKey(key bson.D, in func(code int32, format string, args ...any) error) error {
	if len(key) == 0 {
		return in(mongoerror.CannotCreateIndex, "Index keys cannot be empty.")
	}
	hashed := 0
	for i, e := range key {
		switch kind := e.Value.(type) {
		case string:
			switch kind {
			case "hashed":
				if hashed++; hashed > 1 {
					return mongoerror.New(codeTwoHashedFields, "A maximum of one index field is allowed to be hashed but found %d for 'key' %s",
						hashed, bsonvalue.Format(key))
				}
			case "text", "2d", "2dsphere":
			case "geoHaystack", "wildcard":
				return notImplemented("an index of kind '" + kind + "'")
			default:
				return in(mongoerror.CannotCreateIndex, "Unknown index plugin '%s'", kind)
			}
		default:
			if !bsonvalue.IsNumber(e.Value) {
				return in(mongoerror.CannotCreateIndex, "Values in v:2 index key pattern cannot be of type %s. "+
					"Only numbers > 0, numbers < 0, and strings are allowed.", bsonvalue.TypeName(e.Value))
			}
			if bsonvalue.IsNaN(e.Value) || bsonvalue.CompareNumbers(e.Value, int32(0)) == 0 {
				return in(mongoerror.CannotCreateIndex, "Values in the index key pattern cannot be 0.")
			}
		}
		if isWildcard(e.Key) {
			if err := checkWildcard(key, e, in); err != nil {
				return err
			}
		}
		parts := strings.Split(e.Key, ".")
		for _, part := range parts {
			if part == "" {
				return in(mongoerror.CannotCreateIndex, "Index keys cannot be an empty field.")
			}
			if part[0] == '$' && part != "$id" && part != "$db" && part != "$ref" && part != "$**" {
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

// isWildcard tells the name of the field of an index on all fields, or on all below one.
func isWildcard(name string) bool { return name == "$**" || strings.HasSuffix(name, ".$**") }

func checkWildcard(key bson.D, e bson.E, in func(code int32, format string, args ...any) error) error {
	_, isPlugin := e.Value.(string)
	switch {
	case isPlugin && e.Value != "text":
		return in(mongoerror.CannotCreateIndex, "Index key contains an illegal field name: field name starts with '$'.")
	case isPlugin:
		return nil
	case len(key) > 1:
		return in(mongoerror.CannotCreateIndex, "wildcard indexes do not allow compounding")
	case bsonvalue.CompareNumbers(e.Value, int32(0)) < 0:
		return in(mongoerror.CannotCreateIndex, "A numeric value in a $** index key pattern must be positive.")
	}
	return nil
}

// checkPartial checks the filter of a partial index.
func (d *indexDefinition) checkPartial(filter bson.D) error {
	if _, err := query.Parse(filter); err != nil {
		e := asMongoError(err)
		return d.refuse(e.Code, "%s", e.Message)
	}
	if name := unsupportedInPartial(filter); name != "" {
		return d.refuse(mongoerror.CannotCreateIndex, "unsupported expression in partial index: %s", name)
	}
	return nil
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

// isArrayType tells whether a value of a request is an array.
func isArrayType(v bson.RawValue) bool { return v.Type == bson.TypeArray }
