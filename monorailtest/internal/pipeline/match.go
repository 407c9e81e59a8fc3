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
	if hasNear(d) {
		return nil, mongoerror.New(mongoerror.BadValue, "$geoNear, $near, and $nearSphere are not allowed in this context")
	}
	f, err := parseFilter(c, d)
	return match{f}, err
}

// hasNear tells whether a filter has a condition that also sorts, which $match must not have.
func hasNear(v any) bool {
	switch x := v.(type) {
	case bson.D:
		for _, e := range x {
			if e.Key == "$near" || e.Key == "$nearSphere" || e.Key == "$geoNear" || hasNear(e.Value) {
				return true
			}
		}
	case bson.A:
		return slices.ContainsFunc(x, hasNear)
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
