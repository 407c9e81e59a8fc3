package update

import (
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// field returns the first field of that name, or Missing.
func field(d bson.D, name string) any {
	for i := range d {
		if d[i].Key == name {
			return d[i].Value
		}
	}
	return bsonvalue.Missing
}

// idFirst returns d with _id as its first field.
func idFirst(d bson.D) bson.D {
	for i := range d {
		if d[i].Key != "_id" {
			continue
		}
		if i == 0 {
			return d
		}
		out := append(make(bson.D, 0, len(d)), d[i])
		return append(append(out, d[:i]...), d[i+1:]...)
	}
	return d
}

// FillTimestamps returns d with every Timestamp(0, 0) at the top level, _id excepted, replaced by
// the present time, as the server does with what a client stores.
func FillTimestamps(d bson.D) bson.D {
	out := d
	for i, e := range d {
		if ts, ok := e.Value.(primitive.Timestamp); !ok || !ts.IsZero() || e.Key == "_id" {
			continue
		}
		if &out[0] == &d[0] {
			out = append(bson.D(nil), d...)
		}
		out[i].Value = nextTimestamp(time.Now())
	}
	return out
}

func dollarField(name, path string) error {
	return mongoerror.New(mongoerror.DollarPrefixedFieldName,
		"The dollar ($) prefixed field '%s' in '%s' is not valid for storage.", name, path)
}

// checkStorable refuses field names that begin with $ inside a value that an update stores. A
// reference ({$ref: ..., $id: ..., $db: ...}) is allowed.
func checkStorable(v any, path string) error {
	switch x := v.(type) {
	case bson.D:
		for i, e := range x {
			at := path + "." + e.Key
			if strings.HasPrefix(e.Key, "$") && !isReferenceField(x, i) {
				return dollarField(e.Key, at)
			}
			if err := checkStorable(e.Value, at); err != nil {
				return err
			}
		}
	case bson.A:
		for i, item := range x {
			if err := checkStorable(item, path+"."+itoa(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func isReferenceField(d bson.D, i int) bool {
	switch d[i].Key {
	case "$ref":
		return i+1 < len(d) && d[i+1].Key == "$id"
	case "$id":
		return i > 0 && d[i-1].Key == "$ref"
	case "$db":
		return i > 1 && d[i-1].Key == "$id" && d[i-2].Key == "$ref"
	}
	return false
}

// equalityFields makes the document that an upsert begins with: of a replacement only _id is
// taken from the filter.
func equalityFields(f *query.Filter, onlyID bool) (bson.D, error) {
	seen := map[string]bool{}
	var order []query.Equality
	for _, q := range f.Equalities() {
		if onlyID && q.Field != "_id" {
			continue
		}
		if seen[q.Field] {
			return nil, mongoerror.New(54, "cannot infer query fields to set, path '%s' is matched twice", q.Field)
		}
		for other := range seen {
			if strings.HasPrefix(other, q.Field+".") || strings.HasPrefix(q.Field, other+".") {
				return nil, mongoerror.New(54, "cannot infer query fields to set, both paths '%s' and '%s' are matched",
					q.Field, other)
			}
		}
		seen[q.Field] = true
		order = append(order, q)
	}
	d := bson.D{}
	for _, q := range order {
		parts := strings.Split(q.Field, ".")
		for i, part := range parts {
			if strings.HasPrefix(part, "$") {
				return nil, dollarField(part, strings.Join(parts[:i+1], "."))
			}
		}
		if err := checkStorable(q.Value, q.Field); err != nil {
			return nil, err
		}
		d = put(d, parts, q.Value)
	}
	return idFirst(d), nil
}

// put sets a field by its path in a document of nothing but documents.
func put(d bson.D, parts []string, v any) bson.D {
	for i := range d {
		if d[i].Key == parts[0] {
			inner, _ := d[i].Value.(bson.D)
			d[i].Value = put(inner, parts[1:], v)
			return d
		}
	}
	if len(parts) > 1 {
		v = put(bson.D{}, parts[1:], v)
	}
	return append(d, bson.E{Key: parts[0], Value: v})
}
