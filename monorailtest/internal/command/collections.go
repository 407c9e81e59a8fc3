package command

import (
	"context"
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// dropCollection answers drop, of a collection or a view. The server looks at no other field.
func dropCollection(ctx context.Context, s *State, r *Request) (bson.D, error) {
	v := r.Body.Lookup(r.Name)
	name, ok := v.StringValueOK()
	switch {
	case !ok:
		return nil, mongoerror.New(mongoerror.InvalidNamespace, "collection name has invalid type %s", aliasOf(v.Type))
	case !strings.Contains(name, "$"):
		if err := checkCollection(r.Database, name); err != nil {
			return nil, err
		}
	}
	namespace := r.Database + "." + name
	if s.Store.Collection(r.Database, name) == nil {
		v, err := viewOf(s.Store, r.Database, name)
		if err != nil {
			return nil, err
		}
		if v != nil {
			return bson.D{{Key: "ns", Value: namespace}},
				s.writeViews(ctx, r, false, func(w *store.Writer) error { return w.Delete(v.document) })
		}
	}
	indexes := 0
	err := patiently(ctx, r, func() error {
		if c := s.Store.Collection(r.Database, name); c != nil {
			indexes = len(c.Indexes())
		}
		dropped, err := s.Store.Drop(r.Database, name)
		if dropped == nil && err == nil {
			err = mongoerror.New(mongoerror.NamespaceNotFound, "ns not found")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return bson.D{{Key: "nIndexesWas", Value: int32(indexes)}, {Key: "ns", Value: namespace}}, nil
}

// listCollections answers listCollections: a cursor.
func listCollections(_ context.Context, s *State, r *Request) (bson.D, error) {
	var filter bson.D
	nameOnly := false
	options := cursorOptions{batchSize: -1}
	var err error
	err = eachField(r, func(key string, v bson.RawValue) (bool, error) {
		switch key {
		case "listCollections", "authorizedCollections":
		case "nameOnly":
			x, decodeErr := decodeValue(v)
			nameOnly, err = bsonvalue.Truth(x), decodeErr
		case "filter":
			if v.Type != bson.TypeEmbeddedDocument {
				return true, mongoerror.New(mongoerror.BadValue, "\"filter\" must be an object")
			}
			filter, err = bsonvalue.Decode(v.Document())
		case "cursor":
			options.batchSize, err = parseCursorOption(v)
		}
		// The server looks at no other field.
		return true, err
	}, nil)
	if err != nil {
		return nil, err
	}
	f, err := query.ParseWith(filter, query.Options{Stored: true})
	if err != nil {
		return nil, err
	}
	listed, err := s.listed(r, nameOnly)
	if err != nil {
		return nil, err
	}
	var docs []bson.D
	for _, d := range listed {
		ok, err := f.Match(d)
		if err != nil {
			return nil, err
		}
		if ok {
			docs = append(docs, d)
		}
	}
	return openCursor(s, r, r.Database+".$cmd.listCollections", list(docs, bsonvalue.Encode), options)
}

// listed returns what listCollections lists: the collections, and the views behind them.
func (s *State) listed(r *Request, nameOnly bool) ([]bson.D, error) {
	var out []bson.D
	for _, c := range s.Store.Collections(r.Database) {
		d := bson.D{{Key: "name", Value: c.Name}, {Key: "type", Value: "collection"}}
		if !nameOnly {
			d = append(d, bson.E{Key: "options", Value: c.Collection.Options().Document},
				bson.E{Key: "info", Value: bson.D{{Key: "readOnly", Value: false}, {Key: "uuid", Value: c.Collection.UUID}}},
				bson.E{Key: "idIndex", Value: c.Collection.Indexes()[0].Document})
		}
		out = append(out, d)
	}
	views := s.Store.Collection(r.Database, viewsCollection)
	if views == nil {
		return out, nil
	}
	everything, err := query.Parse(nil)
	if err != nil {
		return nil, err
	}
	documents, err := newMatcher(views, everything, store.Hint{}).all(context.Background())
	if err != nil {
		return nil, err
	}
	for _, document := range documents {
		v, err := newView(document)
		if err != nil {
			return nil, err
		}
		namespace, _ := document.ID().(string)
		d := bson.D{{Key: "name", Value: strings.TrimPrefix(namespace, r.Database+".")}, {Key: "type", Value: "view"}}
		if !nameOnly {
			d = append(d, bson.E{Key: "options", Value: v.options()}, bson.E{Key: "info", Value: bson.D{{Key: "readOnly", Value: true}}})
		}
		out = append(out, d)
	}
	return out, nil
}

// renameCollection answers renameCollection.
func renameCollection(ctx context.Context, s *State, r *Request) (bson.D, error) {
	from, ok := r.Body.Lookup(r.Name).StringValueOK()
	if !ok {
		return nil, mongoerror.New(mongoerror.BadValue, "collection name has invalid type %s", aliasOf(r.Body.Lookup(r.Name).Type))
	}
	to, given, replace := "", false, false
	err := eachField(r, func(key string, v bson.RawValue) (bool, error) {
		switch key {
		case "renameCollection", "stayTemp":
		case "to":
			if to, given = v.StringValueOK(); !given {
				return true, wrongType("renameCollection.to", v.Type, "string")
			}
		case "dropTarget":
			var err error
			replace, err = boolean(v, "renameCollection.dropTarget")
			return true, err
		default:
			return false, nil
		}
		return true, nil
	}, nil)
	if err != nil {
		return nil, err
	}
	if !given {
		return nil, missingField("renameCollection.to")
	}
	database, name, ok := strings.Cut(from, ".")
	if !ok || database == "" || name == "" {
		return nil, mongoerror.New(mongoerror.InvalidNamespace, "Invalid namespace specified '%s'", from)
	}
	toDatabase, toName, ok := strings.Cut(to, ".")
	if !ok || toDatabase == "" || toName == "" {
		return nil, mongoerror.New(mongoerror.InvalidNamespace, "Invalid target namespace: %s", to)
	}
	switch {
	case strings.HasPrefix(name, "system.") && name != "system.js" && name != "system.users":
		return nil, mongoerror.New(mongoerror.IllegalOperation, "error with source namespace: cannot write to '%s'", from)
	case strings.HasPrefix(toName, "system."):
		return nil, mongoerror.New(mongoerror.IllegalOperation, "error with target namespace: cannot write to '%s'", to)
	case strings.Contains(toName, "$"):
		return nil, mongoerror.New(mongoerror.IllegalOperation, "error with target namespace: invalid collection name")
	}
	if err := s.checkRenamed(database, name, toDatabase, toName, replace); err != nil {
		return nil, err
	}
	return bson.D{}, patiently(ctx, r, func() error { return s.Store.Rename(database, name, toDatabase, toName, replace) })
}

// checkRenamed refuses to rename views, and a collection to where it is or where a view is.
func (s *State) checkRenamed(database, name, toDatabase, toName string, replace bool) error {
	same := database == toDatabase && name == toName
	if s.Store.Collection(database, name) == nil {
		v, err := viewOf(s.Store, database, name)
		if err != nil || v == nil {
			return err
		}
		return mongoerror.New(mongoerror.CommandNotSupportedOnView, "cannot rename view: %s.%s", database, name)
	}
	if same && replace {
		return mongoerror.New(mongoerror.IllegalOperation, "cannot rename a collection to itself")
	}
	v, err := viewOf(s.Store, toDatabase, toName)
	if err == nil && v != nil {
		err = mongoerror.New(mongoerror.NamespaceExists, "a view already exists with that name: %s.%s", toDatabase, toName)
	}
	return err
}
