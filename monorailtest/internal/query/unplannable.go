package query

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// unplannable is a condition that only an index of a kind that holds nothing here could answer: $text, and
// $near. In a collection, it is an error; where there is no collection, nobody asks.
type unplannable struct{ err error }

func (u unplannable) matches(bson.D, *int) (bool, error) { return false, u.err }

// Unplannable returns the error of a filter that cannot be answered in any collection, nil for every
// other.
func (f *Filter) Unplannable() error { return unplannableIn(f.root) }

func unplannableIn(n node) error {
	switch x := n.(type) {
	case unplannable:
		return x.err
	case not:
		return unplannableIn(x.node)
	case all:
		for _, part := range x {
			if err := unplannableIn(part); err != nil {
				return err
			}
		}
	case some:
		return unplannableIn(all(x))
	}
	return nil
}

// parseText checks $text.
func parseText(v any) (node, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, badValue("$text expects an object")
	}
	if err := checkText(d, "$search", "string", true, func(v any) bool { _, ok := v.(string); return ok }); err != nil {
		return nil, err
	}
	if err := checkText(d, "$language", "string", false, func(v any) bool { _, ok := v.(string); return ok }); err != nil {
		return nil, err
	}
	for _, name := range []string{"$caseSensitive", "$diacriticSensitive"} {
		if err := checkText(d, name, "bool", false, func(v any) bool { _, ok := v.(bool); return ok }); err != nil {
			return nil, err
		}
	}
	for _, e := range d {
		switch e.Key {
		case "$search", "$language", "$caseSensitive", "$diacriticSensitive":
		default:
			return nil, badValue("extra fields in $text")
		}
	}
	return unplannable{mongoerror.New(mongoerror.IndexNotFound, "text index required for $text query")}, nil
}

// checkText checks one field of a $text.
func checkText(d bson.D, name, want string, required bool, ok func(v any) bool) error {
	v := field(d, name)
	switch {
	case bsonvalue.IsMissing(v) && required:
		return mongoerror.New(mongoerror.NoSuchKey, "Missing expected field \"%s\"", name)
	case !bsonvalue.IsMissing(v) && !ok(v):
		return mongoerror.New(mongoerror.TypeMismatch, "\"%s\" had the wrong type. Expected %s, found %s", name, want, bsonvalue.TypeName(v))
	}
	return nil
}

func isNear(operator string) bool {
	return operator == "$near" || operator == "$nearSphere" || operator == "$geoNear"
}

// parseNear checks $near and its like, with what stands beside it.
func (ps *parser) parseNear(d bson.D) (node, error) {
	if ps.Restricted || ps.Stored {
		return nil, badValue("$geoNear, $near, and $nearSphere are not allowed in this context")
	}
	if !isPoint(d[0].Value) {
		return nil, badValue("invalid point in geo near query $geometry argument: %s", bsonvalue.Format(d))
	}
	for _, e := range d[1:] {
		if e.Key != "$maxDistance" && e.Key != "$minDistance" && e.Key != "$uniqueDocs" {
			return nil, badValue("invalid argument in geo near query: %s", e.Key)
		}
		if e.Key != "$uniqueDocs" && (!bsonvalue.IsNumber(e.Value) || bsonvalue.CompareNumbers(e.Value, int32(0)) < 0) {
			return nil, badValue("%s must be a non-negative number", e.Key)
		}
	}
	return unplannable{mongoerror.New(mongoerror.NoQueryExecutionPlans,
		"error processing query: planner returned error :: caused by :: unable to find index for $geoNear query")}, nil
}

// isPoint tells a place: two numbers, or one of GeoJSON.
func isPoint(v any) bool {
	var numbers []any
	switch x := v.(type) {
	case bson.A:
		numbers = x
	case bson.D:
		if g, ok := field(x, "$geometry").(bson.D); ok {
			coordinates, _ := field(g, "coordinates").(bson.A)
			return field(g, "type") == "Point" && isPoint(coordinates)
		}
		for _, e := range x {
			numbers = append(numbers, e.Value)
		}
	}
	return len(numbers) >= 2 && bsonvalue.IsNumber(numbers[0]) && bsonvalue.IsNumber(numbers[1])
}
