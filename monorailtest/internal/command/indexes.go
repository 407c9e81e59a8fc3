package command

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// createIndexes answers createIndexes. The collection is made if it is missing; either all
// indexes are built or none.
func createIndexes(ctx context.Context, s *State, r *Request) (bson.D, error) {
	name, err := collectionName(r)
	if err != nil {
		return nil, err
	}
	definitions, err := parseCreateIndexes(r, s.Member != nil)
	if err != nil {
		return nil, err
	}
	if err := s.checkIndexed(r, name); err != nil {
		return nil, err
	}
	missing := s.data(r).Collection(r.Database, name) == nil
	var before, after int
	err = write(ctx, s, r, 0, name, true, func(c *store.Collection, w *store.Writer) error {
		before = len(w.Indexes())
		var built []string
		for _, d := range definitions {
			x, err := d.resolve(c.Options())
			exists := false
			if err == nil {
				exists, err = conflicting(x, w.Indexes())
			}
			if exists && !d.onID() && slices.Contains(built, x.Name) {
				err = mongoerror.New(mongoerror.IndexAlreadyExists, "Identical index already exists: %s", x.Name)
			}
			if err == nil && !exists {
				err = r.mayBuild(name, w)
			}
			if err == nil && !exists {
				if err = w.CreateIndex(x); err == nil {
					built = append(built, x.Name)
				}
			}
			if err != nil {
				for _, name := range built {
					if dropErr := w.DropIndex(name); dropErr != nil {
						return dropErr
					}
				}
				return err
			}
		}
		after = len(w.Indexes())
		return nil
	})
	if err != nil {
		return nil, err
	}
	reply := bson.D{{Key: "numIndexesBefore", Value: int32(before)}, {Key: "numIndexesAfter", Value: int32(after)}}
	if before == after {
		return append(reply, bson.E{Key: "note", Value: "all indexes already exist"}), nil
	}
	return append(reply, bson.E{Key: "createdCollectionAutomatically", Value: missing}), nil
}

// mayBuild refuses to build an index in a transaction, except on a collection that the transaction
// has made and that is empty.
func (r *Request) mayBuild(name string, w *store.Writer) error {
	switch {
	case r.transaction == nil:
		return nil
	case !r.transaction.Created(r.Database, name):
		return mongoerror.New(mongoerror.OperationNotSupportedInTransaction,
			"Cannot create new indexes on existing collection %s.%s in a multi-document transaction.", r.Database, name)
	case w.Len() > 0:
		return mongoerror.New(mongoerror.OperationNotSupportedInTransaction,
			"Cannot create new indexes on non-empty collection %s.%s in a multi-document transaction.", r.Database, name)
	}
	return nil
}

// checkIndexed refuses indexes on what is no collection of the user's.
func (s *State) checkIndexed(r *Request, name string) error {
	if err := checkWritable(r.Database, name); err != nil {
		return err
	}
	if r.Database == "config" && name == "transactions" {
		return mongoerror.New(mongoerror.IllegalOperation, "not allowed to create index on config.transactions")
	}
	return s.checkNoView(r, name)
}

func parseCreateIndexes(r *Request, replicated bool) ([]*indexDefinition, error) {
	var list bson.RawValue
	lenient := false
	err := eachField(r, func(key string, v bson.RawValue) (bool, error) {
		switch key {
		case "createIndexes":
		case "ignoreUnknownIndexOptions":
			var ok bool
			if lenient, ok = v.BooleanOK(); !ok {
				return true, mongoerror.New(mongoerror.TypeMismatch,
					"The field 'ignoreUnknownIndexOptions' must be a boolean, but got %s", aliasOf(v.Type))
			}
		case "indexes":
			list = v
		case "commitQuorum":
			if !replicated {
				return true, mongoerror.New(mongoerror.BadValue, "Standalones can't specify commitQuorum")
			}
		default:
			return false, nil
		}
		return true, nil
	}, func(key string) error {
		return mongoerror.New(mongoerror.BadValue, "Invalid field specified for createIndexes command: %s", key)
	})
	switch {
	case err != nil:
		return nil, err
	case list.Type == 0:
		return nil, mongoerror.New(mongoerror.FailedToParse, "The 'indexes' field is a required argument of the createIndexes command")
	case !isArrayType(list):
		return nil, mongoerror.New(mongoerror.TypeMismatch, "The field 'indexes' must be an array, but got %s", aliasOf(list.Type))
	}
	values, err := list.Array().Values()
	if err != nil {
		return nil, mongoerror.New(mongoerror.InvalidBSON, "invalid array of indexes")
	}
	if len(values) == 0 {
		return nil, mongoerror.New(mongoerror.BadValue, "Must specify at least one index to create")
	}
	specs := make([]*indexDefinition, len(values))
	for i, v := range values {
		if specs[i], err = parseIndexSpec(v, lenient); err != nil {
			return nil, err
		}
	}
	return specs, nil
}

// listIndexes answers listIndexes: a cursor.
func listIndexes(_ context.Context, s *State, r *Request) (bson.D, error) {
	name, err := s.readName(r)
	if err != nil {
		return nil, err
	}
	options := cursorOptions{batchSize: -1}
	err = eachField(r, func(key string, v bson.RawValue) (bool, error) {
		switch key {
		case "listIndexes":
		case "cursor":
			options.batchSize, err = parseCursorOption(v)
		}
		// The server looks at no other field.
		return true, err
	}, nil)
	if err != nil {
		return nil, err
	}
	c := s.Store.Collection(r.Database, name)
	if c == nil {
		if err := s.checkNoView(r, name); err != nil {
			return nil, err
		}
		return nil, mongoerror.New(mongoerror.NamespaceNotFound, "ns does not exist: %s.%s", r.Database, name)
	}
	var docs []bson.D
	for _, x := range c.Indexes() {
		docs = append(docs, x.Document)
	}
	return openCursor(s, r, r.Database+"."+name, list(docs, bsonvalue.Encode), options)
}

// parseCursorOption reads the batchSize of a cursor argument; negative for none.
func parseCursorOption(v bson.RawValue) (int, error) {
	raw, ok := v.DocumentOK()
	if !ok {
		return 0, mongoerror.New(mongoerror.TypeMismatch, "cursor field must be missing or an object")
	}
	d, err := bsonvalue.Decode(raw)
	if err != nil {
		return 0, err
	}
	size := -1
	for _, e := range d {
		if e.Key != "batchSize" {
			return 0, mongoerror.New(mongoerror.BadValue, "cursor object can't contain fields other than batchSize")
		}
		if !bsonvalue.IsNumber(e.Value) {
			return 0, mongoerror.New(mongoerror.TypeMismatch, "cursor.batchSize must be a number")
		}
		n, _ := bsonvalue.ToLong(e.Value)
		if n < 0 {
			return 0, mongoerror.New(mongoerror.BadValue, "cursor.batchSize must not be negative")
		}
		size = int(min(n, unlimitedBatch))
	}
	return size, nil
}

// dropIndexes answers dropIndexes: by name, by key, a list of names, or "*" for all but _id.
func dropIndexes(ctx context.Context, s *State, r *Request) (bson.D, error) {
	name, err := collectionName(r)
	if err != nil {
		return nil, err
	}
	// The server looks at no other field, and takes what is no index for none at all.
	var index any
	if v := r.Body.Lookup("index"); v.Type != 0 {
		if index, err = decodeValue(v); err != nil {
			return nil, err
		}
	}
	if err := s.checkNoView(r, name); err != nil {
		return nil, err
	}
	before := 0
	err = write(ctx, s, r, 0, name, false, func(c *store.Collection, w *store.Writer) error {
		if c == nil {
			return mongoerror.New(mongoerror.NamespaceNotFound, "ns not found %s.%s", r.Database, name)
		}
		indexes := w.Indexes()
		before = len(indexes)
		names, err := indexNames(index, indexes)
		if err != nil {
			return err
		}
		for _, n := range names {
			if err := w.DropIndex(n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	reply := bson.D{{Key: "nIndexesWas", Value: int32(before)}}
	if index == "*" {
		reply = append(reply, bson.E{Key: "msg", Value: "non-_id indexes dropped for collection"})
	}
	return reply, nil
}

// indexNames returns the names that the index argument of dropIndexes means; each is one that
// can be dropped.
func indexNames(index any, indexes []store.IndexSpec) ([]string, error) {
	var names []string
	switch x := index.(type) {
	case string:
		if x == "*" {
			for _, spec := range indexes[1:] {
				names = append(names, spec.Name)
			}
			return names, nil
		}
		names = []string{x}
	case bson.A:
		for _, item := range x {
			name, ok := item.(string)
			if !ok {
				return nil, mongoerror.New(mongoerror.TypeMismatch, "failed to drop multiple indexes %s: index name must be a string", bsonvalue.Format(x))
			}
			names = append(names, name)
		}
	case bson.D:
		for _, spec := range indexes {
			if bsonvalue.Equal(spec.Key, x) {
				names = append(names, spec.Name)
			}
		}
		switch {
		case len(names) == 0:
			return nil, mongoerror.New(mongoerror.IndexNotFound, "can't find index with key: %s", bsonvalue.Format(x))
		case len(names) > 1:
			return nil, mongoerror.New(mongoerror.AmbiguousIndexKeyPattern,
				"%d indexes found for key: %s, identify by name instead.", len(names), bsonvalue.Format(x))
		}
	}
	for _, name := range names {
		found := false
		for _, spec := range indexes {
			found = found || spec.Name == name
		}
		switch {
		case !found:
			return nil, mongoerror.New(mongoerror.IndexNotFound, "index not found with name [%s]", name)
		case name == "_id_":
			return nil, mongoerror.New(mongoerror.InvalidOptions, "cannot drop _id index")
		}
	}
	return names, nil
}
