package pipeline

import (
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/projection"
)

// field returns the value of a field, or bsonvalue.Missing.
func field(d bson.D, name string) any {
	for i := range d {
		if d[i].Key == name {
			return d[i].Value
		}
	}
	return bsonvalue.Missing
}

// nested returns the value at a path that leads through documents only.
func nested(d bson.D, path []string) any {
	for ; len(path) > 1; path = path[1:] {
		inner, ok := field(d, path[0]).(bson.D)
		if !ok {
			return bsonvalue.Missing
		}
		d = inner
	}
	return field(d, path[0])
}

// setNested returns a copy of d with the value at a path, which it makes documents for where there are
// none. Missing takes the field out.
func setNested(d bson.D, path []string, v any) bson.D {
	out := append(make(bson.D, 0, len(d)+1), d...)
	if len(path) > 1 {
		inner, _ := field(d, path[0]).(bson.D)
		v = setNested(inner, path[1:], v)
	}
	return projection.Set(out, path[0], v)
}

// visit calls f with every value at a path: those of the elements of an array at its end, and of all
// the documents in an array on the way. A number on the way is a place in an array.
func visit(d bson.D, path []string, f func(v any)) {
	v := field(d, path[0])
	path = path[1:]
	for len(path) > 0 {
		a, ok := v.(bson.A)
		if !ok {
			break
		}
		i, ok := place(path[0])
		if !ok {
			break
		}
		v, path = bsonvalue.Missing, path[1:]
		if i < len(a) {
			v = a[i]
		}
	}
	switch x := v.(type) {
	case bson.A:
		for _, item := range x {
			if len(path) == 0 {
				f(item)
			} else if inner, ok := item.(bson.D); ok {
				visit(inner, path, f)
			}
		}
		return
	case bson.D:
		if len(path) > 0 {
			visit(x, path, f)
			return
		}
	}
	if len(path) == 0 && !bsonvalue.IsMissing(v) {
		f(v)
	}
}

// place reads a number of digits only; zeros may stand before it.
func place(name string) (int, bool) {
	if strings.Trim(name, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(name)
	return n, err == nil
}

// isPlace tells a part of a path that may be a place in an array.
func isPlace(part string) bool {
	_, ok := place(part)
	return ok
}
