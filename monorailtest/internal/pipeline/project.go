package pipeline

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/projection"
)

func parseProject(c *Context, v any) (stage, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(15969, "$project specification must be an object")
	}
	p, err := projection.ParseStage(d, c.Scope)
	return newProjected("$project", p, err)
}

// projected is the stage of a projection.
type projected struct {
	transform
	projection *projection.Projection
}

func (p projected) preserves(field string) bool { return p.projection.Preserves(field) }

func newProjected(name string, p *projection.Projection, err error) (stage, error) {
	if err != nil {
		return nil, mongoerror.Because("Invalid "+name, err)
	}
	return projected{p.Apply, p}, nil
}

// parseAddFields parses $addFields and $set.
func parseAddFields(name string) func(c *Context, v any) (stage, error) {
	return func(c *Context, v any) (stage, error) {
		d, ok := v.(bson.D)
		if !ok {
			return nil, mongoerror.New(40272, "%s specification stage must be an object, got %s", name, bsonvalue.TypeName(v))
		}
		p, err := projection.Add(d, c.Scope)
		return newProjected(name, p, err)
	}
}

func parseUnset(_ *Context, v any) (stage, error) {
	var names []string
	switch x := v.(type) {
	case string:
		names = []string{x}
	case bson.A:
		if len(x) == 0 {
			return nil, mongoerror.New(31119, "$unset specification must be a string or an array with at least one field")
		}
		for _, item := range x {
			name, ok := item.(string)
			if !ok {
				return nil, mongoerror.New(31120, "$unset specification must be a string or an array containing only string values")
			}
			names = append(names, name)
		}
	default:
		return nil, mongoerror.New(31002, "$unset specification must be a string or an array")
	}
	p, err := projection.Exclude(names)
	return newProjected("$unset", p, err)
}
