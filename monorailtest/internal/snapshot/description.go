package snapshot

import (
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/access"
	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
	"github.com/xdg-go/scram"
)

// encodeUser describes a user.
func encodeUser(u access.Stored) bson.D {
	credentials := bson.D{}
	for _, id := range access.Mechanisms() {
		c, ok := u.Credentials[id]
		if !ok {
			continue
		}
		credentials = append(credentials, bson.E{Key: id, Value: bson.D{
			{Key: "salt", Value: primitive.Binary{Data: []byte(c.Salt)}},
			{Key: "iterations", Value: int64(c.Iters)},
			{Key: "storedKey", Value: primitive.Binary{Data: c.StoredKey}},
			{Key: "serverKey", Value: primitive.Binary{Data: c.ServerKey}},
		}})
	}
	d := bson.D{{Key: "name", Value: u.Name}, {Key: "credentials", Value: credentials}}
	if u.Restricted {
		actions := bson.A{}
		for _, a := range u.Actions {
			actions = append(actions, a)
		}
		d = append(d, bson.E{Key: "actions", Value: actions})
	}
	return d
}

func decodeUser(v any) (access.Stored, error) {
	var u access.Stored
	d, _ := v.(bson.D)
	credentials, ok := store.Field(d, "credentials").(bson.D)
	name, named := store.Field(d, "name").(string)
	if !ok || !named {
		return u, damaged("a user without a name or credentials")
	}
	u.Name, u.Credentials = name, map[string]scram.StoredCredentials{}
	for _, e := range credentials {
		c, _ := e.Value.(bson.D)
		salt, saltOK := store.Field(c, "salt").(primitive.Binary)
		iterations, iterationsOK := store.Field(c, "iterations").(int64)
		storedKey, storedOK := store.Field(c, "storedKey").(primitive.Binary)
		serverKey, serverOK := store.Field(c, "serverKey").(primitive.Binary)
		if !saltOK || !iterationsOK || !storedOK || !serverOK || iterations < 1 || len(storedKey.Data) == 0 {
			return u, damaged("the credentials of the user %q", name)
		}
		u.Credentials[e.Key] = scram.StoredCredentials{
			KeyFactors: scram.KeyFactors{Salt: string(salt.Data), Iters: int(iterations)},
			StoredKey:  storedKey.Data, ServerKey: serverKey.Data,
		}
	}
	if actions, ok := store.Field(d, "actions").(bson.A); ok {
		u.Restricted = true
		for _, a := range actions {
			action, ok := a.(string)
			if !ok {
				return u, damaged("the actions of the user %q", name)
			}
			u.Actions = append(u.Actions, action)
		}
	}
	return u, nil
}

// encodeCollection describes a collection.
func encodeCollection(f *store.Frozen) bson.D {
	indexes := bson.A{}
	for _, x := range f.Indexes {
		indexes = append(indexes, encodeIndex(x))
	}
	return bson.D{
		{Key: "kind", Value: kindCollection}, {Key: "ns", Value: f.Namespace}, {Key: "uuid", Value: f.UUID},
		{Key: "options", Value: f.Options}, {Key: "indexes", Value: indexes}, {Key: "documents", Value: int64(f.Len())},
	}
}

func decodeCollection(d bson.D) (*collection, error) {
	c := &collection{}
	var ok [5]bool
	c.namespace, ok[0] = store.Field(d, "ns").(string)
	c.uuid, ok[1] = store.Field(d, "uuid").(primitive.Binary)
	c.options, ok[2] = store.Field(d, "options").(bson.D)
	indexes, hasIndexes := store.Field(d, "indexes").(bson.A)
	c.documents, ok[3] = store.Field(d, "documents").(int64)
	ok[4] = hasIndexes && len(indexes) > 0 && c.documents >= 0 && len(c.uuid.Data) == 16
	if ok != [5]bool{true, true, true, true, true} {
		return nil, damaged("the description of the collection %q", c.namespace)
	}
	if _, err := store.ParseOptions(c.options); err != nil {
		return nil, damaged("the options of the collection %q: %v", c.namespace, err)
	}
	names := map[string]bool{}
	for _, v := range indexes {
		x, err := decodeIndex(v)
		if err == nil && (names[x.Name] || len(c.indexes) == 0 && x.Name != "_id_") {
			err = damaged("it is not the first of that name")
		}
		if err != nil {
			return nil, damaged("an index of the collection %q: %v", c.namespace, err)
		}
		names[x.Name] = true
		c.indexes = append(c.indexes, x)
	}
	return c, nil
}

// encodeIndex describes an index. Each field of IndexSpec stands for itself, since the document that listIndexes shows is
// not meant to be read.
func encodeIndex(x store.IndexSpec) bson.D {
	d := bson.D{
		{Key: "name", Value: x.Name}, {Key: "key", Value: x.Key}, {Key: "unique", Value: x.Unique}, {Key: "sparse", Value: x.Sparse},
		{Key: "kind", Value: int64(x.Kind)}, {Key: "hidden", Value: x.Hidden}, {Key: "expires", Value: x.Expires},
		{Key: "expireAfter", Value: x.ExpireAfter}, {Key: "document", Value: x.Document},
	}
	if x.Collation != nil {
		d = append(d, bson.E{Key: "collation", Value: x.Collation.Document()})
	}
	if x.Partial != nil {
		d = append(d, bson.E{Key: "partial", Value: x.Partial.Source()})
		if c := x.Partial.Collation(); c != nil {
			d = append(d, bson.E{Key: "partialCollation", Value: c.Document()})
		}
	}
	return d
}

func decodeIndex(v any) (x store.IndexSpec, err error) {
	d, _ := v.(bson.D)
	var ok [9]bool
	x.Name, ok[0] = store.Field(d, "name").(string)
	x.Key, ok[1] = store.Field(d, "key").(bson.D)
	x.Unique, ok[2] = store.Field(d, "unique").(bool)
	x.Sparse, ok[3] = store.Field(d, "sparse").(bool)
	kind, isKind := store.Field(d, "kind").(int64)
	x.Kind, ok[4] = store.IndexKind(kind), isKind && kind >= int64(store.Ordered) && kind <= int64(store.Nominal)
	x.Hidden, ok[5] = store.Field(d, "hidden").(bool)
	x.Expires, ok[6] = store.Field(d, "expires").(bool)
	x.ExpireAfter, ok[7] = store.Field(d, "expireAfter").(int64)
	x.Document, ok[8] = store.Field(d, "document").(bson.D)
	for _, good := range ok {
		if !good || len(x.Key) == 0 {
			return x, damaged("the description of the index %q", x.Name)
		}
	}
	if x.Collation, err = decodeCollation(d, "collation"); err != nil {
		return x, err
	}
	source, ok0 := store.Field(d, "partial").(bson.D)
	if !ok0 {
		return x, nil
	}
	c, err := decodeCollation(d, "partialCollation")
	if err != nil {
		return x, err
	}
	x.Partial, err = query.ParseWith(source, query.Options{Collation: c})
	return x, err
}

// decodeCollation reads a collation, nil where there is none.
func decodeCollation(d bson.D, field string) (*collation.Collation, error) {
	spec, ok := store.Field(d, field).(bson.D)
	if !ok {
		return nil, nil
	}
	return collation.Parse(spec)
}
