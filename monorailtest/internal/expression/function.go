package expression

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	parsers["$function"] = parseFunction
}

// function is $function: there is no engine that runs it.
type function struct{}

func parseFunction(_ *parser, _ string, argument any, _ *variable) (node, error) {
	d, ok := argument.(bson.D)
	if !ok {
		return nil, mongoerror.New(31260, "$function requires an object as an argument, found: %s", bsonvalue.TypeName(argument))
	}
	for _, required := range []struct {
		name string
		code int32
	}{{"body", 31261}, {"args", 31263}, {"lang", 31418}} {
		if bsonvalue.IsMissing(field(d, required.name)) {
			return nil, mongoerror.New(required.code, "The %s field must be specified.", required.name)
		}
	}
	if field(d, "lang") != "js" {
		return nil, mongoerror.New(31419, "Currently the only supported language specifier is 'js'.")
	}
	return function{}, nil
}

func (function) evaluate(*frame) (any, error) {
	return nil, mongoerror.New(31264, "Cannot run server-side javascript without the javascript engine enabled")
}

func (f function) optimize(*optimizer) node { return f }
