package query

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// schema is a parsed $jsonSchema, or one inside it. A keyword about values of one type says
// nothing about values of another.
type schema struct {
	// types are those that are allowed; nil for all.
	types *typeSet
	enum  *enumeration

	// For numbers.
	minimum, maximum *bound
	multipleOf       any

	// For strings; negative lengths stand for no limit.
	minLength, maxLength int64
	pattern              *regexp2.Regexp

	// For arrays.
	minItems, maxItems int64
	uniqueItems        bool
	items              *schema
	// positions are the schemas of the first elements, additionalItems that of those behind; nil for any.
	positions       []*schema
	additionalItems *schema

	// For objects.
	required                     []string
	minProperties, maxProperties int64
	properties                   []property
	patternProperties            []patternProperty
	additionalProperties         *schema
	dependencies                 []dependency

	allOf, anyOf, oneOf []*schema
	not                 *schema
	// never: nothing is allowed ("additionalProperties": false).
	never bool
}

type bound struct {
	value     any
	exclusive bool
}

type property struct {
	name   string
	schema *schema
}

type patternProperty struct {
	pattern *regexp2.Regexp
	schema  *schema
}

// dependency is what holds where the property name is there: others are there too, or the object
// meets a schema.
type dependency struct {
	name     string
	required []string
	schema   *schema
}

// matches implements node: the schema is that of the whole document.
func (s *schema) matches(d bson.D, _ *int) (bool, error) { return s.valid(d) }

// matchesValue implements valueNode.
func (s *schema) matchesValue(v any, _ *int) (bool, error) { return s.valid(v) }

// valid tells whether a value meets the schema. The error is one of a regular expression.
func (s *schema) valid(v any) (bool, error) {
	if s == nil {
		return true, nil
	}
	if s.never || s.enum != nil && !s.enum.holds(v) {
		return false, nil
	}
	if s.types != nil {
		if ok, err := s.types.matchesValue(v, nil); !ok || err != nil {
			return false, err
		}
	}
	var ok bool
	var err error
	switch x := v.(type) {
	case bson.D:
		ok, err = s.validObject(x)
	case bson.A:
		ok, err = s.validArray(x)
	case string:
		ok, err = s.validString(x)
	default:
		ok = s.validNumber(v)
	}
	if !ok || err != nil {
		return false, err
	}
	return s.validLogical(v)
}

func (s *schema) validNumber(v any) bool {
	if !bsonvalue.IsNumber(v) {
		return true
	}
	if b := s.minimum; b != nil && !compareBound(v, b, 1) {
		return false
	}
	if b := s.maximum; b != nil && !compareBound(v, b, -1) {
		return false
	}
	return s.multipleOf == nil || isMultiple(v, s.multipleOf)
}

func isMultiple(v, of any) bool {
	r := bsonvalue.Remainder(bsonvalue.ToDecimal(v), bsonvalue.ToDecimal(of))
	return bsonvalue.IsFinite(r) && bsonvalue.CompareNumbers(r, int32(0)) == 0
}

// compareBound tells whether v lies on the side of the bound that sign says.
func compareBound(v any, b *bound, sign int) bool {
	if bsonvalue.IsNaN(v) || bsonvalue.IsNaN(b.value) {
		return bsonvalue.IsNaN(v) && bsonvalue.IsNaN(b.value) && !b.exclusive
	}
	r := bsonvalue.CompareNumbers(v, b.value)
	return r == sign || r == 0 && !b.exclusive
}

func (s *schema) validString(v string) (bool, error) {
	if s.minLength >= 0 || s.maxLength >= 0 {
		n := int64(utf8.RuneCountInString(v))
		if n < s.minLength || s.maxLength >= 0 && n > s.maxLength {
			return false, nil
		}
	}
	if s.pattern == nil {
		return true, nil
	}
	return matchPattern(s.pattern, v), nil
}

func (s *schema) validArray(a bson.A) (bool, error) {
	n := int64(len(a))
	if n < s.minItems || s.maxItems >= 0 && n > s.maxItems || s.uniqueItems && hasDuplicates(a) {
		return false, nil
	}
	for i, item := range a {
		at := s.items
		switch {
		case i < len(s.positions):
			at = s.positions[i]
		case s.positions != nil:
			at = s.additionalItems
		}
		if ok, err := at.valid(item); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (s *schema) validObject(d bson.D) (bool, error) {
	n := int64(len(d))
	if n < s.minProperties || s.maxProperties >= 0 && n > s.maxProperties || !hasAll(d, s.required) {
		return false, nil
	}
	for _, p := range s.properties {
		v := field(d, p.name)
		if bsonvalue.IsMissing(v) {
			continue
		}
		if ok, err := p.schema.valid(v); !ok || err != nil {
			return false, err
		}
	}
	if ok, err := s.validFurther(d); !ok || err != nil {
		return false, err
	}
	for _, dep := range s.dependencies {
		if bsonvalue.IsMissing(field(d, dep.name)) {
			continue
		}
		if !hasAll(d, dep.required) {
			return false, nil
		}
		if ok, err := dep.schema.valid(d); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// validFurther checks the properties that are named by a pattern, or not at all.
func (s *schema) validFurther(d bson.D) (bool, error) {
	if s.patternProperties == nil && s.additionalProperties == nil {
		return true, nil
	}
	for _, e := range d {
		known := false
		for _, p := range s.properties {
			known = known || p.name == e.Key
		}
		for _, p := range s.patternProperties {
			if !matchPattern(p.pattern, e.Key) {
				continue
			}
			known = true
			if ok, err := p.schema.valid(e.Value); !ok || err != nil {
				return false, err
			}
		}
		if known {
			continue
		}
		if ok, err := s.additionalProperties.valid(e.Value); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func hasAll(d bson.D, names []string) bool {
	for _, name := range names {
		if bsonvalue.IsMissing(field(d, name)) {
			return false
		}
	}
	return true
}

func (s *schema) validLogical(v any) (bool, error) {
	for _, each := range s.allOf {
		if ok, err := each.valid(v); !ok || err != nil {
			return false, err
		}
	}
	for _, choice := range []struct {
		of  []*schema
		one bool
	}{{s.anyOf, false}, {s.oneOf, true}} {
		met := 0
		for _, each := range choice.of {
			ok, err := each.valid(v)
			if err != nil {
				return false, err
			}
			if ok {
				met++
			}
		}
		if choice.of != nil && (met == 0 || choice.one && met > 1) {
			return false, nil
		}
	}
	if s.not != nil {
		ok, err := s.not.valid(v)
		return !ok && err == nil, err
	}
	return true, nil
}

// enumeration is enum: the order of fields in an object does not count.
type enumeration struct{ keys map[string]bool }

func (e *enumeration) holds(v any) bool { return e.keys[unorderedKey(v)] }

func hasDuplicates(a bson.A) bool {
	seen := map[string]bool{}
	for _, v := range a {
		k := unorderedKey(v)
		if seen[k] {
			return true
		}
		seen[k] = true
	}
	return false
}

// sortFields returns v with the fields of every object in it in the order of their names.
func sortFields(v any) any {
	switch x := v.(type) {
	case bson.D:
		out := make(bson.D, len(x))
		for i, e := range x {
			out[i] = bson.E{Key: e.Key, Value: sortFields(e.Value)}
		}
		slices.SortStableFunc(out, func(a, b bson.E) int { return strings.Compare(a.Key, b.Key) })
		return out
	case bson.A:
		out := make(bson.A, len(x))
		for i, e := range x {
			out[i] = sortFields(e)
		}
		return out
	}
	return v
}

// unorderedKey is the same for two values exactly when they are equal, the order of fields apart.
func unorderedKey(v any) string { return string(bsonvalue.AppendKey(nil, sortFields(v))) }
