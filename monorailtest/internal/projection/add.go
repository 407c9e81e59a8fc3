package projection

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// Add parses the argument of $addFields and $set: fields to compute, among all the others. A
// document that is no expression names the fields below.
func Add(d bson.D, s *expression.Scope) (*Projection, error) {
	c := &conflicts{specification: d}
	if len(d) == 0 {
		return nil, mongoerror.New(40177, "specification must have at least one field")
	}
	for _, e := range d {
		path, err := SplitPath(e.Key)
		if err != nil {
			return nil, err
		}
		if err := c.check(path, e.Value); err != nil {
			return nil, err
		}
	}
	p := &Projection{root: newNode(), kind: addition}
	for _, e := range d {
		path, _ := SplitPath(e.Key)
		if err := p.add(path, e.Value, s); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *Projection) add(path []string, v any, s *expression.Scope) error {
	if inner, ok := v.(bson.D); ok && !strings.HasPrefix(inner[0].Key, "$") {
		for _, e := range inner {
			if err := p.add(append(slices.Clip(path), e.Key), e.Value, s); err != nil {
				return err
			}
		}
		return nil
	}
	x, err := expression.Parse(v, s)
	if err != nil {
		return err
	}
	return p.root.compute(path, x)
}

// conflicts looks for paths of which one begins with another.
type conflicts struct {
	specification bson.D
	seen          []string
}

func (c *conflicts) check(path []string, v any) error {
	d, ok := v.(bson.D)
	if !ok {
		return c.take(strings.Join(path, "."))
	}
	if len(d) == 0 {
		return mongoerror.New(40180, "an empty object is not a valid value. Found empty object at path %s", strings.Join(path, "."))
	}
	for _, e := range d {
		switch {
		case strings.HasPrefix(e.Key, "$"):
			if len(d) != 1 {
				return mongoerror.New(40181, "an expression specification must contain exactly one field, the name of the expression. "+
					"Found %d fields in %s, while parsing object %s", len(d), bsonvalue.Format(d), bsonvalue.Format(c.specification))
			}
			return c.take(strings.Join(path, "."))
		case strings.Contains(e.Key, "."):
			return mongoerror.New(40183, "cannot use dotted field name '%s' in a sub object: %s", e.Key, bsonvalue.Format(c.specification))
		}
		if _, err := SplitPath(e.Key); err != nil {
			return err
		}
		if err := c.check(append(slices.Clip(path), e.Key), e.Value); err != nil {
			return err
		}
	}
	return nil
}

func (c *conflicts) take(path string) error {
	for _, other := range c.seen {
		if other == path || strings.HasPrefix(path, other+".") || strings.HasPrefix(other, path+".") {
			return mongoerror.New(40176, "specification contains two conflicting paths. Cannot specify both '%s' and '%s': %s",
				path, other, bsonvalue.Format(c.specification))
		}
	}
	c.seen = append(c.seen, path)
	return nil
}
