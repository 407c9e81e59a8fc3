package store

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// RecordID numbers the documents of a collection in the order in which they were inserted. An
// update keeps it; it is never used again.
type RecordID uint64

// Document is one version of a stored document. It is immutable.
type Document struct {
	// Record is its place in the collection.
	Record RecordID
	// Fields is the decoded form.
	Fields bson.D
	// Raw is the BSON form of Fields.
	Raw bson.Raw
}

// ID returns the value of _id, or bsonvalue.Missing.
func (d *Document) ID() any { return Field(d.Fields, "_id") }

// Field returns the first field of that name, or bsonvalue.Missing. The name is not a path.
func Field(d bson.D, name string) any {
	for i := range d {
		if d[i].Key == name {
			return d[i].Value
		}
	}
	return bsonvalue.Missing
}
