// Package projection holds the projections of find and findAndModify, and of the stages $project,
// $addFields and $unset: they keep fields, leave fields out, and compute fields.
package projection

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// Projection is a parsed projection. It is immutable and may be shared between goroutines.
type Projection struct {
	root *node
	kind kind
	// after are what is done when the fields have been kept and computed: $slice of find, and the
	// positional operator.
	after []reshaper
	// everything: the projection changes nothing.
	everything bool
	// metadata says that Apply needs a Metadata, sortKey that it is asked for the sort key.
	metadata, sortKey bool
}

// kind says what becomes of the fields that a projection does not name.
type kind int

const (
	// undecided is that of a projection that has told nothing so far.
	undecided kind = iota
	// inclusion keeps the named fields only.
	inclusion
	// exclusion keeps all but the named fields.
	exclusion
	// addition keeps all fields and sets the named ones.
	addition
)

// computer computes a field. It is an expression, or $elemMatch of find.
type computer interface {
	Evaluate(d bson.D, variables ...any) (any, error)
}

// reshaper changes what is left of a document; before is the whole document.
type reshaper interface {
	reshape(before, after bson.D) (bson.D, error)
}

// Everything tells whether the projection changes no document.
func (p *Projection) Everything() bool { return p.everything }

// Preserves tells whether the projection leaves a field, of that name and not a path, as it is.
func (p *Projection) Preserves(name string) bool {
	if p.everything {
		return true
	}
	n := p.root
	if n.children[name] != nil || n.computed[name] != nil || n.kept[name] {
		return false
	}
	return n.named[name] == (p.kind == inclusion)
}

// Apply returns what the projection makes of a document, which is not changed. variables are the
// values of those that the projection's scope defines.
func (p *Projection) Apply(d bson.D, variables ...any) (bson.D, error) {
	if p.everything {
		return d, nil
	}
	out := d
	if p.kind != addition {
		out = p.keep(p.root, d)
	}
	if p.root.computes {
		r := run{d, variables}
		var err error
		if out, err = r.fields(p.root, out); err != nil {
			return nil, err
		}
	}
	for _, a := range p.after {
		var err error
		if out, err = a.reshape(d, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// keep returns what is left of a document below n.
func (p *Projection) keep(n *node, d bson.D) bson.D {
	out := make(bson.D, 0, len(d))
	for _, e := range d {
		if n.kept[e.Key] {
			out = append(out, e)
			continue
		}
		if n.named[e.Key] {
			if p.kind == inclusion {
				out = append(out, e)
			}
			continue
		}
		child := n.children[e.Key]
		if child == nil {
			if p.kind == exclusion {
				out = append(out, e)
			}
			continue
		}
		// What is computed below takes the place of a value that is missing.
		if v := p.keepValue(child, e.Value); child.computes || !bsonvalue.IsMissing(v) {
			out = append(out, bson.E{Key: e.Key, Value: v})
		}
	}
	return out
}

// keepValue returns what is left of a value: of documents, of those in arrays, and of those in arrays
// in them. Other values are not what an inclusion means by a field below.
func (p *Projection) keepValue(n *node, v any) any {
	switch x := v.(type) {
	case bson.D:
		return p.keep(n, x)
	case bson.A:
		out := make(bson.A, 0, len(x))
		for _, item := range x {
			if kept := p.keepValue(n, item); n.computes || !bsonvalue.IsMissing(kept) {
				out = append(out, kept)
			}
		}
		return out
	}
	if p.kind == inclusion {
		return bsonvalue.Missing
	}
	return v
}

// run computes the fields of one document.
type run struct {
	document  bson.D
	variables []any
}

// fields returns d with the fields that n computes.
func (r run) fields(n *node, d bson.D) (bson.D, error) {
	out := append(make(bson.D, 0, len(d)+len(n.order)), d...)
	for _, name := range n.order {
		var v any
		var err error
		if child := n.children[name]; child == nil {
			v, err = n.computed[name].Evaluate(r.document, r.variables...)
		} else if child.computes {
			if err := r.below(child, name, &out); err != nil {
				return nil, err
			}
			continue
		} else {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = Set(out, name, v)
	}
	return out, nil
}

// below has n compute fields of the field of d with a name: of each of them, in a document that has several.
func (r run) below(n *node, name string, d *bson.D) error {
	found := false
	for i := range *d {
		if (*d)[i].Key != name {
			continue
		}
		found = true
		v, err := r.value(n, (*d)[i].Value)
		if err != nil {
			return err
		}
		(*d)[i].Value = v
	}
	if found {
		return nil
	}
	v, err := r.value(n, bsonvalue.Missing)
	*d = Set(*d, name, v)
	return err
}

// value returns v with the fields that n computes: in each of its elements, if it is an array. Any
// other value than a document gives way to one.
func (r run) value(n *node, v any) (any, error) {
	switch x := v.(type) {
	case bson.D:
		return r.fields(n, x)
	case bson.A:
		out := make(bson.A, len(x))
		for i, item := range x {
			var err error
			if out[i], err = r.value(n, item); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return r.fields(n, nil)
}

func valueOf(d bson.D, name string) any {
	for i := range d {
		if d[i].Key == name {
			return d[i].Value
		}
	}
	return bsonvalue.Missing
}

// Set sets a field of d in its place, or at the end if it is new, and takes it out for Missing. It
// changes d and returns it.
func Set(d bson.D, name string, v any) bson.D {
	for i := range d {
		if d[i].Key != name {
			continue
		}
		if bsonvalue.IsMissing(v) {
			return append(d[:i], d[i+1:]...)
		}
		d[i].Value = v
		return d
	}
	if bsonvalue.IsMissing(v) {
		return d
	}
	return append(d, bson.E{Key: name, Value: v})
}
