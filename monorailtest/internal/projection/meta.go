package projection

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// absent is {$meta: ...} of what no document here has.
type absent struct{}

func (absent) Evaluate(bson.D, ...any) (any, error) { return bsonvalue.Missing, nil }

// Metadata is what the server knows of a document beside its fields. A projection that UsesMetadata is
// given one, as the last of the variables.
type Metadata interface {
	// Value returns what is known: "recordId", "sortKey" or "indexKey"; bsonvalue.Missing for nothing.
	Value(name string) (any, error)
}

// known is {$meta: ...} of what the server knows.
type known string

func (k known) Evaluate(_ bson.D, variables ...any) (any, error) {
	if n := len(variables); n > 0 {
		if m, ok := variables[n-1].(Metadata); ok {
			return m.Value(string(k))
		}
	}
	return bsonvalue.Missing, nil
}

// UsesMetadata tells whether the projection is to be given a Metadata, and whether it asks for the sort
// key in particular.
func (p *Projection) UsesMetadata() (some, sortKey bool) { return p.metadata, p.sortKey }

// parseMeta parses the argument of $meta.
func (p *parser) parseMeta(v any) (computer, error) {
	name, ok := v.(string)
	if !ok {
		return nil, mongoerror.New(17307, "$meta only supports string arguments")
	}
	switch name {
	case "textScore":
		return nil, mongoerror.New(40218, "query requires text score metadata, but it is not available")
	case "geoNearDistance":
		return nil, mongoerror.New(50860, "query requires $geoNear distance metadata, but it is not available")
	case "geoNearPoint":
		return nil, mongoerror.New(50859, "query requires $geoNear point metadata, but it is not available")
	case "randVal", "searchScore", "searchHighlights":
		return absent{}, nil
	case "indexKey", "recordId", "sortKey":
		if p.find {
			p.metadata, p.sortKey = true, p.sortKey || name == "sortKey"
			return known(name), nil
		}
		return nil, mongoerror.New(mongoerror.NotImplemented, "{$meta: '%s'} is not supported by this server", name)
	}
	return nil, mongoerror.New(17308, "Unsupported argument to $meta: %s", name)
}
