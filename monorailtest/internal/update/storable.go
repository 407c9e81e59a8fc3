package update

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

const (
	// MaxDepth is how deep a stored document may nest: the limit of all documents less what the server keeps for itself.
	MaxDepth           = 180
	codeInvalidIDField = 53
	codeInvalidDBRef   = 55
)

// TooDeep tells whether a document nests deeper than MaxDepth.
func TooDeep(d bson.D) bool { return deeper(d, MaxDepth) }

// deeper tells whether a value nests deeper than levels.
func deeper(v any, levels int) bool {
	switch x := v.(type) {
	case bson.D:
		for _, e := range x {
			if levels == 0 || deeper(e.Value, levels-1) {
				return true
			}
		}
		return levels == 0
	case bson.A:
		for _, item := range x {
			if levels == 0 || deeper(item, levels-1) {
				return true
			}
		}
		return levels == 0
	}
	return false
}

// checkDocument refuses a document that cannot be stored: an _id of the wrong type, names that begin with $, too much
// depth.
func checkDocument(d bson.D) error {
	for i, e := range d {
		if e.Key == "_id" {
			switch bsonvalue.ClassOf(e.Value) {
			case bsonvalue.ClassArray, bsonvalue.ClassRegex, bsonvalue.ClassMissing:
				return mongoerror.New(codeInvalidIDField, "The '_id' value cannot be of type %s", bsonvalue.TypeName(e.Value))
			}
		}
		if err := checkName(d, i, e.Key); err != nil {
			return err
		}
		if err := checkStorable(e.Value, e.Key); err != nil {
			return err
		}
	}
	return nil
}

// checkStorable refuses names that begin with $ inside a value that an update stores at a path, and a value that nests
// too deep there.
func checkStorable(v any, path string) error {
	return checkNested(v, path, strings.Count(path, ".")+1)
}

func checkNested(v any, path string, depth int) error {
	if depth > MaxDepth {
		return mongoerror.New(mongoerror.Overflow, "Document exceeds maximum nesting depth of %d", MaxDepth)
	}
	switch x := v.(type) {
	case bson.D:
		for i, e := range x {
			at := path + "." + e.Key
			if err := checkName(x, i, at); err != nil {
				return err
			}
			if err := checkNested(e.Value, at, depth+1); err != nil {
				return err
			}
		}
	case bson.A:
		for i, item := range x {
			if err := checkNested(item, path+"."+itoa(i), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkName refuses the name of the field d[i] at a path if it begins with $, unless it is part of a reference:
// {$ref: string, $id: ..., $db: string}.
func checkName(d bson.D, i int, path string) error {
	name := d[i].Key
	if !strings.HasPrefix(name, "$") {
		return nil
	}
	at := i
	if name == "$db" {
		if _, ok := d[i].Value.(string); !ok {
			return invalidReference("The DBRef $db field must be a String, not a %s", bsonvalue.TypeName(d[i].Value))
		}
		if at--; at < 0 || d[at].Key != "$id" {
			return invalidReference("Found $db field without a $id before it, which is invalid.")
		}
	}
	if d[at].Key == "$id" {
		if at--; at < 0 || d[at].Key != "$ref" {
			return invalidReference("Found $id field without a $ref before it, which is invalid.")
		}
	}
	if d[at].Key != "$ref" {
		return dollarField(name, path)
	}
	if _, ok := d[at].Value.(string); !ok {
		return invalidReference("The DBRef $ref field must be a String, not a %s", bsonvalue.TypeName(d[at].Value))
	}
	if at+1 >= len(d) || d[at+1].Key != "$id" {
		return invalidReference("The DBRef $ref field must be followed by a $id field")
	}
	return nil
}

func invalidReference(format string, values ...any) error {
	return mongoerror.New(codeInvalidDBRef, format, values...)
}

func dollarField(name, path string) error {
	return mongoerror.New(mongoerror.DollarPrefixedFieldName,
		"The dollar ($) prefixed field '%s' in '%s' is not valid for storage.", name, path)
}
