package pipeline

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/projection"
)

// unwind is $unwind.
type unwind struct {
	path []string
	// index is where the place of the element goes; nil for nowhere.
	index []string
	// preserve keeps documents that have nothing to unwind.
	preserve bool
}

func parseUnwind(_ *Context, v any) (stage, error) {
	u := &unwind{}
	path := ""
	switch x := v.(type) {
	case string:
		path = x
	case bson.D:
		var err error
		if path, err = u.parseOptions(x); err != nil {
			return nil, err
		}
	default:
		return nil, mongoerror.New(15981, "expected either a string or an object as specification for $unwind stage, got %s", bsonvalue.TypeName(v))
	}
	if path == "" {
		return nil, mongoerror.New(28812, "no path specified to $unwind stage")
	}
	if path[0] != '$' {
		return nil, mongoerror.New(28818, "path option to $unwind stage should be prefixed with a '$': %s", path)
	}
	var err error
	u.path, err = projection.SplitPath(path[1:])
	return u, err
}

func (u *unwind) parseOptions(d bson.D) (path string, err error) {
	for _, e := range d {
		var ok bool
		switch e.Key {
		case "path":
			if path, ok = e.Value.(string); !ok {
				return "", mongoerror.New(28808, "expected a string as the path for $unwind stage, got %s", bsonvalue.TypeName(e.Value))
			}
		case "preserveNullAndEmptyArrays":
			if u.preserve, ok = e.Value.(bool); !ok {
				return "", mongoerror.New(28809, "expected a boolean for the preserveNullAndEmptyArrays option to $unwind stage, got %s", bsonvalue.TypeName(e.Value))
			}
		case "includeArrayIndex":
			name, ok := e.Value.(string)
			if !ok || name == "" {
				return "", mongoerror.New(28810, "expected a non-empty string for the includeArrayIndex  option to $unwind stage, got %s", bsonvalue.TypeName(e.Value))
			}
			if strings.HasPrefix(name, "$") {
				return "", mongoerror.New(28822, "includeArrayIndex option to $unwind stage should not be prefixed with a '$': %s", name)
			}
			if u.index, err = projection.SplitPath(name); err != nil {
				return "", err
			}
		default:
			return "", mongoerror.New(28811, "unrecognized option to $unwind stage: %s", e.Key)
		}
	}
	return path, nil
}

func (u *unwind) open(_ *run, in Iterator) Iterator {
	// document is the one that is being unwound, items what is left of its array, and next the place
	// of the first of them.
	var document bson.D
	var items bson.A
	var next int64
	return func() (bson.D, bool, error) {
		for len(items) == 0 {
			d, ok, err := in()
			if err != nil || !ok {
				return nil, false, err
			}
			v := nested(d, u.path)
			a, isArray := v.(bson.A)
			if isArray && len(a) > 0 {
				document, items, next = d, a, 0
				break
			}
			if isArray || isNullish(v) {
				if !u.preserve {
					continue
				}
				if isArray {
					d = setNested(d, u.path, bsonvalue.Missing)
				}
			}
			return u.number(d, nil), true, nil
		}
		out := u.number(setNested(document, u.path, items[0]), next)
		items, next = items[1:], next+1
		return out, true, nil
	}
}

func (u *unwind) preserves(field string) bool {
	return field != u.path[0] && (u.index == nil || field != u.index[0])
}

// number sets the place of an element.
func (u *unwind) number(d bson.D, place any) bson.D {
	if u.index == nil {
		return d
	}
	return setNested(d, u.index, place)
}

// isNullish tells null, undefined and missing.
func isNullish(v any) bool {
	switch v.(type) {
	case nil, primitive.Null, primitive.Undefined:
		return true
	}
	return bsonvalue.IsMissing(v)
}
