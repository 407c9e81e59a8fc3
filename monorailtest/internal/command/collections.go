package command

import (
	"context"
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// createCollection answers create. Capped collections, views, validators and collations are
// refused.
func createCollection(ctx context.Context, s *State, r *Request) (bson.D, error) {
	name, err := collectionName(r)
	if err != nil {
		return nil, err
	}
	err = eachField(r, func(key string, v bson.RawValue) (bool, error) {
		switch key {
		case "create", "autoIndexId", "idIndex", "storageEngine", "indexOptionDefaults", "flags":
		case "capped":
			if set, _ := loose(v, "create.capped"); set {
				return true, notImplemented("a capped collection")
			}
		case "size", "max":
			return true, mongoerror.New(mongoerror.InvalidOptions,
				"the 'capped' field needs to be true when either the 'size' or 'max' fields are present")
		case "collation":
			return true, collation(v, "create.collation")
		case "validator", "validationLevel", "validationAction", "viewOn", "pipeline":
			return true, notImplemented("option '" + key + "' of a collection")
		default:
			return false, nil
		}
		return true, nil
	}, nil)
	if err != nil {
		return nil, err
	}
	return bson.D{}, patiently(ctx, r, func() error {
		_, err := s.data(r).Create(r.Database, name, bson.D{})
		return err
	})
}

// dropCollection answers drop.
func dropCollection(ctx context.Context, s *State, r *Request) (bson.D, error) {
	name, err := collectionName(r)
	if err != nil {
		return nil, err
	}
	if err := eachField(r, func(key string, _ bson.RawValue) (bool, error) { return key == "drop", nil }, nil); err != nil {
		return nil, err
	}
	indexes := 0
	err = patiently(ctx, r, func() error {
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
	return bson.D{{Key: "nIndexesWas", Value: int32(indexes)}, {Key: "ns", Value: r.Database + "." + name}}, nil
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
			nameOnly, err = loose(v, "listCollections.nameOnly")
		case "filter":
			if v.Type != bson.TypeEmbeddedDocument {
				return true, mongoerror.New(mongoerror.BadValue, "\"filter\" must be an object")
			}
			filter, err = bsonvalue.Decode(v.Document())
		case "cursor":
			options.batchSize, err = parseCursorOption(v)
		default:
			return false, nil
		}
		return true, err
	}, nil)
	if err != nil {
		return nil, err
	}
	f, err := query.Parse(filter)
	if err != nil {
		return nil, err
	}
	var docs []bson.D
	for _, c := range s.Store.Collections(r.Database) {
		d := bson.D{{Key: "name", Value: c.Name}, {Key: "type", Value: "collection"}}
		if !nameOnly {
			d = append(d, bson.E{Key: "options", Value: c.Collection.Options().Document},
				bson.E{Key: "info", Value: bson.D{{Key: "readOnly", Value: false}, {Key: "uuid", Value: c.Collection.UUID}}},
				bson.E{Key: "idIndex", Value: c.Collection.Indexes()[0].Document})
		}
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
	case strings.HasPrefix(toName, "system."):
		return nil, mongoerror.New(mongoerror.IllegalOperation, "error with target namespace: cannot write to '%s'", to)
	case strings.Contains(toName, "$"):
		return nil, mongoerror.New(mongoerror.IllegalOperation, "error with target namespace: invalid collection name")
	case from == to:
		return nil, mongoerror.New(mongoerror.IllegalOperation, "Can't rename a collection to itself")
	}
	return bson.D{}, patiently(ctx, r, func() error { return s.Store.Rename(database, name, toDatabase, toName, replace) })
}
