package pipeline

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// The values of the variables of $redact.
const (
	redactKeep    = "keep"
	redactDescend = "descend"
	redactPrune   = "prune"
)

// redact is $redact.
type redact struct{ expression expression.Expression }

func parseRedact(c *Context, v any) (stage, error) {
	s := c.Scope.Define("CURRENT").WithConstant("KEEP", redactKeep).WithConstant("DESCEND", redactDescend).WithConstant("PRUNE", redactPrune)
	e, err := expression.Parse(v, s)
	return redact{e}, err
}

func (x redact) open(_ *run, in Iterator) Iterator {
	return func() (bson.D, bool, error) {
		for {
			d, ok, err := in()
			if err != nil || !ok {
				return nil, false, err
			}
			out, keep, err := x.document(d, d)
			if err != nil || keep {
				return out, keep, err
			}
		}
	}
}

// document returns what is left of d, which lies in root.
func (x redact) document(d, root bson.D) (bson.D, bool, error) {
	v, err := x.expression.Evaluate(root, d)
	if err != nil {
		return nil, false, err
	}
	switch v {
	case redactKeep:
		return d, true, nil
	case redactPrune:
		return nil, false, nil
	case redactDescend:
	default:
		return nil, false, mongoerror.New(17053, "$redact's expression should not return anything aside from the variables $$KEEP, $$DESCEND, and $$PRUNE, but returned %s", show(v))
	}
	out := make(bson.D, 0, len(d))
	for _, e := range d {
		v, err := x.value(e.Value, root)
		if err != nil {
			return nil, false, err
		}
		if !bsonvalue.IsMissing(v) {
			out = append(out, bson.E{Key: e.Key, Value: v})
		}
	}
	return out, true, nil
}

// value returns what is left of a value, Missing for nothing.
func (x redact) value(v any, root bson.D) (any, error) {
	switch y := v.(type) {
	case bson.D:
		out, keep, err := x.document(y, root)
		if !keep || err != nil {
			return bsonvalue.Missing, err
		}
		return out, nil
	case bson.A:
		out := make(bson.A, 0, len(y))
		for _, item := range y {
			kept, err := x.value(item, root)
			if err != nil {
				return nil, err
			}
			if !bsonvalue.IsMissing(kept) {
				out = append(out, kept)
			}
		}
		return out, nil
	}
	return v, nil
}
