package command

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/pipeline"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

const (
	// viewsCollection holds the views of a database, as in MongoDB: {_id: namespace, viewOn, pipeline, collation}.
	viewsCollection = "system.views"
	// maxViewDepth is how many views may stand on each other.
	maxViewDepth = 20
)

// Codes of views that cannot be.
const (
	codeGraphContainsCycle = 5
	codeViewDepthExceeded  = 165
	codeNotSupportedOnView = 167
)

// view is what stands in viewsCollection.
type view struct {
	// document is the record.
	document *store.Document
	on       string
	pipeline bson.A
	// collation is that of the view; nil for byte by byte.
	collation *collation.Collation
}

// viewOf returns the view of that name, nil if there is none.
func viewOf(data *store.Store, database, name string) (*view, error) {
	views := data.Collection(database, viewsCollection)
	if views == nil {
		return nil, nil
	}
	f, err := query.Parse(bson.D{{Key: "_id", Value: database + "." + name}})
	if err != nil {
		return nil, err
	}
	d, err := newMatcher(views, f, store.Hint{}).next()
	if d == nil || err != nil {
		return nil, err
	}
	return newView(d)
}

func newView(d *store.Document) (*view, error) {
	v := &view{document: d}
	v.on, _ = store.Field(d.Fields, "viewOn").(string)
	v.pipeline, _ = store.Field(d.Fields, "pipeline").(bson.A)
	spec, _ := store.Field(d.Fields, "collation").(bson.D)
	var err error
	v.collation, err = collation.Parse(spec)
	return v, err
}

// options are how listCollections shows the view.
func (v *view) options() bson.D {
	out := bson.D{{Key: "viewOn", Value: v.on}, {Key: "pipeline", Value: v.pipeline}}
	if v.collation != nil {
		out = append(out, bson.E{Key: "collation", Value: v.collation.Document()})
	}
	return out
}

// resolveView returns the collection that a name stands for, and, where it is that of a view, the
// stages that make the view of it. view is nil for a collection.
func resolveView(data *store.Store, database, name string) (base string, stages []bson.D, found *view, err error) {
	for depth := 0; ; depth++ {
		if data.Collection(database, name) != nil {
			return name, stages, found, nil
		}
		v, err := viewOf(data, database, name)
		if v == nil || err != nil {
			return name, stages, found, err
		}
		if depth >= maxViewDepth {
			return "", nil, nil, mongoerror.New(codeViewDepthExceeded, "View depth too deep or view cycle detected; maximum depth is %d", maxViewDepth)
		}
		if found == nil {
			found = v
		}
		var own []bson.D
		for _, stage := range v.pipeline {
			d, _ := stage.(bson.D)
			own = append(own, d)
		}
		stages, name = append(own, stages...), v.on
	}
}

// checkNoView fails with CommandNotSupportedOnView (166) where the name is that of a view.
func (s *State) checkNoView(r *Request, name string) error {
	data := s.data(r)
	if data.Collection(r.Database, name) != nil {
		return nil
	}
	v, err := viewOf(data, r.Database, name)
	if v == nil || err != nil {
		return err
	}
	return mongoerror.New(mongoerror.CommandNotSupportedOnView, "Namespace %s.%s is a view, not a collection", r.Database, name)
}

// onView answers a reading command on a view by an aggregation with the stages, or returns nil where
// the name is not that of a view. The fields of the aggregation that are not the same for all come
// in arguments.
func (s *State) onView(ctx context.Context, r *Request, name string, stages bson.A, arguments bson.D) (bson.D, error) {
	data := s.reads(r)
	if data.Collection(r.Database, name) != nil {
		return nil, nil
	}
	if v, err := viewOf(data, r.Database, name); v == nil || err != nil {
		return nil, err
	}
	body := append(bson.D{{Key: "aggregate", Value: name}, {Key: "pipeline", Value: stages}}, arguments...)
	request := *r
	request.Name, request.Body, request.Sequences = "aggregate", bsonvalue.Encode(body), nil
	return aggregate(ctx, s, &request)
}

// checkView refuses a view that cannot be.
func (s *State) checkView(r *Request, name string, on string, stages bson.A, c *collation.Collation) error {
	namespace := r.Database + "." + name
	list := make([]bson.D, len(stages))
	for i, stage := range stages {
		d, ok := stage.(bson.D)
		if !ok {
			return mongoerror.New(mongoerror.TypeMismatch, "Each element of the 'pipeline' array must be an object")
		}
		list[i] = d
	}
	for i, stage := range list {
		if len(stage) == 1 && (stage[0].Key == "$out" || stage[0].Key == "$merge") {
			return mongoerror.New(codeNotSupportedOnView, "Invalid pipeline for view %s :: caused by :: The aggregation stage %s in location %d "+
				"of the pipeline cannot be used in the view definition of %s because it writes to disk", namespace, stage[0].Key, i, namespace)
		}
	}
	// What the stages mean is seen by making a pipeline of them.
	in := &pipeline.Context{Host: &host{state: s, request: r}, Namespace: pipeline.Namespace{Database: r.Database, Collection: on},
		Collation: c, Scope: s.scope(c)}
	if _, err := pipeline.Parse(in, list); err != nil {
		return err
	}
	return s.checkViewGraph(r, name, append([]string{on}, referenced(list)...), c)
}

// referenced returns the collections that the stages of a view read beside its own.
func referenced(stages []bson.D) []string {
	var out []string
	for _, stage := range stages {
		if len(stage) != 1 {
			continue
		}
		argument, _ := stage[0].Value.(bson.D)
		switch stage[0].Key {
		case "$lookup", "$graphLookup":
			if from, ok := store.Field(argument, "from").(string); ok {
				out = append(out, from)
			}
		case "$unionWith":
			if from, ok := stage[0].Value.(string); ok {
				out = append(out, from)
			} else if from, ok := store.Field(argument, "coll").(string); ok {
				out = append(out, from)
			}
		}
	}
	return out
}

// checkViewGraph refuses views that stand on themselves, that are too deep, or that compare otherwise
// than the views they stand on.
func (s *State) checkViewGraph(r *Request, name string, on []string, c *collation.Collation) error {
	data := s.data(r)
	var visit func(at string, depth int) error
	visit = func(at string, depth int) error {
		if at == name {
			return mongoerror.New(codeGraphContainsCycle, "View cycle detected: %s.%s", r.Database, name)
		}
		if depth > maxViewDepth {
			return mongoerror.New(codeViewDepthExceeded, "View depth limit exceeded; maximum depth is %d", maxViewDepth)
		}
		v, err := viewOf(data, r.Database, at)
		if v == nil || err != nil {
			return err
		}
		if !collation.Same(v.collation, c) {
			return mongoerror.New(codeNotSupportedOnView, "View %s.%s has conflicting collation with view %s.%s", r.Database, name, r.Database, at)
		}
		stages := make([]bson.D, 0, len(v.pipeline))
		for _, stage := range v.pipeline {
			d, _ := stage.(bson.D)
			stages = append(stages, d)
		}
		for _, next := range append([]string{v.on}, referenced(stages)...) {
			if err := visit(next, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	for _, at := range on {
		if err := visit(at, 1); err != nil {
			return err
		}
	}
	return nil
}
