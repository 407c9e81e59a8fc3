package command

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// Codes of indexes that cannot be, which have no names.
const (
	codeUniqueHashed    = 16764
	codeTwoHashedFields = 31303
)

// maxIndexFields is how many fields an index may have, and codeTooManyFields the error of one with more.
const (
	maxIndexFields    = 32
	codeTooManyFields = 13103
)

func checkIndexKey(key bson.D, in func(code int32, format string, args ...any) error) error {
	if len(key) == 0 {
		return in(mongoerror.CannotCreateIndex, "Index keys cannot be empty.")
	}
	if len(bsonvalue.Encode(key)) > maxKeyPattern {
		return in(mongoerror.CannotCreateIndex, "Index key pattern too large.")
	}
	if len(key) > maxIndexFields {
		return mongoerror.New(codeTooManyFields, "too many compound keys")
	}
	for i, e := range key {
		for _, other := range key[:i] {
			if other.Key == e.Key {
				return in(mongoerror.BadValue, "The field '%s' appears multiple times in the index key pattern %s", e.Key, bsonvalue.Format(key))
			}
		}
	}
	plugin, hashed := pluginOf(key), 0
	for _, e := range key {
		switch kind := e.Value.(type) {
		case string:
			switch kind {
			case "hashed":
				hashed++
			case "text", "2d", "2dsphere", "geoHaystack":
			case "wildcard":
				return in(mongoerror.CannotCreateIndex, "The key pattern value for an 'wildcard' index must be a non-zero number, not a string.")
			case "":
				return in(mongoerror.CannotCreateIndex, "Values in the index key pattern cannot be empty strings")
			default:
				return in(mongoerror.CannotCreateIndex, "Unknown index plugin '%s'", kind)
			}
			if kind != plugin {
				return in(mongoerror.CannotCreateIndex, "Can't use more than one index plugin for a single index.")
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
		for i, part := range parts {
			reference := i > 0 && (part == "$id" || part == "$db" || part == "$ref")
			wildcard := i == len(parts)-1 && part == "$**" && (plugin == "wildcard" || e.Value == "text")
			if part == "" {
				return in(mongoerror.CannotCreateIndex, "Index keys cannot be an empty field.")
			}
			if part[0] == '$' && !reference && !wildcard {
				return in(mongoerror.CannotCreateIndex, "Index key contains an illegal field name: field name starts with '$'.")
			}
		}
	}
	if hashed > 1 {
		return mongoerror.New(codeTwoHashedFields, "A maximum of one index field is allowed to be hashed but found %d for 'key' %s",
			hashed, bsonvalue.Format(key))
	}
	return nil
}

// maxKeyPattern is the size of the largest key pattern in bytes.
const maxKeyPattern = 2048

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
