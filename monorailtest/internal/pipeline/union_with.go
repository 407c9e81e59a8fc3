package pipeline

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// unionWith is $unionWith: behind the documents that come to it those of another pipeline.
type unionWith struct{ pipeline *Pipeline }

// union reads the argument of $unionWith.
func union(v any) (name string, stages []bson.D, err error) {
	switch x := v.(type) {
	case string:
		return x, nil, nil
	case bson.D:
		given := false
		for _, e := range x {
			switch e.Key {
			case "coll":
				if name, given = e.Value.(string); !given {
					return "", nil, wrongType("$unionWith.coll", e.Value, "string")
				}
			case "pipeline":
				list, ok := e.Value.(bson.A)
				if !ok {
					return "", nil, wrongType("$unionWith.pipeline", e.Value, "array")
				}
				for _, item := range list {
					d, ok := item.(bson.D)
					if !ok {
						return "", nil, wrongType("$unionWith.pipeline", item, "object")
					}
					stages = append(stages, d)
				}
			default:
				return "", nil, mongoerror.New(codeUnknownField, "BSON field '$unionWith.%s' is an unknown field.", e.Key)
			}
		}
		if !given {
			return "", nil, mongoerror.New(codeMissingField, "BSON field '$unionWith.coll' is missing but a required field")
		}
		return name, stages, nil
	}
	return "", nil, mongoerror.New(mongoerror.FailedToParse, "the $unionWith stage specification must be an object or string, but found %s", bsonvalue.TypeName(v))
}

// wrongType is the error of a field of the wrong type.
func wrongType(path string, v any, want string) error {
	return mongoerror.New(mongoerror.TypeMismatch, "BSON field '%s' is the wrong type '%s', expected type '%s'", path, bsonvalue.TypeName(v), want)
}

func checkUnionWith(c *Context, v any) error {
	_, stages, err := union(v)
	if err != nil {
		return err
	}
	return checkStages(c, stages)
}

func parseUnionWith(c *Context, v any) (stage, error) {
	name, stages, err := union(v)
	if err != nil {
		return nil, err
	}
	n, view, err := c.Host.Resolve(Namespace{c.Namespace.Database, name})
	if err != nil {
		return nil, err
	}
	inner, err := c.inner(n, c.Scope)
	if err != nil {
		return nil, err
	}
	p, err := parseInner(inner, append(append([]bson.D(nil), view...), stages...), func(name string, k *kind) error {
		if k.notInUnion {
			return mongoerror.New(31441, "%s is not allowed within a $unionWith's sub-pipeline", name)
		}
		return nil
	})
	return &unionWith{p}, err
}

func (u *unionWith) open(r *run, in Iterator) Iterator {
	var second Iterator
	return func() (bson.D, bool, error) {
		if second == nil {
			d, ok, err := in()
			if ok || err != nil {
				return d, ok, err
			}
			if second, err = u.pipeline.Read(r.ctx); err != nil {
				return nil, false, err
			}
		}
		return second()
	}
}
