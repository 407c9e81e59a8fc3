// Package projection holds the projections of find and findAndModify.
package projection

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// Codes of errors that have no names.
const (
	codeInclusionInExclusion = 31253
	codeExclusionInInclusion = 31254
	codePathCollision        = 31249
	codePathCollisionBelow   = 31250
	codeDollarField          = 16410
	codeUnknownExpression    = 31325
)

// Projection is a parsed projection. It is immutable and may be shared between goroutines.
type Projection struct {
	root *node
	// include: only the named fields are kept; else the named fields are left out.
	include bool
	// hideID leaves _id out; showID keeps it where the projection excludes by name.
	hideID bool
	// everything: the projection changes nothing.
	everything bool
}

// node is a part of a projection: what becomes of the fields below one name.
type node struct {
	names    []string
	children map[string]*node
	// operator computes the value of the field; nil for a plain inclusion or exclusion.
	operator operator
	// leaf: the field itself is named, not one below it.
	leaf bool
}

// Parse parses a projection. f is the filter of the find. Errors are *mongoerror.Error as of
// MongoDB 4.4; what is not supported is NotImplemented (238).
func Parse(d bson.D, f *query.Filter) (*Projection, error) {
	p := &Projection{root: &node{}}
	if len(d) == 0 {
		p.everything = true
		return p, nil
	}
	decided, operators := false, 0
	decide := func(include bool, name string) error {
		if decided && include != p.include {
			if include {
				return mongoerror.New(codeInclusionInExclusion, "Cannot do inclusion on field %s in exclusion projection", name)
			}
			return mongoerror.New(codeExclusionInInclusion, "Cannot do exclusion on field %s in inclusion projection", name)
		}
		decided, p.include = true, include
		return nil
	}
	idGiven := false
	for _, e := range flatten(d, "") {
		n := &node{leaf: true}
		switch include, plain := inclusion(e.Value); {
		case plain && e.Key == "_id":
			p.hideID, idGiven = !include, true
			if !include {
				continue
			}
			if len(d) == 1 {
				decided, p.include = true, true
			}
			continue
		case plain:
			if err := decide(include, e.Key); err != nil {
				return nil, err
			}
		default:
			op, includes, err := parseOperator(e, f)
			if err != nil {
				return nil, err
			}
			n.operator = op
			operators++
			if includes {
				if err := decide(true, e.Key); err != nil {
					return nil, err
				}
			}
		}
		if err := p.root.add(e.Key, n); err != nil {
			return nil, err
		}
	}
	if !decided && idGiven && !p.hideID && operators > 0 {
		// {_id: 1, a: {$slice: 1}} keeps nothing but what is named.
		p.include = true
	}
	return p, nil
}

// flatten writes {a: {b: 1}} as {"a.b": 1}.
func flatten(d bson.D, prefix string) bson.D {
	var out bson.D
	for _, e := range d {
		name := prefix + e.Key
		if inner, ok := e.Value.(bson.D); ok && len(inner) > 0 && !strings.HasPrefix(inner[0].Key, "$") {
			out = append(out, flatten(inner, name+".")...)
			continue
		}
		out = append(out, bson.E{Key: name, Value: e.Value})
	}
	return out
}

// inclusion reads a plain 0 or 1.
func inclusion(v any) (include, plain bool) {
	if b, ok := v.(bool); ok {
		return b, true
	}
	if bsonvalue.IsNumber(v) {
		return bsonvalue.Truth(v), true
	}
	return false, false
}

func (n *node) add(name string, leaf *node) error {
	parts := strings.Split(name, ".")
	at := n
	for i, part := range parts {
		if err := checkPart(part, name, i == len(parts)-1); err != nil {
			return err
		}
		child := at.children[part]
		last := i == len(parts)-1
		if child == nil {
			child = &node{}
			if last {
				child = leaf
			}
			if at.children == nil {
				at.children = map[string]*node{}
			}
			at.children[part] = child
			at.names = append(at.names, part)
		} else if last {
			return mongoerror.New(codePathCollisionBelow, "Path collision at %s", name)
		} else if child.leaf {
			return mongoerror.New(codePathCollision, "Path collision at %s remaining portion %s", name, strings.Join(parts[i+1:], "."))
		}
		at = child
	}
	return nil
}

func checkPart(part, name string, last bool) error {
	switch {
	case name == "":
		return mongoerror.New(40352, "FieldPath cannot be constructed with empty string")
	case part == "" && last:
		return mongoerror.New(40353, "FieldPath must not end with a '.'.")
	case part == "":
		return mongoerror.New(15998, "FieldPath field names may not be empty strings.")
	case part[0] == '$':
		return mongoerror.New(codeDollarField, "FieldPath field names may not start with '$'.")
	}
	return nil
}

// Everything tells whether the projection changes no document.
func (p *Projection) Everything() bool { return p.everything }

// Apply returns what the projection leaves of a document, which is not changed.
func (p *Projection) Apply(d bson.D) (bson.D, error) {
	if p.everything {
		return d, nil
	}
	out := make(bson.D, 0, len(d))
	for _, e := range d {
		if p.root.children[e.Key].atEnd() {
			continue
		}
		if e.Key == "_id" && p.root.children["_id"] == nil {
			if !p.hideID {
				out = append(out, e)
			}
			continue
		}
		v, keep, err := p.field(p.root, e.Key, e.Value, d)
		if err != nil {
			return nil, err
		}
		if keep {
			out = append(out, bson.E{Key: e.Key, Value: v})
		}
	}
	return p.appendComputed(out, d)
}

// atEnd tells a field whose new value comes behind the others, as those of $elemMatch do.
func (n *node) atEnd() bool {
	if n == nil || n.operator == nil {
		return false
	}
	_, ok := n.operator.(elementMatch)
	return ok
}

func (p *Projection) appendComputed(out, d bson.D) (bson.D, error) {
	for _, name := range p.root.names {
		n := p.root.children[name]
		if !n.atEnd() {
			continue
		}
		for _, e := range d {
			if e.Key != name {
				continue
			}
			v, keep, err := n.operator.apply(e.Value, d)
			if err != nil {
				return nil, err
			}
			if keep {
				out = append(out, bson.E{Key: name, Value: v})
			}
		}
	}
	return out, nil
}

// field returns what is left of the field of that name below n.
func (p *Projection) field(n *node, name string, v any, root bson.D) (any, bool, error) {
	child := n.children[name]
	switch {
	case child == nil:
		return v, !p.include, nil
	case child.operator != nil:
		return child.operator.apply(v, root)
	case child.leaf:
		return v, p.include, nil
	}
	switch x := v.(type) {
	case bson.D:
		out, err := p.below(child, x, root)
		return out, true, err
	case bson.A:
		out, err := p.belowArray(child, x, root)
		return out, true, err
	}
	return v, !p.include, nil
}

func (p *Projection) below(n *node, d bson.D, root bson.D) (bson.D, error) {
	out := make(bson.D, 0, len(d))
	for _, e := range d {
		v, keep, err := p.field(n, e.Key, e.Value, root)
		if err != nil {
			return nil, err
		}
		if keep {
			out = append(out, bson.E{Key: e.Key, Value: v})
		}
	}
	return out, nil
}

// belowArray projects the documents of an array, and those of arrays in it.
func (p *Projection) belowArray(n *node, a bson.A, root bson.D) (bson.A, error) {
	out := make(bson.A, 0, len(a))
	for _, item := range a {
		switch x := item.(type) {
		case bson.D:
			d, err := p.below(n, x, root)
			if err != nil {
				return nil, err
			}
			out = append(out, d)
		case bson.A:
			inner, err := p.belowArray(n, x, root)
			if err != nil {
				return nil, err
			}
			out = append(out, inner)
		default:
			if !p.include {
				out = append(out, item)
			}
		}
	}
	return out, nil
}
