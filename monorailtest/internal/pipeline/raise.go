package pipeline

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
)

// transparent is a stage that a $match behind it can be moved before, as far as it is about fields that
// the stage leaves as they are.
type transparent interface {
	preserves(field string) bool
}

// raise moves the conditions of each $match forward as far as they can go, so that an index may serve
// them, and later stages see fewer documents. The conditions that reach the beginning are taken out and
// returned.
func (p *Pipeline) raise() (bson.D, error) {
	var first bson.A
	var out []stage
	for _, s := range p.stages {
		m, ok := s.(match)
		if !ok {
			out = append(out, s)
			continue
		}
		// at counts the stages that conditions have not passed.
		at := len(out)
		rest := m.filter.Source()
		placed := map[int]bson.D{}
		for at > 0 {
			before, ok := out[at-1].(transparent)
			if !ok {
				break
			}
			var passing, staying bson.D
			for _, e := range rest {
				if fields, ok := fieldsOf(e); ok && !slices.ContainsFunc(fields, func(f string) bool { return !before.preserves(f) }) {
					passing = append(passing, e)
				} else {
					staying = append(staying, e)
				}
			}
			if len(staying) > 0 {
				placed[at] = staying
			}
			if rest = passing; len(rest) == 0 {
				break
			}
			at--
		}
		switch {
		case len(rest) == 0 && len(placed) == 0:
		case at == 0 && len(rest) > 0:
			first = append(first, rest)
		case len(rest) > 0:
			placed[at] = append(rest, placed[at]...)
		}
		if len(placed) == 1 && at == len(out) {
			out = append(out, m)
			continue
		}
		for i := len(out); i > 0; i-- {
			if d := placed[i]; d != nil {
				f, err := parseFilter(p.context, d)
				if err != nil {
					return nil, err
				}
				out = slices.Insert(out, i, stage(match{f}))
			}
		}
	}
	p.stages = out
	switch len(first) {
	case 0:
		return bson.D{}, nil
	case 1:
		return first[0].(bson.D), nil
	}
	return bson.D{{Key: "$and", Value: first}}, nil
}

// fieldsOf returns the fields at the top level that a condition is about; ok is false where that
// cannot be told.
func fieldsOf(e bson.E) (fields []string, ok bool) {
	if !strings.HasPrefix(e.Key, "$") {
		name, _, _ := strings.Cut(e.Key, ".")
		return []string{name}, true
	}
	list, ok := e.Value.(bson.A)
	if !ok || e.Key != "$and" && e.Key != "$or" && e.Key != "$nor" {
		return nil, false
	}
	for _, item := range list {
		d, _ := item.(bson.D)
		for _, inner := range d {
			more, ok := fieldsOf(inner)
			if !ok {
				return nil, false
			}
			fields = append(fields, more...)
		}
	}
	return fields, true
}
