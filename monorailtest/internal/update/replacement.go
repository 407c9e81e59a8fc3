package update

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// replacement is a document that takes the place of another: what a client sent, or what a pipeline made.
type replacement struct {
	// document is as it is stored, with timestamps filled in, but for an _id that it may lack.
	document bson.D
	// given says that the document has an _id.
	given bool
}

func newReplacement(source bson.D) *replacement {
	return &replacement{document: FillTimestamps(source), given: position(source, "_id") >= 0}
}

// apply is Update.Apply. A replacement that is the very document counts as no modification; one that lacks the _id, or has
// it elsewhere, does.
func (r *replacement) apply(d bson.D) (out bson.D, counts bool, err error) {
	if len(d) == len(r.document) && bsonvalue.Identical(d, r.document) {
		return d, false, nil
	}
	out = r.onto(d)
	if err := checkDocument(out); err != nil {
		return nil, false, err
	}
	return idFirst(out), true, checkKept(d, out)
}

// insert returns what an upsert stores that begins with the given fields.
func (r *replacement) insert(start bson.D) (bson.D, error) {
	out := r.onto(start)
	return out, checkKept(start, out)
}

// onto returns the document with the _id of d where it lacks one.
func (r *replacement) onto(d bson.D) bson.D {
	if i := position(d, "_id"); !r.given && i >= 0 {
		return append(bson.D{d[i]}, r.document...)
	}
	return r.document
}

// checkKept refuses a replacement of d that changes its _id.
func checkKept(d, out bson.D) error {
	before, after := field(d, "_id"), field(out, "_id")
	if bsonvalue.ClassOf(after) == bsonvalue.ClassArray {
		return mongoerror.New(codeNotSingleValueField,
			"After applying the update to the document, the (immutable) field '_id' was found to be an array or array descendant.")
	}
	if bsonvalue.IsMissing(before) || bsonvalue.Equal(before, after) {
		return nil
	}
	return mongoerror.New(mongoerror.ImmutableField,
		"After applying the update, the (immutable) field '_id' was found to have been altered to _id: %s", bsonvalue.Format(after))
}
