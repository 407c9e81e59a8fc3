package expression

import (
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	parsers["$meta"] = parseMeta
}

// MetaVariable is the name under which a scope defines the metadata of documents for $meta, such as
// MetaVariable+"sortKey". What is not defined is missing, but for the sort key, which is refused: a $sort may have given one.
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
	case v == nil && kind == "sortKey":
		return nil, mongoerror.New(mongoerror.NotImplemented, "$meta: \"sortKey\" in a pipeline is not supported by this server")
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
