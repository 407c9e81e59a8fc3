package command

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// indexDefinition is an element of the indexes of a createIndexes, checked as far as that goes without
// the collection.
type indexDefinition struct {
	// source is the element as the client sent it.
	source bson.D
	// version is 1 or 2.
	version int64
	key     bson.D
	name    string

	unique, sparse, hidden bool
	// partial is the filter of a partial index; nil for none.
	partial bson.D
	// expires: there is an expireAfterSeconds, which is then expireAfter.
	expires     bool
	expireAfter any
	// collation is what the client sent; nil for nothing.
	collation bson.D
	// rest is what listIndexes shows behind key and name.
	rest bson.D
}

// resolve makes of a definition the index of a collection.
func (d *indexDefinition) resolve(o *store.Options) (store.IndexSpec, error) {
	x := store.IndexSpec{Name: d.name, Key: d.key, Unique: d.unique, Sparse: d.sparse, Hidden: d.hidden, Kind: kindOf(d.key)}
	var err error
	switch {
	case d.collation == nil:
		if d.version >= 2 {
			x.Collation = o.Collation
		}
	default:
		if x.Collation, err = collation.Parse(d.collation); err != nil {
			return x, err
		}
	}
	if d.onID() && !collation.Same(x.Collation, o.Collation) {
		return x, mongoerror.New(mongoerror.BadValue,
			"The _id index must have the same collation as the collection. Index collation: %s, collection collation: %s",
			bsonvalue.Format(x.Collation.Document()), bsonvalue.Format(o.Collation.Document()))
	}
	if d.partial != nil {
		if x.Partial, err = query.ParseWith(d.partial, query.Options{Collation: x.Collation}); err != nil {
			return x, err
		}
	}
	if plugin := pluginOf(d.key); x.Collation != nil && (plugin == "text" || plugin == "2d" || plugin == "geoHaystack") {
		return x, d.refuse(mongoerror.CannotCreateIndex, "Index type '%s' does not support collation: %s",
			plugin, bsonvalue.Format(x.Collation.Document()))
	}
	if d.expires {
		if o.Capped {
			return x, mongoerror.New(mongoerror.CannotCreateIndex, "Cannot create TTL index on a capped collection")
		}
		x.Expires = true
		x.ExpireAfter, _ = bsonvalue.ToLong(d.expireAfter)
	}
	x.Document = d.document(x.Collation)
	for _, e := range x.Document {
		if e.Key == "key" {
			x.Key = e.Value.(bson.D)
		}
	}
	return x, nil
}

// document is how listIndexes shows the index.
func (d *indexDefinition) document(c *collation.Collation) bson.D {
	out := bson.D{{Key: "v", Value: int32(d.version)}}
	if d.unique {
		out = append(out, bson.E{Key: "unique", Value: true})
	}
	if d.hidden {
		out = append(out, bson.E{Key: "hidden", Value: true})
	}
	key, rest := d.key, d.rest
	switch pluginOf(d.key) {
	case "text":
		key, rest = textIndex(d.key, d.rest)
	case "2dsphere":
		rest = withDefault(rest, "2dsphereIndexVersion", int32(3))
	}
	out = append(out, bson.E{Key: "key", Value: key}, bson.E{Key: "name", Value: d.name})
	for _, e := range rest {
		if e.Key == "collation" {
			if c == nil {
				continue
			}
			e.Value = c.Document()
		}
		out = append(out, e)
	}
	if c != nil && d.collation == nil {
		out = append(out, bson.E{Key: "collation", Value: c.Document()})
	}
	return out
}

// textIndex returns the key and the options by which the server lists an index on text.
func textIndex(key, rest bson.D) (bson.D, bson.D) {
	var out, weights bson.D
	for _, e := range key {
		if e.Value != "text" {
			out = append(out, e)
			continue
		}
		if weights == nil {
			out = append(out, bson.E{Key: "_fts", Value: "text"}, bson.E{Key: "_ftsx", Value: int32(1)})
		}
		weights = append(weights, bson.E{Key: e.Key, Value: int32(1)})
	}
	rest = withDefault(rest, "weights", weights)
	rest = withDefault(rest, "default_language", "english")
	rest = withDefault(rest, "language_override", "language")
	return out, withDefault(rest, "textIndexVersion", int32(3))
}

func withDefault(d bson.D, name string, v any) bson.D {
	for _, e := range d {
		if e.Key == name {
			return d
		}
	}
	return append(d[:len(d):len(d)], bson.E{Key: name, Value: v})
}

// onID tells the index on _id that every collection has.
func (d *indexDefinition) onID() bool {
	if len(d.key) != 1 || d.key[0].Key != "_id" || !bsonvalue.IsNumber(d.key[0].Value) {
		return false
	}
	n, _ := bsonvalue.ToLong(d.key[0].Value)
	return n == 1 || n == -1
}

// pluginOf returns the kind of index that a key pattern names, "" for an ordinary one.
func pluginOf(key bson.D) string {
	for _, e := range key {
		if kind, ok := e.Value.(string); ok {
			return kind
		}
		if isWildcard(e.Key) {
			return "wildcard"
		}
	}
	return ""
}

func kindOf(key bson.D) store.IndexKind {
	switch pluginOf(key) {
	case "":
		return store.Ordered
	case "hashed":
		return store.Hashed
	}
	return store.Nominal
}

// sameOptions tells whether two indexes on the same key are the same but for their names.
func sameOptions(a, b store.IndexSpec) bool {
	return a.Unique == b.Unique && a.Sparse == b.Sparse && collation.Same(a.Collation, b.Collation) &&
		samePartial(a.Partial, b.Partial) && a.Expires == b.Expires && a.ExpireAfter == b.ExpireAfter &&
		bsonvalue.Equal(otherOptions(a.Document), otherOptions(b.Document))
}

// otherOptions are those that make no difference to how the index works here.
func otherOptions(d bson.D) bson.D {
	out := bson.D{}
	for _, e := range d {
		switch e.Key {
		case "wildcardProjection", "weights", "default_language", "language_override", "bits", "min", "max", "bucketSize",
			"storageEngine":
			out = append(out, e)
		}
	}
	return out
}

func samePartial(a, b *query.Filter) bool {
	if a == nil || b == nil {
		return a == b
	}
	return bsonvalue.Equal(a.Source(), b.Source())
}

// conflicting tells whether an index exists already, or returns the error of one that differs.
func conflicting(x store.IndexSpec, indexes []store.IndexSpec) (bool, error) {
	if bsonvalue.Equal(x.Key, indexes[0].Key) {
		return true, nil
	}
	for _, other := range indexes {
		same := bsonvalue.Equal(other.Key, x.Key) && collation.Same(other.Collation, x.Collation)
		switch {
		case other.Name == x.Name && same && sameOptions(other, x):
			return true, nil
		case other.Name == x.Name && same:
			return false, mongoerror.New(mongoerror.IndexOptionsConflict, "Index with name: %s already exists with different options", x.Name)
		case other.Name == x.Name:
			return false, mongoerror.New(mongoerror.IndexKeySpecsConflict,
				"Index must have unique name.The existing index: %s has the same name as the requested index: %s",
				bsonvalue.Format(other.Document), bsonvalue.Format(x.Document))
		case same && sameOptions(other, x):
			return false, mongoerror.New(mongoerror.IndexOptionsConflict, "Index already exists with a different name: %s", other.Name)
		case same:
			return false, mongoerror.New(mongoerror.IndexOptionsConflict, "Index: %s already exists with different options: %s",
				bsonvalue.Format(x.Document), bsonvalue.Format(other.Document))
		}
	}
	if len(indexes) >= maxIndexes {
		return false, mongoerror.New(mongoerror.CannotCreateIndex, "add index fails, too many indexes; key: %s", bsonvalue.Format(x.Key))
	}
	return false, nil
}

// maxIndexes is how many indexes a collection can have.
const maxIndexes = 64
