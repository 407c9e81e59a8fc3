package expression

import (
	"math/rand/v2"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	parsers["$meta"] = parseMeta
	parsers["$rand"] = parseRandom
	parsers["$function"] = parseFunction
}

// MetaVariable is the name under which a scope defines the metadata of documents for $meta, such as
// MetaVariable+"sortKey". What is not defined is missing.
const MetaVariable = "meta "

// unavailableMeta are the kinds of metadata that only stages of text and geographical search give,
// by the name of each in an error.
var unavailableMeta = map[string]string{
	"textScore": "text score", "geoNearDistance": "$geoNear distance", "geoNearPoint": "$geoNear point",
}

func parseMeta(p *parser, _ string, argument any, names *variable) (node, error) {
	kind, ok := argument.(string)
	if !ok {
		return nil, mongoerror.New(17307, "$meta only supports string arguments")
	}
	what, unavailable := unavailableMeta[kind]
	switch kind {
	case "textScore", "geoNearDistance", "geoNearPoint", "indexKey", "randVal", "recordId", "searchHighlights", "searchScore", "sortKey":
	default:
		return nil, mongoerror.New(17308, "Unsupported argument to $meta: %s", kind)
	}
	v := names.find(MetaVariable + kind)
	switch {
	case v == nil && unavailable:
		return nil, mongoerror.New(40218, "query requires %s metadata, but it is not available", what)
	case v == nil:
		return missing{}, nil
	case v.slot == constantSlot:
		return constant{v.value}, nil
	}
	return slot(v.slot), nil
}

// missing is metadata that a document does not have. It is not computed ahead.
type missing struct{}

func (missing) evaluate(*frame) (any, error) { return bsonvalue.Missing, nil }
func (m missing) optimize(*optimizer) node   { return m }

// random is $rand: another number for each document.
type random struct{}

func parseRandom(_ *parser, _ string, argument any, _ *variable) (node, error) {
	switch x := argument.(type) {
	case bson.D:
		if len(x) == 0 {
			return random{}, nil
		}
	case bson.A:
		if len(x) == 0 {
			return random{}, nil
		}
		return nil, mongoerror.New(3040501, "$rand does not currently accept arguments")
	default:
		return nil, mongoerror.New(10065, "invalid parameter: expected an object ($rand)")
	}
	return nil, mongoerror.New(3040501, "$rand does not currently accept arguments")
}

func (random) evaluate(*frame) (any, error) { return rand.Float64(), nil }
func (r random) optimize(*optimizer) node   { return r }

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
