package pipeline

import (
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// script is $accumulator: there is no engine that runs it, as in a MongoDB that was built without.
type script struct{}

func (script) add(any) (int, error) {
	return 0, mongoerror.New(31264, "Cannot run server-side javascript without the javascript engine enabled")
}

func (script) value() any { return nil }

// parseScript parses the argument of $accumulator, and returns the expression of what it is given for each
// document.
func parseScript(c *Context, v any) (expression.Expression, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(4544703, "$accumulator expects an object as an argument; found: %s", bsonvalue.TypeName(v))
	}
	var arguments expression.Expression
	given := map[string]bool{}
	for _, e := range d {
		given[e.Key] = true
		var err error
		switch e.Key {
		case "init", "accumulate", "merge", "finalize":
			err = checkScript(c, e)
		case "initArgs":
			_, err = expression.Parse(e.Value, c.Scope)
		case "accumulateArgs":
			arguments, err = expression.Parse(e.Value, c.Scope)
		case "lang":
			if name, ok := e.Value.(string); !ok {
				err = mongoerror.New(4544704, "$accumulator lang must be a string; found: %s", bsonvalue.TypeName(e.Value))
			} else if name != "js" {
				err = mongoerror.New(4544705, "$accumulator only supports lang: 'js'")
			}
		default:
			err = mongoerror.New(4544706, "$accumulator got an unexpected field: %s", e.Key)
		}
		if err != nil {
			return nil, err
		}
	}
	for _, required := range []struct {
		name string
		code int32
	}{{"init", 4544707}, {"accumulate", 4544708}, {"merge", 4544709}, {"accumulateArgs", 4544710}, {"lang", 4544711}} {
		if !given[required.name] {
			return nil, mongoerror.New(required.code, "$accumulator missing required argument '%s'", required.name)
		}
	}
	return arguments, nil
}

// checkScript checks one of the functions, a constant text.
func checkScript(c *Context, e bson.E) error {
	v, err := constantOf(c, e.Value)
	if err != nil {
		return err
	}
	if bsonvalue.IsMissing(v) {
		return mongoerror.New(4544701, "$accumulator '%s' must be a constant expression", e.Key)
	}
	switch v.(type) {
	case string, primitive.JavaScript:
		return nil
	}
	return mongoerror.New(4544702, "$accumulator '%s' must be a String or Code", e.Key)
}
