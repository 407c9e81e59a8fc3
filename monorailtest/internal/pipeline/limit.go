package pipeline

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// limit is $limit.
type limit int64

func parseLimit(_ *Context, v any) (stage, error) {
	n, _ := bsonvalue.ToLong(v)
	switch {
	case !bsonvalue.IsNumber(v):
		return nil, mongoerror.New(15957, "the limit must be specified as a number")
	case n <= 0:
		return nil, mongoerror.New(15958, "the limit must be positive")
	}
	return limit(n), nil
}

func (l limit) open(_ *run, in Iterator) Iterator {
	left := int64(l)
	return func() (bson.D, bool, error) {
		if left == 0 {
			return nil, false, nil
		}
		left--
		return in()
	}
}

// skip is $skip.
type skip int64

func parseSkip(_ *Context, v any) (stage, error) {
	n, _ := bsonvalue.ToLong(v)
	switch {
	case !bsonvalue.IsNumber(v):
		return nil, mongoerror.New(15972, "Argument to $skip must be a number not a %s", bsonvalue.TypeName(v))
	case n < 0:
		return nil, mongoerror.New(15956, "Argument to $skip cannot be negative")
	}
	return skip(n), nil
}

func (s skip) open(_ *run, in Iterator) Iterator {
	left := int64(s)
	return func() (bson.D, bool, error) {
		for ; left > 0; left-- {
			if _, ok, err := in(); err != nil || !ok {
				return nil, false, err
			}
		}
		return in()
	}
}

func parseCount(_ *Context, v any) (stage, error) {
	name, ok := v.(string)
	switch {
	case !ok:
		return nil, mongoerror.New(40156, "the count field must be a non-empty string")
	case name == "":
		return nil, mongoerror.New(40157, "the count field must be a non-empty string")
	case name[0] == '$':
		return nil, mongoerror.New(40158, "the count field cannot be a $-prefixed path")
	case strings.IndexByte(name, 0) >= 0:
		return nil, mongoerror.New(40159, "the count field cannot contain a null byte")
	case strings.Contains(name, "."):
		return nil, mongoerror.New(40160, "the count field cannot contain '.'")
	}
	return collector(func(r *run, in Iterator) ([]bson.D, error) {
		var n int64
		err := r.each(in, func(bson.D) error {
			n++
			return nil
		})
		if n == 0 || err != nil {
			return nil, err
		}
		return []bson.D{{{Key: name, Value: shortest(n)}}}, nil
	}), nil
}

// shortest returns an int32 where the number fits.
func shortest(n int64) any {
	if n == int64(int32(n)) {
		return int32(n)
	}
	return n
}
