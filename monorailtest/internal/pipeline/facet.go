package pipeline

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// facet is $facet: several pipelines over the same documents.
type facet struct {
	names     []string
	pipelines []*Pipeline
}

// facets reads the argument of $facet.
func facets(v any) (names []string, pipelines [][]bson.D, err error) {
	d, ok := v.(bson.D)
	if !ok || len(d) == 0 {
		return nil, nil, mongoerror.New(40169, "the $facet specification must be a non-empty object, but found: $facet: %s", show(v))
	}
	for _, e := range d {
		if err := checkFieldName(e.Key); err != nil {
			return nil, nil, err
		}
		list, ok := e.Value.(bson.A)
		if !ok {
			return nil, nil, mongoerror.New(40170, "arguments to $facet must be arrays, %s is type %s", e.Key, bsonvalue.TypeName(e.Value))
		}
		stages := make([]bson.D, len(list))
		for i, item := range list {
			if stages[i], ok = item.(bson.D); !ok {
				return nil, nil, mongoerror.New(40171, "elements of arrays in $facet spec must be non-empty objects, %s argument contained an element of type %s: %s",
					e.Key, bsonvalue.TypeName(item), show(item))
			}
		}
		names, pipelines = append(names, e.Key), append(pipelines, stages)
	}
	return names, pipelines, nil
}

// checkFieldName checks the name of one field.
func checkFieldName(name string) error {
	switch {
	case name == "":
		return mongoerror.New(15998, "FieldPath field names may not be empty strings.")
	case name[0] == '$':
		return mongoerror.New(16410, "FieldPath field names may not start with '$'.")
	case strings.IndexByte(name, 0) >= 0:
		return mongoerror.New(16411, "FieldPath field names may not contain '\\0'.")
	case strings.Contains(name, "."):
		return mongoerror.New(16412, "FieldPath field names may not contain '.'.")
	}
	return nil
}

func checkFacet(c *Context, v any) error {
	_, pipelines, err := facets(v)
	if err != nil {
		return err
	}
	for _, stages := range pipelines {
		if err := checkStages(c, stages); err != nil {
			return err
		}
	}
	return nil
}

func parseFacet(c *Context, v any) (stage, error) {
	names, pipelines, err := facets(v)
	if err != nil {
		return nil, err
	}
	f := &facet{names: names}
	for _, stages := range pipelines {
		p, err := parseInner(c, stages, func(name string, k *kind) error {
			if k.notInFacet {
				return mongoerror.New(40600, "%s is not allowed to be used within a $facet stage", name)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		f.pipelines = append(f.pipelines, p)
	}
	return f, nil
}

// open reads the documents once and holds them; the limit is that of the result, which is one document.
func (f *facet) open(r *run, in Iterator) Iterator {
	return later(func() ([]bson.D, error) {
		documents, err := r.all(in)
		if err != nil {
			return nil, err
		}
		out, size := make(bson.D, len(f.names)), 0
		for i, p := range f.pipelines {
			found := bson.A{}
			head := match{p.filter}
			err := r.each(p.Open(r.ctx, head.open(r, List(documents)), false), func(d bson.D) error {
				if size += sizeOf(d); size > maxIntermediate {
					return mongoerror.New(4031700, "document constructed by $facet is %d bytes, which exceeds the limit of %d bytes", size, maxIntermediate)
				}
				found = append(found, d)
				return nil
			})
			if err != nil {
				return nil, err
			}
			out[i] = bson.E{Key: f.names[i], Value: found}
		}
		return []bson.D{out}, nil
	})
}
