package command

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// collectionModification holds the arguments of a collMod.
type collectionModification struct {
	// changed are the options of the collection that change, as listCollections shows them.
	changed bson.D
	// index is what is said about an index; nil for nothing.
	index bson.D

	viewOn              string
	pipeline            bson.A
	isView, hasPipeline bool
}

// collMod answers collMod: it changes the options of a collection, of an index of it, or a view.
func collMod(ctx context.Context, s *State, r *Request) (bson.D, error) {
	name, err := collectionName(r)
	if err != nil {
		return nil, err
	}
	a, data := &collectionModification{}, s.data(r)
	if data.Collection(r.Database, name) == nil {
		v, err := viewOf(data, r.Database, name)
		switch {
		case err != nil:
			return nil, err
		case v == nil:
			return nil, mongoerror.New(mongoerror.NamespaceNotFound, "ns does not exist")
		}
		if err := a.parse(r); err != nil {
			return nil, err
		}
		return bson.D{}, s.modifyView(ctx, r, a, v, name)
	}
	if err := a.parse(r); err != nil {
		return nil, err
	}
	if a.isView || a.hasPipeline {
		return nil, mongoerror.New(mongoerror.InvalidOptions, "option not supported on a collection: viewOn")
	}
	reply := bson.D{}
	err = write(ctx, s, r, 0, name, false, func(c *store.Collection, w *store.Writer) error {
		if c == nil {
			return mongoerror.New(mongoerror.NamespaceNotFound, "ns does not exist")
		}
		reply = bson.D{}
		return a.modifyLocked(c, w, &reply)
	})
	return reply, err
}

func (a *collectionModification) parse(r *Request) error {
	return eachField(r, a.take, func(key string) error {
		return mongoerror.New(mongoerror.InvalidOptions, "unknown option to collMod: %s", key)
	})
}

// take reads one field of a collMod.
func (a *collectionModification) take(key string, v bson.RawValue) (known bool, err error) {
	switch key {
	case "collMod", "noPadding", "usePowerOf2Sizes", "recordPreImages":
	case "index":
		if a.index, err = object(key, v); err == nil {
			err = checkIndexOption(a.index)
		}
	case "validator":
		var d bson.D
		d, err = object(key, v)
		a.changed = append(a.changed, bson.E{Key: key, Value: d})
	case "validationLevel":
		err = a.choice(key, v, "off", "strict", "moderate")
	case "validationAction":
		err = a.choice(key, v, "error", "warn")
	case "viewOn":
		var ok bool
		if a.viewOn, ok = v.StringValueOK(); !ok {
			err = mongoerror.New(mongoerror.InvalidOptions, "'viewOn' option must be a string")
		}
		a.isView = true
	case "pipeline":
		x, decodeErr := decodeValue(v)
		var ok bool
		if a.pipeline, ok = x.(bson.A); !ok || decodeErr != nil {
			err = mongoerror.New(mongoerror.InvalidOptions, "'pipeline' option must be an array")
		}
		a.hasPipeline = true
	default:
		return false, nil
	}
	return true, err
}

func (a *collectionModification) choice(key string, v bson.RawValue, choices ...string) error {
	s, ok := v.StringValueOK()
	if !ok {
		return mongoerror.New(codeWrongDBType, "wrong type for field (%s) %s != string", key, aliasOf(v.Type))
	}
	a.changed = append(a.changed, bson.E{Key: key, Value: s})
	return checkChoice(s, key, choices...)
}

// object reads a field that must be an object.
func object(key string, v bson.RawValue) (bson.D, error) {
	raw, ok := v.DocumentOK()
	if !ok {
		return nil, mongoerror.New(codeExpectedObject, "invalid parameter: expected an object (%s)", key)
	}
	return bsonvalue.Decode(raw)
}

// checkIndexOption checks what is said about an index by itself.
func checkIndexOption(d bson.D) error {
	name, key := store.Field(d, "name"), store.Field(d, "keyPattern")
	_, hasName := name.(string)
	_, hasKey := key.(bson.D)
	expire, hidden := store.Field(d, "expireAfterSeconds"), store.Field(d, "hidden")
	_, isBool := hidden.(bool)
	why := ""
	switch {
	case !bsonvalue.IsMissing(name) && !bsonvalue.IsMissing(key):
		why = "Cannot specify both key pattern and name."
	case bsonvalue.IsMissing(name) && bsonvalue.IsMissing(key):
		why = "Must specify either index name or key pattern."
	case !bsonvalue.IsMissing(name) && !hasName:
		why = "Index name must be a string."
	case !bsonvalue.IsMissing(key) && !hasKey:
		why = "Key pattern must be an object."
	case bsonvalue.IsMissing(expire) && bsonvalue.IsMissing(hidden):
		why = "no expireAfterSeconds or hidden field"
	case !bsonvalue.IsMissing(expire) && !bsonvalue.IsNumber(expire):
		why = "expireAfterSeconds field must be a number"
	case !bsonvalue.IsMissing(hidden) && !isBool:
		why = "hidden field must be a boolean"
	default:
		return nil
	}
	return mongoerror.New(mongoerror.InvalidOptions, "%s", why)
}

// modifyLocked changes a collection; reply gets what the reply tells.
func (a *collectionModification) modifyLocked(c *store.Collection, w *store.Writer, reply *bson.D) error {
	if a.index != nil {
		x, err := a.findIndex(c, w.Indexes())
		if err != nil {
			return err
		}
		changed, err := a.modifyIndex(&x, reply)
		if err != nil {
			return err
		}
		if changed {
			if err := w.ModifyIndex(x); err != nil {
				return err
			}
		}
	}
	if a.changed == nil {
		return nil
	}
	// Whichever changes, all that is about validation is written down.
	options := withDefault(c.Options().Document, "validationLevel", "strict")
	options = withDefault(options, "validationAction", "error")
	for _, e := range a.changed {
		if e.Key == "validator" {
			if err := checkValidator(c.Namespace(), e.Value.(bson.D), c.Options().Collation); err != nil {
				return err
			}
		}
		options = setOption(options, e)
	}
	return w.Modify(options)
}

// setOption returns options with one of them changed; a validator that demands nothing is none.
func setOption(options bson.D, e bson.E) bson.D {
	out := bson.D{}
	drop := e.Key == "validator" && len(e.Value.(bson.D)) == 0
	found := false
	for _, o := range options {
		if o.Key == e.Key {
			found = true
			if drop {
				continue
			}
			o = e
		}
		out = append(out, o)
	}
	if !found && !drop {
		out = append(out, e)
	}
	return out
}

// findIndex returns the index that the argument means.
func (a *collectionModification) findIndex(c *store.Collection, indexes []store.IndexSpec) (store.IndexSpec, error) {
	name, hasName := store.Field(a.index, "name").(string)
	key, hasKey := store.Field(a.index, "keyPattern").(bson.D)
	var found []store.IndexSpec
	for _, x := range indexes {
		if hasName && x.Name == name || hasKey && bsonvalue.Equal(x.Key, key) {
			found = append(found, x)
		}
	}
	what := name
	if hasKey {
		what = bsonvalue.Format(key)
	}
	switch {
	case len(found) == 0:
		return store.IndexSpec{}, mongoerror.New(mongoerror.IndexNotFound, "cannot find index %s for ns %s", what, c.Namespace())
	case len(found) > 1:
		return store.IndexSpec{}, mongoerror.New(mongoerror.AmbiguousIndexKeyPattern, "index keyPattern %s matches %d indexes, "+
			"must use index name. Conflicting indexes: %s, %s", what, len(found), bsonvalue.Format(found[0].Document), bsonvalue.Format(found[1].Document))
	}
	return found[0], nil
}

// modifyIndex changes the description of an index; reply gets its old and new options.
func (a *collectionModification) modifyIndex(x *store.IndexSpec, reply *bson.D) (changed bool, err error) {
	tell := func(name string, before, after any) {
		*reply = append(*reply, bson.E{Key: name + "_old", Value: before}, bson.E{Key: name + "_new", Value: after})
		changed = true
	}
	if v := store.Field(a.index, "expireAfterSeconds"); !bsonvalue.IsMissing(v) {
		before := store.Field(x.Document, "expireAfterSeconds")
		n, _ := bsonvalue.ToLong(v)
		switch {
		case bsonvalue.IsMissing(before):
			return false, mongoerror.New(mongoerror.InvalidOptions, "no expireAfterSeconds field to update")
		case n < 0:
			return false, mongoerror.New(mongoerror.InvalidOptions, "TTL index 'expireAfterSeconds' option cannot be less than 0")
		}
		tell("expireAfterSeconds", before, v)
		if !bsonvalue.Equal(before, v) {
			x.ExpireAfter = n
			x.Document = setOption(x.Document, bson.E{Key: "expireAfterSeconds", Value: n})
		}
	}
	if v := store.Field(a.index, "hidden"); !bsonvalue.IsMissing(v) {
		hidden := bsonvalue.Truth(v)
		if hidden && x.Name == "_id_" {
			return false, mongoerror.New(mongoerror.BadValue, "can't hide _id index")
		}
		if hidden != x.Hidden {
			tell("hidden", x.Hidden, v)
			x.Hidden = hidden
			x.Document = withoutOption(x.Document, "hidden")
			if hidden {
				x.Document = append(x.Document, bson.E{Key: "hidden", Value: true})
			}
		}
	}
	return changed, nil
}

func withoutOption(d bson.D, name string) bson.D {
	out := bson.D{}
	for _, e := range d {
		if e.Key != name {
			out = append(out, e)
		}
	}
	return out
}

// modifyView gives a view another definition.
func (s *State) modifyView(ctx context.Context, r *Request, a *collectionModification, v *view, name string) error {
	switch {
	case a.index != nil || a.changed != nil:
		return mongoerror.New(mongoerror.InvalidOptions, "option not supported on a view")
	case !a.isView && !a.hasPipeline:
		return nil
	}
	if a.viewOn == "" {
		a.viewOn = v.on
	}
	if !a.hasPipeline {
		a.pipeline = v.pipeline
	}
	if err := s.checkView(r, name, a.viewOn, a.pipeline, v.collation); err != nil {
		return err
	}
	return s.writeViews(ctx, r, false, func(w *store.Writer) error {
		d := viewRecord(r.Database+"."+name, a.viewOn, a.pipeline, v.collation)
		_, err := w.Replace(v.document, d, bsonvalue.Encode(d))
		return err
	})
}
