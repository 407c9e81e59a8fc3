// Package indexkey makes the keys by which documents are indexed and sorted.
package indexkey

import (
	"cmp"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// Key is one entry's key in an index: a value for each of its fields. A key shorter than the
// index has fields is a prefix: it sorts before every longer key that begins with it.
type Key []any

// Field is one field of a sort pattern.
type Field struct {
	// Name is dotted.
	Name       string
	Descending bool
}

// Compare compares two keys by the directions of their index.
func Compare(a, b Key, descending []bool) int {
	for i := range min(len(a), len(b)) {
		if r := bsonvalue.Compare(a[i], b[i]); r != 0 {
			if descending[i] {
				return -r
			}
			return r
		}
	}
	return cmp.Compare(len(a), len(b))
}

// HasPrefix tells whether k begins with values equal to those of prefix, which is not longer.
func (k Key) HasPrefix(prefix Key) bool {
	for i := range prefix {
		if !bsonvalue.Equal(k[i], prefix[i]) {
			return false
		}
	}
	return true
}

// Keys are the keys of one document in one index.
type Keys struct {
	// List has at least one key, and none twice.
	List []Key
	// Present says that the document has any of the fields: a sparse index skips one without.
	Present bool
	// Multikey says that a key came out of an array.
	Multikey bool
}

// Generate makes the keys of a document for an index on the named fields, by the rules of the server's BtreeKeyGenerator: an
// array gives a key for each of its elements, an empty one the key undefined, a missing field the
// key null, and two arrays that do not lie on one path cannot be indexed together (171).
func Generate(d bson.D, paths []Path) (Keys, error) {
	g := generator{}
	fields := make([]pending, len(paths))
	for i, p := range paths {
		fields[i].path = p
	}
	err := g.expand(d, fields)
	return g.Keys, err
}

// Path is a dotted field name, split once.
type Path []string

// NewPath splits a dotted field name.
func NewPath(name string) Path { return strings.Split(name, ".") }

// generator collects the keys of one document.
type generator struct{ Keys }

// pending is what is left to look up for one field: its value is known, or path is to be followed
// in the object at hand.
type pending struct {
	path  []string
	value any
	known bool
}

// expand looks up what is pending in d, and recurs into the one array it may meet.
func (g *generator) expand(d bson.D, in []pending) error {
	fields := make([]pending, len(in))
	copy(fields, in)
	array, name := bson.A(nil), ""
	found := false
	for i := range fields {
		f := &fields[i]
		if f.known {
			continue
		}
		at := follow(d, f)
		if f.known {
			g.Present = g.Present || !bsonvalue.IsMissing(f.value)
			continue
		}
		where := strings.Join(at, ".")
		if found && where != name {
			return mongoerror.New(mongoerror.CannotIndexParallelArrays, "cannot index parallel arrays [%s] [%s]", at[len(at)-1], lastPart(name))
		}
		array, name, found = f.value.(bson.A), where, true
	}
	if !found {
		key := make(Key, len(fields))
		for i := range fields {
			if key[i] = fields[i].value; bsonvalue.IsMissing(key[i]) {
				key[i] = nil
			}
		}
		g.add(key)
		return nil
	}
	g.Multikey = true
	g.Present = true
	return g.expandArray(array, fields)
}

func lastPart(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// follow goes down the path of f from d. It ends with the value known, or at an array, which is
// left in f.value with the rest of the path in f.path; the parts gone through are returned.
func follow(d bson.D, f *pending) (through []string) {
	path := f.path
	for i := range path {
		v := field(d, path[i])
		rest := path[i+1:]
		if _, ok := v.(bson.A); ok {
			f.value, f.path = v, rest
			return path[:i+1]
		}
		if len(rest) == 0 {
			f.value, f.known = v, true
			return nil
		}
		next, ok := v.(bson.D)
		if !ok {
			f.value, f.known = bsonvalue.Missing, true
			return nil
		}
		d = next
	}
	return nil
}

// expandArray makes keys for every element of the array at which the fields that are not yet
// known stand.
func (g *generator) expandArray(a bson.A, fields []pending) error {
	if len(a) == 0 {
		next := make([]pending, len(fields))
		for i, f := range fields {
			if !f.known {
				f.value, f.known = any(nil), true
				if len(f.path) == 0 {
					f.value = primitive.Undefined{}
				}
			}
			next[i] = f
		}
		return g.expand(nil, next)
	}
	for index, element := range a {
		next := make([]pending, len(fields))
		d, isDocument := element.(bson.D)
		for i, f := range fields {
			if err := ambiguous(a, d, f); err != nil {
				return err
			}
			next[i] = elementOf(a, index, element, isDocument, f)
		}
		if err := g.expand(d, next); err != nil {
			return err
		}
	}
	return nil
}

// CodeAmbiguous is the code of a path whose next part numbers an element of an array and names a
// field of one of its documents.
const CodeAmbiguous = 16746

func ambiguous(a bson.A, d bson.D, f pending) error {
	if f.known || len(f.path) == 0 || d == nil || bsonvalue.IsMissing(field(d, f.path[0])) {
		return nil
	}
	if i, err := strconv.Atoi(f.path[0]); err != nil || i < 0 || i >= len(a) {
		return nil
	}
	return mongoerror.New(CodeAmbiguous, "Ambiguous field name found in array (do not use numeric field names in "+
		"embedded elements in an array), field: '%s' for array: %s", f.path[0], bsonvalue.Format(a))
}

// elementOf says what is left to look up for a field in one element of the array at which it
// stands.
func elementOf(a bson.A, index int, element any, isDocument bool, f pending) pending {
	if f.known {
		return f
	}
	if len(f.path) == 0 {
		return pending{value: element, known: true}
	}
	if position, err := strconv.Atoi(f.path[0]); err == nil && position >= 0 && position < len(a) {
		// The next part of the path numbers an element: that one is meant, for every key.
		if len(f.path) == 1 {
			return pending{value: a[position], known: true}
		}
		p := pending{path: f.path[1:]}
		if d, ok := a[position].(bson.D); ok {
			follow(d, &p)
		}
		if !p.known {
			p.value, p.known = bsonvalue.Missing, true
		}
		return p
	}
	if !isDocument {
		return pending{value: bsonvalue.Missing, known: true}
	}
	return pending{path: f.path}
}

// add appends a key unless the document has it already.
func (g *generator) add(k Key) {
	for _, other := range g.List {
		if len(other) == len(k) && other.HasPrefix(k) {
			return
		}
	}
	g.List = append(g.List, k)
}

// field returns the first field of that name, or bsonvalue.Missing.
func field(d bson.D, name string) any {
	for i := range d {
		if d[i].Key == name {
			return d[i].Value
		}
	}
	return bsonvalue.Missing
}
