package store

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

// compareKeys compares by the directions of the index.
func compareKeys(a, b Key, descending []bool) int {
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

// hasPrefix tells whether k begins with values equal to those of prefix.
func (k Key) hasPrefix(prefix Key) bool {
	for i := range prefix {
		if !bsonvalue.Equal(k[i], prefix[i]) {
			return false
		}
	}
	return true
}

// keyGenerator makes the keys of one document, by the rules of the server's BtreeKeyGenerator: an
// array gives a key for each of its elements, an empty one the key undefined, a missing field the
// key null, and two arrays that do not lie on one path cannot be indexed together (171).
type keyGenerator struct {
	names []string
	// present is set once any of the fields was found: a sparse index skips a document without.
	present bool
	// multikey is set once a key came out of an array.
	multikey bool
	keys     []Key
}

// pending is what is left to look up for one field: its value is known, or path is to be followed
// in the object at hand.
type pending struct {
	path  []string
	value any
	known bool
}

func (g *keyGenerator) generate(d bson.D) error {
	fields := make([]pending, len(g.names))
	for i, name := range g.names {
		fields[i].path = strings.Split(name, ".")
	}
	return g.expand(d, fields)
}

// expand looks up what is pending in d, and recurs into the one array it may meet.
func (g *keyGenerator) expand(d bson.D, in []pending) error {
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
			g.present = g.present || !bsonvalue.IsMissing(f.value)
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
	g.multikey = true
	g.present = true
	return g.expandArray(array, fields)
}

func lastPart(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// follow goes down the path of f from d. It ends with the value known, or at an array, which is
// left in f.value with the rest of the path in f.path; the parts gone through are returned.
func follow(d bson.D, f *pending) (through []string) {
	path := f.path
	for i := range path {
		v := Field(d, path[i])
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
func (g *keyGenerator) expandArray(a bson.A, fields []pending) error {
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
			next[i] = elementOf(a, index, element, isDocument, f)
		}
		if err := g.expand(d, next); err != nil {
			return err
		}
	}
	return nil
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
func (g *keyGenerator) add(k Key) {
	for _, other := range g.keys {
		if len(other) == len(k) && other.hasPrefix(k) {
			return
		}
	}
	g.keys = append(g.keys, k)
}
