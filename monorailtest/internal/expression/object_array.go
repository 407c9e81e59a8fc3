package expression

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	register(
		&operator{name: "$objectToArray", least: 1, most: 1, evaluate: unary(objectToArray)},
		&operator{name: "$arrayToObject", least: 1, most: 1, evaluate: unary(arrayToObject)},
	)
}

func objectToArray(v any) (any, error) {
	if nullish(v) {
		return nil, nil
	}
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(40390, "$objectToArray requires a document input, found: %s", bsonvalue.TypeName(v))
	}
	out := make(bson.A, len(d))
	for i, e := range d {
		out[i] = bson.D{{Key: "k", Value: e.Key}, {Key: "v", Value: e.Value}}
	}
	return out, nil
}

// arrayToObject takes [[key, value], ...] or [{k: key, v: value}, ...]: the first element decides
// which. A key that is repeated has its last value, in its first place.
func arrayToObject(v any) (any, error) {
	if nullish(v) {
		return nil, nil
	}
	a, ok := v.(bson.A)
	if !ok {
		return nil, mongoerror.New(40386, "$arrayToObject requires an array input, found: %s", bsonvalue.TypeName(v))
	}
	out := bson.D{}
	if len(a) == 0 {
		return out, nil
	}
	pair := pairOfDocument
	switch a[0].(type) {
	case bson.A:
		pair = pairOfArray
	case bson.D:
	default:
		return nil, mongoerror.New(40398, "Unrecognised input type format for $arrayToObject: %s", bsonvalue.TypeName(a[0]))
	}
	at := make(map[string]int, len(a))
	for _, item := range a {
		key, value, err := pair(item)
		if err != nil {
			return nil, err
		}
		if i, found := at[key]; found {
			out[i].Value = value
			continue
		}
		at[key] = len(out)
		out = append(out, bson.E{Key: key, Value: value})
	}
	return out, nil
}

func pairOfArray(v any) (key string, value any, err error) {
	pair, ok := v.(bson.A)
	if !ok {
		return "", nil, mongoerror.New(40396, "$arrayToObject requires a consistent input format. Elements mustall be arrays or all be objects. Array was detected, now found: %s", bsonvalue.TypeName(v))
	}
	if len(pair) != 2 {
		return "", nil, mongoerror.New(40397, "$arrayToObject requires an array of size 2 arrays,found array of size: %d", len(pair))
	}
	if key, ok = pair[0].(string); !ok {
		return "", nil, mongoerror.New(40395, "$arrayToObject requires an array of key-value pairs, where the key must be of type string. Found key type: %s", bsonvalue.TypeName(pair[0]))
	}
	if strings.IndexByte(key, 0) >= 0 {
		return "", nil, mongoerror.New(4940400, "Key field cannot contain an embedded null byte")
	}
	return key, pair[1], nil
}

func pairOfDocument(v any) (key string, value any, err error) {
	d, ok := v.(bson.D)
	if !ok {
		return "", nil, mongoerror.New(40391, "$arrayToObject requires a consistent input format. Elements mustall be arrays or all be objects. Object was detected, now found: %s", bsonvalue.TypeName(v))
	}
	if len(d) != 2 {
		return "", nil, mongoerror.New(40392, "$arrayToObject requires an object keys of 'k' and 'v'. Found incorrect number of keys:%d", len(d))
	}
	k, value := field(d, "k"), field(d, "v")
	if bsonvalue.IsMissing(k) || bsonvalue.IsMissing(value) {
		return "", nil, mongoerror.New(40393, "$arrayToObject requires an object with keys 'k' and 'v'. Missing either or both keys from: %s", bsonvalue.Format(d))
	}
	if key, ok = k.(string); !ok {
		return "", nil, mongoerror.New(40394, "$arrayToObject requires an object with keys 'k' and 'v', where the value of 'k' must be of type string. Found type: %s", bsonvalue.TypeName(k))
	}
	if strings.IndexByte(key, 0) >= 0 {
		return "", nil, mongoerror.New(4940401, "Key field cannot contain an embedded null byte")
	}
	return key, value, nil
}
