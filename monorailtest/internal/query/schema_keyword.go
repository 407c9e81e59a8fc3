package query

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// parseScalars parses the keywords about numbers and strings.
func (p *schemaParser) parseScalars(s *schema) {
	s.minimum = p.bound("minimum", "exclusiveMinimum")
	s.maximum = p.bound("maximum", "exclusiveMaximum")
	if v, ok := p.get("multipleOf"); ok {
		switch {
		case !bsonvalue.IsNumber(v):
			p.mismatch("$jsonSchema keyword 'multipleOf' must be a number")
		case bsonvalue.CompareNumbers(v, int32(0)) <= 0:
			p.failed("$jsonSchema keyword 'multipleOf' must have a positive value")
		}
		s.multipleOf = v
	}
	p.length("minLength", &s.minLength)
	p.length("maxLength", &s.maxLength)
	if v, ok := p.get("pattern"); ok {
		source, isString := v.(string)
		if !isString {
			p.mismatch("$jsonSchema keyword 'pattern' must be a string")
			return
		}
		s.pattern = p.pattern(source)
	}
}

// bound parses minimum or maximum with the keyword that makes it exclusive.
func (p *schemaParser) bound(name, exclusive string) *bound {
	v, given := p.get(name)
	if given && !bsonvalue.IsNumber(v) {
		p.mismatch("$jsonSchema keyword '%s' must be a number", name)
	}
	b := &bound{value: v}
	if e, ok := p.get(exclusive); ok {
		var isBool bool
		if b.exclusive, isBool = e.(bool); !isBool {
			p.mismatch("$jsonSchema keyword '%s' must be a boolean", exclusive)
		}
		if !given {
			p.failed("$jsonSchema keyword '%s' must be a present if %s is present", name, exclusive)
		}
	}
	if !given {
		return nil
	}
	return b
}

// length parses a keyword that takes a number of things.
func (p *schemaParser) length(name string, to *int64) {
	v, ok := p.get(name)
	if !ok {
		return
	}
	if !bsonvalue.IsNumber(v) {
		p.failed("Expected a number in: %s: %s", name, bsonvalue.Format(v))
		return
	}
	n, exact := bsonvalue.ToLong(v)
	switch {
	case !exact:
		p.failed("Expected an integer: %s: %s", name, bsonvalue.Format(v))
	case n < 0:
		p.failed("Expected a positive number in: %s: %s", name, bsonvalue.Format(v))
	}
	*to = n
}

// parseArrays parses the keywords about arrays.
func (p *schemaParser) parseArrays(s *schema) {
	p.length("maxItems", &s.maxItems)
	p.length("minItems", &s.minItems)
	if v, ok := p.get("uniqueItems"); ok {
		if s.uniqueItems, ok = v.(bool); !ok {
			p.mismatch("$jsonSchema keyword 'uniqueItems' must be a boolean")
		}
	}
	if v, ok := p.get("items"); ok {
		if a, isArray := v.(bson.A); isArray {
			s.positions = []*schema{}
			for i, item := range a {
				s.positions = append(s.positions, p.schema(item,
					"$jsonSchema keyword 'items' requires that each element of the array is an object, but found a %s at index %d",
					bsonvalue.TypeName(item), i))
			}
		} else {
			s.items = p.schema(v, "$jsonSchema keyword 'items' must be an array or an object, not %s", bsonvalue.TypeName(v))
		}
	}
	if v, ok := p.get("additionalItems"); ok {
		s.additionalItems = p.further("additionalItems", v)
	}
}

// further parses what holds for items or properties that are not named: a schema or a boolean.
func (p *schemaParser) further(name string, v any) *schema {
	if allowed, ok := v.(bool); ok {
		if allowed {
			return nil
		}
		return &schema{never: true}
	}
	return p.schema(v, "$jsonSchema keyword '%s' must be either an object or a boolean, but got a %s", name, bsonvalue.TypeName(v))
}

// parseObjects parses the keywords about objects.
func (p *schemaParser) parseObjects(s *schema) {
	if v, ok := p.get("required"); ok {
		a, isArray := v.(bson.A)
		if !isArray {
			p.mismatch("$jsonSchema keyword 'required' must be an array, but found an element of type %s", bsonvalue.TypeName(v))
		}
		s.required = p.names(a, "$jsonSchema keyword 'required'")
	}
	if v, ok := p.get("properties"); ok {
		for _, e := range p.object("properties", v) {
			s.properties = append(s.properties, property{e.Key,
				p.schema(e.Value, "Nested schema for $jsonSchema property '%s' must be an object", e.Key)})
		}
	}
	if v, ok := p.get("patternProperties"); ok {
		for _, e := range p.object("patternProperties", v) {
			s.patternProperties = append(s.patternProperties, patternProperty{p.pattern(e.Key),
				p.schema(e.Value, "$jsonSchema keyword 'patternProperties' has property '%s' which is not an object", e.Key)})
		}
	}
	if v, ok := p.get("additionalProperties"); ok {
		s.additionalProperties = p.further("additionalProperties", v)
	}
	p.length("minProperties", &s.minProperties)
	p.length("maxProperties", &s.maxProperties)
	if v, ok := p.get("dependencies"); ok {
		for _, e := range p.object("dependencies", v) {
			s.dependencies = append(s.dependencies, p.dependency(e))
		}
	}
}

func (p *schemaParser) object(name string, v any) bson.D {
	d, ok := v.(bson.D)
	if !ok {
		p.mismatch("$jsonSchema keyword '%s' must be an object", name)
	}
	return d
}

// names reads a list of different names, which is not empty.
func (p *schemaParser) names(a bson.A, what string) []string {
	if len(a) == 0 {
		p.failed("%s cannot be an empty array", what)
	}
	var out []string
	seen := map[string]bool{}
	for _, item := range a {
		name, ok := item.(string)
		if !ok {
			p.mismatch("%s must be an array of strings, but found an element of type: %s", what, bsonvalue.TypeName(item))
		}
		if seen[name] {
			p.failed("%s array cannot contain duplicate values", what)
		}
		seen[name] = true
		out = append(out, name)
	}
	return out
}

func (p *schemaParser) dependency(e bson.E) dependency {
	if a, ok := e.Value.(bson.A); ok {
		return dependency{name: e.Key, required: p.names(a, "property '"+e.Key+"' in $jsonSchema keyword 'dependencies'")}
	}
	return dependency{name: e.Key,
		schema: p.schema(e.Value, "property '%s' in $jsonSchema keyword 'dependencies' must be either an object or an array", e.Key)}
}
