package pipeline

import (
	"slices"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// match is $match.
type match struct{ filter *query.Filter }

func parseMatch(c *Context, v any) (stage, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(15959, "the match filter must be an expression in an object")
	}
	if hasOperator(d, "$near", "$nearSphere", "$geoNear") {
		return nil, mongoerror.New(mongoerror.BadValue, "$geoNear, $near, and $nearSphere are not allowed in this context")
	}
	f, err := parseFilter(c, d)
	return match{f}, err
}

// hasOperator tells whether one of the operators is at any place in a filter.
func hasOperator(v any, operators ...string) bool {
	switch x := v.(type) {
	case bson.D:
		return slices.ContainsFunc(x, func(e bson.E) bool { return slices.Contains(operators, e.Key) || hasOperator(e.Value, operators...) })
	case bson.A:
		return slices.ContainsFunc(x, func(item any) bool { return hasOperator(item, operators...) })
	}
	return false
}

func (m match) open(_ *run, in Iterator) Iterator {
	return func() (bson.D, bool, error) {
		for {
			d, ok, err := in()
			if err != nil || !ok {
				return nil, false, err
			}
			if ok, err = m.filter.Match(d); err != nil || ok {
				return d, ok, err
			}
		}
	}
}
