package command

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/pipeline"
)

// eventStages parses the stages behind $changeStream. What it returns passes one event through them, and tells whether it
// comes out.
func eventStages(ctx context.Context, s *State, r *Request, a *aggregation) (func(event bson.D) (bson.D, bool, error), error) {
	behind := *a
	behind.stages = a.stages[1:]
	h := &host{state: s, request: r, ctx: ctx}
	c, stages, err := h.context(&behind)
	if err != nil {
		return nil, err
	}
	switch c.Namespace.Collection {
	case "":
		c.Namespace.Collection = "$cmd.aggregate" // the stages do not ask for one
	case a.name:
	default:
		return nil, mongoerror.New(codeNotSupportedOnView, "$changeStream is not supported on views")
	}
	p, err := pipeline.Parse(c, stages)
	if err != nil {
		return nil, err
	}
	return func(event bson.D) (bson.D, bool, error) {
		ok, err := p.Filter().Match(event)
		if err != nil || !ok {
			return nil, false, err
		}
		given := false
		return p.Open(context.Background, func() (bson.D, bool, error) {
			first := !given
			given = true
			return event, first, nil
		}, false)()
	}, nil
}
