package query

import (
	"strings"

	"github.com/dlclark/regexp2"
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// schemaKeywords are the keywords of a schema; false for those that MongoDB knows and refuses.
var schemaKeywords = map[string]bool{
	"additionalItems": true, "additionalProperties": true, "allOf": true, "anyOf": true, "bsonType": true, "dependencies": true,
	"description": true, "enum": true, "exclusiveMaximum": true, "exclusiveMinimum": true, "items": true, "maximum": true,
	"maxItems": true, "maxLength": true, "maxProperties": true, "minimum": true, "minItems": true, "minLength": true,
	"minProperties": true, "multipleOf": true, "not": true, "oneOf": true, "pattern": true, "patternProperties": true,
	"properties": true, "required": true, "title": true, "type": true, "uniqueItems": true,
	"$ref": false, "$schema": false, "default": false, "definitions": false, "format": false, "id": false,
}

// schemaTypes are the names of "type", as those of "bsonType".
var schemaTypes = map[string]string{
	"array": "array", "boolean": "bool", "null": "null", "number": "number", "object": "object", "string": "string",
}

func parseSchema(v any) (node, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(mongoerror.TypeMismatch, "$jsonSchema must be an object")
	}
	return newSchema(d)
}

// schemaParser parses one schema, until the first error.
type schemaParser struct {
	source bson.D
	err    error
}

func newSchema(d bson.D) (*schema, error) {
	p := &schemaParser{source: d}
	p.checkKeywords()
	s := &schema{minLength: noLimit, maxLength: noLimit, minItems: noLimit, maxItems: noLimit,
		minProperties: noLimit, maxProperties: noLimit}
	for _, name := range []string{"title", "description"} {
		if v, ok := p.get(name); ok {
			if _, isString := v.(string); !isString {
				p.mismatch("$jsonSchema keyword '%s' must be of type string", name)
			}
		}
	}
	p.parseTypes(s)
	p.parseEnum(s)
	p.parseLogical(s)
	p.parseArrays(s)
	p.parseObjects(s)
	p.parseScalars(s)
	return s, p.err
}

// noLimit stands for a length that is not limited.
const noLimit = -1

func (p *schemaParser) fail(code int32, format string, args ...any) {
	if p.err == nil {
		p.err = mongoerror.New(code, format, args...)
	}
}

func (p *schemaParser) mismatch(format string, args ...any) {
	p.fail(mongoerror.TypeMismatch, format, args...)
}

func (p *schemaParser) failed(format string, args ...any) {
	p.fail(mongoerror.FailedToParse, format, args...)
}

func (p *schemaParser) checkKeywords() {
	seen := map[string]bool{}
	for _, e := range p.source {
		supported, known := schemaKeywords[e.Key]
		switch {
		case !known:
			p.failed("Unknown $jsonSchema keyword: %s", e.Key)
		case !supported:
			p.failed("$jsonSchema keyword '%s' is not currently supported", e.Key)
		case seen[e.Key]:
			p.failed("Duplicate $jsonSchema keyword: %s", e.Key)
		}
		seen[e.Key] = true
	}
}

// get returns the value of a keyword; after an error there is none.
func (p *schemaParser) get(name string) (any, bool) {
	if p.err != nil {
		return nil, false
	}
	v := field(p.source, name)
	return v, !bsonvalue.IsMissing(v)
}

// schema parses a schema inside this one.
func (p *schemaParser) schema(v any, format string, args ...any) *schema {
	d, ok := v.(bson.D)
	if !ok {
		p.mismatch(format, args...)
		return nil
	}
	s, err := newSchema(d)
	if err != nil && p.err == nil {
		p.err = err
	}
	return s
}

func (p *schemaParser) parseTypes(s *schema) {
	t, isType := p.get("type")
	b, isBSON := p.get("bsonType")
	switch {
	case isType && isBSON:
		p.failed("Cannot specify both $jsonSchema keywords 'type' and 'bsonType'")
	case isType:
		s.types = p.typeSet("type", t)
	case isBSON:
		s.types = p.typeSet("bsonType", b)
	}
}

func (p *schemaParser) typeSet(keyword string, v any) *typeSet {
	names, isArray := v.(bson.A)
	if !isArray {
		names = bson.A{v}
	}
	if len(names) == 0 {
		p.failed("$jsonSchema keyword '%s' must name at least one type", keyword)
	}
	t, seen := &typeSet{}, map[string]bool{}
	for _, item := range names {
		name, ok := item.(string)
		if !ok {
			if isArray {
				p.mismatch("$jsonSchema type array elements must be strings")
			} else {
				p.mismatch("$jsonSchema keyword '%s' must be either a string or an array of strings", keyword)
			}
			return t
		}
		if seen[name] {
			p.failed("$jsonSchema type array has duplicate value: %s", name)
		}
		seen[name] = true
		if keyword == "type" {
			if name == "integer" {
				p.failed("$jsonSchema type 'integer' is not currently supported.")
				return t
			}
			name, ok = schemaTypes[name]
		}
		if ok && name == "number" {
			t.number = true
			continue
		}
		code, known := bsonvalue.TypeByAlias(name)
		if !ok || !known {
			p.fail(mongoerror.BadValue, "Unknown type name alias: %s", item)
			return t
		}
		t.types = append(t.types, byte(code))
	}
	return t
}

func (p *schemaParser) parseEnum(s *schema) {
	v, ok := p.get("enum")
	if !ok {
		return
	}
	a, isArray := v.(bson.A)
	switch {
	case !isArray:
		p.mismatch("$jsonSchema keyword 'enum' must be an array, but found an element of type %s", bsonvalue.TypeName(v))
	case len(a) == 0:
		p.failed("$jsonSchema keyword 'enum' cannot be an empty array")
	case hasDuplicates(a):
		p.failed("$jsonSchema keyword 'enum' array cannot contain duplicate values.")
	}
	s.enum = &enumeration{map[string]bool{}}
	for _, item := range a {
		s.enum.keys[unorderedKey(item)] = true
	}
}

func (p *schemaParser) parseLogical(s *schema) {
	for _, l := range []struct {
		name string
		to   *[]*schema
	}{{"allOf", &s.allOf}, {"anyOf", &s.anyOf}, {"oneOf", &s.oneOf}} {
		v, ok := p.get(l.name)
		if !ok {
			continue
		}
		a, isArray := v.(bson.A)
		switch {
		case !isArray:
			p.mismatch("$jsonSchema keyword '%s' must be an array", l.name)
		case len(a) == 0:
			p.fail(mongoerror.BadValue, "$jsonSchema keyword '%s' must be a non-empty array", l.name)
		}
		for _, item := range a {
			*l.to = append(*l.to, p.schema(item, "$jsonSchema keyword '%s' must be an array of objects, but found an element of type %s",
				l.name, bsonvalue.TypeName(item)))
		}
	}
	if v, ok := p.get("not"); ok {
		s.not = p.schema(v, "$jsonSchema keyword 'not' must be an object, but found an element of type %s", bsonvalue.TypeName(v))
	}
}

// pattern compiles a regular expression.
func (p *schemaParser) pattern(source string) *regexp2.Regexp {
	if strings.ContainsRune(source, 0) {
		p.fail(mongoerror.BadValue, "Regular expression cannot contain an embedded null byte")
		return nil
	}
	re, err := CompilePattern(source, "")
	if err != nil && p.err == nil {
		p.err = err
	}
	return re
}
