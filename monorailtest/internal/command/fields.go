package command

import (
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// eachField calls take for every field of a command but the generic ones. A field that take does
// not know is the error that unknown makes; nil stands for the one of most commands (40415).
func eachField(r *Request, take func(key string, v bson.RawValue) (known bool, err error), unknown func(key string) error) error {
	elems, err := r.Body.Elements()
	if err != nil {
		return mongoerror.New(mongoerror.InvalidBSON, "invalid command document")
	}
	for _, e := range elems {
		key := e.Key()
		known, err := take(key, e.Value())
		if err != nil {
			return err
		}
		if known || isGenericArgument(key) {
			continue
		}
		if unknown != nil {
			return unknown(key)
		}
		return unknownField(r.Name, key)
	}
	return nil
}

func unknownField(parser, key string) error {
	return mongoerror.New(codeUnknownField, "BSON field '%s.%s' is an unknown field.", parser, key)
}

func missingField(path string) error {
	return mongoerror.New(codeMissingField, "BSON field '%s' is missing but a required field", path)
}

// document decodes an argument that must be a document; path is what the message calls it.
func document(v bson.RawValue, path string) (bson.D, error) {
	raw, ok := v.DocumentOK()
	if !ok {
		return nil, wrongType(path, v.Type, "object")
	}
	return bsonvalue.Decode(raw)
}

// boolean reads an argument that must be a boolean.
func boolean(v bson.RawValue, path string) (bool, error) {
	b, ok := v.BooleanOK()
	if !ok {
		return false, wrongType(path, v.Type, "bool")
	}
	return b, nil
}

// loose reads a boolean that may also be given as a number.
func loose(v bson.RawValue, path string) (bool, error) {
	if b, ok := v.BooleanOK(); ok {
		return b, nil
	}
	x, err := bsonvalue.DecodeValue(v)
	if err != nil {
		return false, err
	}
	if !bsonvalue.IsNumber(x) {
		return false, mongoerror.New(mongoerror.TypeMismatch,
			"BSON field '%s' is the wrong type '%s', expected types '[bool, long, int, decimal, double']", path, aliasOf(v.Type))
	}
	return bsonvalue.Truth(x), nil
}

// decodeValue decodes any value of a request.
func decodeValue(v bson.RawValue) (any, error) { return bsonvalue.DecodeValue(v) }

// collectionName reads the name of the collection, the value of the command's first field.
func collectionName(r *Request) (string, error) {
	v := r.Body.Lookup(r.Name)
	name, ok := v.StringValueOK()
	if !ok {
		code := mongoerror.InvalidNamespace
		switch r.Name {
		case "insert", "update", "delete", "create":
			// MongoDB has a generated parser for these.
			code = mongoerror.BadValue
		}
		return "", mongoerror.New(code, "collection name has invalid type %s", aliasOf(v.Type))
	}
	return name, checkCollection(r.Database, name)
}

// readName is collectionName for a command that also takes the UUID of a collection in the place of
// its name.
func (s *State) readName(r *Request) (string, error) {
	subtype, data, ok := r.Body.Lookup(r.Name).BinaryOK()
	if !ok || subtype != bson.TypeBinaryUUID {
		return collectionName(r)
	}
	c := s.reads(r).Identified(primitive.Binary{Subtype: subtype, Data: data})
	if c == nil {
		return "", mongoerror.New(mongoerror.NamespaceNotFound, "Unable to resolve %s", uuidText(data))
	}
	database, name, _ := strings.Cut(c.Namespace(), ".")
	if database != r.Database {
		return "", mongoerror.New(mongoerror.NamespaceNotFound, "Unable to resolve %s in database %s", uuidText(data), r.Database)
	}
	return name, nil
}

// checkCollection refuses what is no collection name.
func checkCollection(database, name string) error {
	switch {
	case name == "", strings.HasPrefix(name, "."), strings.ContainsRune(name, 0):
		return mongoerror.New(mongoerror.InvalidNamespace, "Invalid namespace specified '%s.%s'", database, name)
	case strings.Contains(name, "$"):
		return mongoerror.New(mongoerror.InvalidNamespace, "Invalid collection name specified '%s.%s", database, name)
	}
	return nil
}

func itoa(i int) string { return strconv.Itoa(i) }

// checkWritable refuses the collections that only the server itself writes.
func checkWritable(database, name string) error {
	if strings.HasPrefix(name, "system.") && name != "system.js" {
		return mongoerror.New(mongoerror.InvalidNamespace, "cannot write to '%s.%s'", database, name)
	}
	return nil
}
