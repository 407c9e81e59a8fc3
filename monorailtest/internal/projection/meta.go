package projection

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// absent is {$meta: ...} of what no document here has.
type absent struct{}

func (absent) Evaluate(bson.D, ...any) (any, error) { return bsonvalue.Missing, nil }

// parseMeta parses the argument of $meta.
func parseMeta(v any) (computer, error) {
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
		return nil, mongoerror.New(mongoerror.NotImplemented, "{$meta: '%s'} is not supported by this server", name)
	}
	return nil, mongoerror.New(17308, "Unsupported argument to $meta: %s", name)
}
