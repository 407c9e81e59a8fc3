package command

import (
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/projection"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// indexOptions are the fields that the specification of an index can have.
var indexOptions = map[string]bool{
	"key": true, "name": true, "v": true, "ns": true, "_id": true, "background": true, "dropDups": true, "unique": true, "sparse": true,
	"hidden": true, "expireAfterSeconds": true, "partialFilterExpression": true, "collation": true, "wildcardProjection": true,
	"storageEngine": true, "weights": true, "default_language": true, "language_override": true, "textIndexVersion": true,
	"2dsphereIndexVersion": true, "coarsestIndexedLevel": true, "finestIndexedLevel": true, "bits": true, "min": true, "max": true,
	"bucketSize": true,
}

// parseIndexSpec parses one element of the indexes of a createIndexes. lenient leaves out the fields that are not known.
func parseIndexSpec(v bson.RawValue, lenient bool) (*indexDefinition, error) {
	raw, ok := v.DocumentOK()
	if !ok {
		return nil, mongoerror.New(mongoerror.TypeMismatch,
			"The elements of the 'indexes' array must be objects, but got %s", aliasOf(v.Type))
	}
	source, err := bsonvalue.Decode(raw)
	if err != nil {
		return nil, err
	}
	if lenient {
		source = slices.DeleteFunc(source, func(e bson.E) bool { return !indexOptions[e.Key] })
	}
	d := &indexDefinition{source: source, version: 2}
	for _, e := range source {
		if !indexOptions[e.Key] {
			return nil, d.refuse(mongoerror.InvalidIndexSpecificationOption,
				"The field '%s' is not valid for an index specification. Specification: %s", e.Key, bsonvalue.Format(source))
		}
	}
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
		var ok bool
		if d.hidden, ok = e.Value.(bool); !ok {
			return d.wrongType(e, "a bool")
		}
		show = false
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
		if !bsonvalue.IsNumber(e.Value) {
			return d.wrongType(e, "a number")
		}
		n, exact := bsonvalue.ToLong(e.Value)
		switch {
		case !exact || n != int64(int32(n)):
			return d.refuse(mongoerror.BadValue, "Index version must be representable as a 32-bit integer, but got %s", bsonvalue.Format(e.Value))
		case n != 1 && n != 2:
			return d.refuse(mongoerror.CannotCreateIndex, "Invalid index specification %s; cannot create an index with v=%d",
				bsonvalue.Format(d.source), n)
		}
		d.version, show = n, false
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
		if err := d.checkProjection(e); err != nil {
			return err
		}
	case "weights":
		switch e.Value.(type) {
		case bson.D, bson.A, string:
		default:
			return d.wrongType(e, "an object")
		}
	case "ns", "dropDups", "_id":
		show = false
	}
	if show {
		d.rest = append(d.rest, e)
	}
	return nil
}

// checkProjection checks what an index on all fields holds of them.
func (d *indexDefinition) checkProjection(e bson.E) error {
	key, _ := store.Field(d.source, "key").(bson.D)
	p, ok := e.Value.(bson.D)
	switch {
	case pluginOf(key) != "wildcard":
		return d.refuse(mongoerror.BadValue, "The field '%s' is only allowed in an 'wildcard' index", e.Key)
	case !ok:
		return d.wrongType(e, "a non-empty object")
	case key[0].Key != "$**":
		return d.refuse(mongoerror.FailedToParse, "The field '%s' is only allowed when 'key' is {\"$**\": ±1}", e.Key)
	case len(p) == 0:
		return d.refuse(mongoerror.FailedToParse, "The '%s' field can't be an empty object", e.Key)
	}
	return d.checkFields(p)
}

// checkFields checks which fields a wildcardProjection names: it includes or excludes, computes nothing, and unlike
// another projection it may include _id while it excludes.
func (d *indexDefinition) checkFields(p bson.D) error {
	var named bson.D
	for _, e := range p {
		switch v := e.Value.(type) {
		case bson.D:
			for _, below := range v {
				if strings.HasPrefix(below.Key, "$") {
					return d.refuse(codeComputedField, "Bad projection specification, cannot use computed fields when parsing a spec in kBanComputedFields mode")
				}
			}
		default:
			if _, ok := v.(bool); !ok && !bsonvalue.IsNumber(v) {
				return d.refuse(codeComputedField, "Bad projection specification, cannot use computed fields when parsing a spec in kBanComputedFields mode")
			}
			if e.Key == "_id" {
				continue
			}
		}
		named = append(named, e)
	}
	if len(named) == 0 {
		return nil
	}
	_, err := projection.ParseStage(named, nil)
	return err
}

func escape(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// codeComputedField is the error of a field that a projection of an index computes.
const codeComputedField = 51271

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
	case d.version < 2 && d.collation != nil:
		return d.refuse(mongoerror.CannotCreateIndex, "Invalid index specification %s; cannot create an index with the 'collation' option and v=%d",
			bsonvalue.Format(d.source), d.version)
	case plugin != "text" && !bsonvalue.IsMissing(store.Field(d.rest, "weights")):
		return d.refuse(mongoerror.CannotCreateIndex, "Invalid index specification %s; the field 'weights' can only be specified with text indexes",
			bsonvalue.Format(d.source))
	case plugin == "hashed" && d.unique:
		return mongoerror.New(codeUniqueHashed, "Currently hashed indexes cannot guarantee uniqueness. Use a regular index.")
	case plugin == "wildcard":
		return d.checkNotWildcard()
	}
	return nil
}

// checkNotWildcard checks that the index on all fields has none of the options that only other indexes have.
func (d *indexDefinition) checkNotWildcard() error {
	option := ""
	switch {
	case d.sparse:
		option = "sparse"
	case d.unique:
		option = "unique"
	case d.expires:
		option = "expireAfterSeconds"
	default:
		return nil
	}
	return d.refuse(mongoerror.CannotCreateIndex, "Index type 'wildcard' does not support the %s option", option)
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
		case "v", "key", "name", "collation", "ns", "_id":
		default:
			return mongoerror.New(mongoerror.InvalidIndexSpecificationOption,
				"The field '%s' is not valid for an _id index specification. Specification: %s", e.Key, bsonvalue.Format(d.source))
		}
	}
	return nil
}

// checkExpiry checks the options of an index that deletes documents after a time.
func (d *indexDefinition) checkExpiry() error {
	spec := bsonvalue.Format(d.source)
	if !bsonvalue.IsNumber(d.expireAfter) {
		return mongoerror.New(mongoerror.CannotCreateIndex,
			"TTL index 'expireAfterSeconds' option must be numeric, but received a type of '%s'. Index spec: %s", bsonvalue.TypeName(d.expireAfter), spec)
	}
	n, _ := bsonvalue.ToLong(d.expireAfter)
	switch latest := time.Now().Unix(); {
	case n < 0:
		return mongoerror.New(mongoerror.CannotCreateIndex, "TTL index 'expireAfterSeconds' option cannot be less than 0. Index spec: %s", spec)
	case n > latest:
		return mongoerror.New(mongoerror.CannotCreateIndex,
			"TTL index 'expireAfterSeconds' option must be within an acceptable range, try a lower number. Index spec: %s", spec)
	case len(d.key) != 1:
		return mongoerror.New(mongoerror.CannotCreateIndex,
			"TTL indexes are single-field indexes, compound indexes do not support TTL. Index spec: %s", spec)
	}
	return nil
}

// checkPartial checks the filter of a partial index.
func (d *indexDefinition) checkPartial(filter bson.D) error {
	if _, err := query.ParseWith(filter, query.Options{Restricted: true}); err != nil {
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
