package pipeline

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func parseReplaceRoot(c *Context, v any) (stage, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(40229, "expected an object as specification for $replaceRoot stage, got %s", bsonvalue.TypeName(v))
	}
	var root any = bsonvalue.Missing
	for _, e := range d {
		if e.Key != "newRoot" {
			return nil, mongoerror.New(codeUnknownField, "BSON field '$replaceRoot.%s' is an unknown field.", e.Key)
		}
		root = e.Value
	}
	if bsonvalue.IsMissing(root) {
		return nil, mongoerror.New(codeMissingField, "BSON field '$replaceRoot.newRoot' is missing but a required field")
	}
	return replaceRoot(c, root, "'newRoot' expression ")
}

func parseReplaceWith(c *Context, v any) (stage, error) {
	return replaceRoot(c, v, "'replacement document' ")
}

// replaceRoot is the stage that gives what an expression makes of each document.
func replaceRoot(c *Context, v any, what string) (stage, error) {
	e, err := expression.Parse(v, c.Scope)
	if err != nil {
		return nil, err
	}
	return transform(func(d bson.D, variables ...any) (bson.D, error) {
		v, err := e.Evaluate(d, variables...)
		if err != nil {
			return nil, err
		}
		root, ok := v.(bson.D)
		if !ok {
			return nil, mongoerror.New(40228, "%s must evaluate to an object, but resulting value was: %s. Type of resulting value: '%s'. Input document: %s",
				what, show(v), bsonvalue.TypeName(v), bsonvalue.Format(d))
		}
		return root, nil
	}), nil
}

// show writes a value as messages do.
func show(v any) string {
	if bsonvalue.IsMissing(v) {
		return "MISSING"
	}
	return bsonvalue.Format(v)
}

// Codes of IDL errors.
const (
	codeMissingField = 40414
	codeUnknownField = 40415
)
