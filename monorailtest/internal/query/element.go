package query

import (
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// path is a dotted field name, split once.
type path []string

func newPath(name string) path { return strings.Split(name, ".") }

// noIndex stands for a value that was found outside every array.
const noIndex = -1

// elements calls yield for the values that a path means in a document, until yield returns false,
// and reports whether it did not. With each value comes its place in the outermost array on the
// way, or noIndex. An array on the way stands for its documents, and for the
// element that the next part of the path numbers. An array at the end stands for its elements and
// then itself if intoLeaf is set, else for itself only. Where an object lacks the field, yield is
// called with Missing. (BSONElementIterator of the server.)
func elements(d bson.D, p path, intoLeaf bool, yield func(v any, index int) bool) bool {
	for i, name := range p {
		v := field(d, name)
		rest := p[i+1:]
		if a, ok := v.(bson.A); ok {
			return arrayElements(a, rest, intoLeaf, yield)
		}
		if len(rest) == 0 {
			return yield(v, noIndex)
		}
		next, ok := v.(bson.D)
		if !ok {
			return yield(bsonvalue.Missing, noIndex)
		}
		d = next
	}
	return true
}

func arrayElements(a bson.A, rest path, intoLeaf bool, yield func(v any, index int) bool) bool {
	if len(rest) == 0 {
		if intoLeaf {
			for i, v := range a {
				if !yield(v, i) {
					return false
				}
			}
		}
		return yield(a, noIndex)
	}
	index, numeric := arrayIndex(rest[0])
	for i, v := range a {
		inside := func(v any, _ int) bool { return yield(v, i) }
		if d, ok := v.(bson.D); ok && !elements(d, rest, intoLeaf, inside) {
			return false
		}
		if !numeric || i != index {
			continue
		}
		if len(rest) == 1 {
			if !yield(v, i) {
				return false
			}
			continue
		}
		switch x := v.(type) {
		case bson.D:
			if !elements(x, rest[1:], intoLeaf, inside) {
				return false
			}
		case bson.A:
			if !arrayElements(x, rest[1:], intoLeaf, inside) {
				return false
			}
		}
	}
	return true
}

// field returns the first field of that name, or Missing.
func field(d bson.D, name string) any {
	for i := range d {
		if d[i].Key == name {
			return d[i].Value
		}
	}
	return bsonvalue.Missing
}

// arrayIndex reads a part of a path as the number of an array element: digits only, without
// leading zeros.
func arrayIndex(s string) (int, bool) {
	if s == "" || len(s) > 1 && s[0] == '0' {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// Values returns the values that a path means in a document, elements of an array at its end one
// by one: what distinct collects.
func Values(d bson.D, name string) []any {
	var out []any
	elements(d, newPath(name), false, func(v any, _ int) bool {
		if a, ok := v.(bson.A); ok {
			out = append(out, a...)
		} else if !bsonvalue.IsMissing(v) {
			out = append(out, v)
		}
		return true
	})
	return out
}
