package command

import (
	"context"
	"math"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"go.mongodb.org/mongo-driver/bson"
)

// parseMaxTime reads maxTimeMS; 0 is no limit, as is an absent field.
func parseMaxTime(v bson.RawValue) (time.Duration, error) {
	if v.Type == 0 {
		return 0, nil
	}
	n, ok := asFloat(v)
	switch {
	case !ok:
		return 0, mongoerror.New(mongoerror.BadValue, "maxTimeMS must be a number")
	case n != math.Trunc(n):
		return 0, mongoerror.New(mongoerror.BadValue, "maxTimeMS has non-integral value")
	case n < 0 || n > math.MaxInt32:
		return 0, mongoerror.New(mongoerror.BadValue, "maxTimeMS is out of range")
	}
	return time.Duration(n) * time.Millisecond, nil
}

// limitTime returns a context that ends when the operation has run for the given time, without limit for 0. The clock
// starts now, when the command starts, whatever it waited for before.
func limitTime(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, limit)
}
