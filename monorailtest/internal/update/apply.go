package update

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// resolved returns the children of o with the positional one under the index it stands for.
func (o *objectNode) resolved(c *context, path string) ([]string, map[string]node, error) {
	if o.positional == nil {
		return o.names, o.children, nil
	}
	if c.index < 0 {
		return nil, nil, mongoerror.New(mongoerror.BadValue, "The positional operator did not find the match needed from the query.")
	}
	name := itoa(c.index)
	children := map[string]node{name: o.positional}
	names := []string{name}
	for _, n := range o.names {
		if n == name {
			merged, err := merge(o.positional, o.children[n], join(path, name))
			if err != nil {
				return nil, nil, err
			}
			children[n] = merged
			continue
		}
		children[n] = o.children[n]
		names = insertSorted(names, n)
	}
	return names, children, nil
}

func (o *objectNode) apply(c *context, v any, path string) (any, bool, error) {
	names, children, err := o.resolved(c, path)
	if err != nil {
		return nil, false, err
	}
	switch x := v.(type) {
	case bson.D:
		out, err := applyToDocument(c, x, path, names, children)
		return out, false, err
	case bson.A:
		out, err := applyToArray(c, x, path, names, children)
		return out, false, err
	}
	for _, name := range names {
		if err := blocked(c, children[name], v, path, name); err != nil {
			return nil, false, err
		}
	}
	return v, false, nil
}

// blocked is the error of an update whose path goes through a value that has no fields; nil where
// that is passed over.
func blocked(c *context, n node, v any, path, name string) error {
	switch {
	case n.creates(c):
		return mongoerror.New(mongoerror.PathNotViable, "Cannot create field '%s' in element {%s: %s}",
			name, lastName(path), bsonvalue.Format(v))
	case n.tolerant(c):
		return nil
	}
	return mongoerror.New(mongoerror.PathNotViable, "Cannot use the part (%s) of (%s) to traverse the element ({%s: %s})",
		name, join(path, name), lastName(path), bsonvalue.Format(v))
}

func applyToDocument(c *context, d bson.D, path string, names []string, children map[string]node) (bson.D, error) {
	out := append(make(bson.D, 0, len(d)+len(names)), d...)
	for _, name := range names {
		child, at := children[name], join(path, name)
		i := position(out, name)
		if i < 0 {
			v, created, err := child.create(c, at)
			if err != nil {
				return nil, err
			}
			if created {
				if name[0] == '$' {
					return nil, dollarField(name, at)
				}
				out = append(out, bson.E{Key: name, Value: v})
			}
			continue
		}
		v, removed, err := child.apply(c, out[i].Value, at)
		if err != nil {
			return nil, err
		}
		if removed {
			out = append(out[:i], out[i+1:]...)
			continue
		}
		out[i].Value = v
	}
	return out, nil
}

func position(d bson.D, name string) int {
	for i := range d {
		if d[i].Key == name {
			return i
		}
	}
	return -1
}

func applyToArray(c *context, a bson.A, path string, names []string, children map[string]node) (bson.A, error) {
	out := append(make(bson.A, 0, len(a)+len(names)), a...)
	for _, name := range names {
		child, at := children[name], join(path, name)
		i, numeric := arrayIndex(name)
		if !numeric {
			if err := blocked(c, child, a, path, name); err != nil {
				return nil, err
			}
			continue
		}
		if i < len(out) {
			v, removed, err := child.apply(c, out[i], at)
			if err != nil {
				return nil, err
			}
			if removed {
				// An array keeps its length: what is removed leaves null.
				v = nil
				c.noteNull(at)
			}
			out[i] = v
			continue
		}
		v, created, err := child.create(c, at)
		if err != nil {
			return nil, err
		}
		if !created {
			continue
		}
		if i-len(out) > maxBackfill {
			return nil, mongoerror.New(34, "can't backfill more than %d elements", maxBackfill)
		}
		for len(out) < i {
			out = append(out, nil)
		}
		out = append(out, v)
	}
	return out, nil
}

func (o *objectNode) create(c *context, path string) (any, bool, error) {
	names, children, err := o.resolved(c, path)
	if err != nil {
		return nil, false, err
	}
	var out bson.D
	for _, name := range names {
		v, created, err := children[name].create(c, join(path, name))
		if err != nil {
			return nil, false, err
		}
		if created {
			if name[0] == '$' {
				return nil, false, dollarField(name, join(path, name))
			}
			out = append(out, bson.E{Key: name, Value: v})
		}
	}
	return out, out != nil, nil
}

func (o *objectNode) creates(c *context) bool {
	return o.anyChild(func(n node) bool { return n.creates(c) })
}

func (o *objectNode) tolerant(c *context) bool {
	return !o.anyChild(func(n node) bool { return !n.tolerant(c) })
}

func (o *objectNode) anyChild(is func(n node) bool) bool {
	for _, n := range o.children {
		if is(n) {
			return true
		}
	}
	return o.positional != nil && is(o.positional)
}

func (a *arrayNode) apply(c *context, v any, path string) (any, bool, error) {
	array, ok := v.(bson.A)
	if !ok {
		return nil, false, mongoerror.New(mongoerror.BadValue, "Cannot apply array updates to non-array element %s: %s",
			lastName(path), bsonvalue.Format(v))
	}
	out := append(bson.A(nil), array...)
	if out == nil {
		out = bson.A{}
	}
	for i, element := range array {
		at := join(path, itoa(i))
		var n node
		for _, id := range a.identifiers {
			ok, err := c.filters.matches(id, element)
			if err != nil {
				return nil, false, err
			}
			if !ok {
				continue
			}
			if n == nil {
				n = a.children[id]
				continue
			}
			if n, err = merge(n, a.children[id], at); err != nil {
				return nil, false, err
			}
		}
		if n == nil {
			continue
		}
		v, removed, err := n.apply(c, element, at)
		if err != nil {
			return nil, false, err
		}
		if removed {
			v = nil
			c.noteNull(at)
		}
		out[i] = v
	}
	return out, false, nil
}

func (a *arrayNode) create(_ *context, path string) (any, bool, error) {
	return nil, false, mongoerror.New(mongoerror.BadValue,
		"The path '%s' must exist in the document in order to apply array updates.", path)
}

func (a *arrayNode) creates(*context) bool { return true }

func (a *arrayNode) tolerant(*context) bool { return false }
