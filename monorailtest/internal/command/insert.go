package command

import (
	"context"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
	"github.com/mongo-monorail/monorail/monorailtest/internal/update"
)

// insertDocuments answers insert: {n, writeErrors}. Each document is stored by itself.
func insertDocuments(ctx context.Context, s *State, r *Request) (bson.D, error) {
	b, err := parseBatch(r, "documents")
	if err != nil {
		return nil, err
	}
	var n int32
	failed, err := b.run(s, r, len(b.statements), func(i int) error {
		if err := ctx.Err(); err != nil {
			return &fatalError{err}
		}
		if s.executed(r, i) != nil {
			n++
			return nil
		}
		d, raw, err := prepareInsert(b.statements[i])
		if err != nil {
			return err
		}
		err = write(ctx, s, r, i, b.collection, true, func(_ *store.Collection, w *store.Writer) error {
			return w.Insert(d, raw)
		})
		if err == nil {
			n++
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return appendErrors(bson.D{{Key: "n", Value: n}}, failed), nil
}

func appendErrors(reply bson.D, failed bson.A) bson.D {
	if len(failed) > 0 {
		reply = append(reply, bson.E{Key: "writeErrors", Value: failed})
	}
	return reply
}

// prepareInsert makes of a document what is stored: _id first and generated where missing,
// timestamps of zero at the top level filled in. The result shares no memory with raw.
func prepareInsert(raw bson.Raw) (bson.D, bson.Raw, error) {
	if len(raw) > maxDocument {
		return nil, nil, mongoerror.New(mongoerror.BadValue,
			"object to insert too large. size in bytes: %d, max size: %d", len(raw), maxDocument)
	}
	d, err := bsonvalue.Decode(raw)
	if err != nil {
		return nil, nil, err
	}
	if update.TooDeep(d) {
		return nil, nil, mongoerror.New(mongoerror.Overflow, "cannot insert document because it exceeds %d levels of nesting", update.MaxDepth)
	}
	at := -1
	for i, e := range d {
		if strings.HasPrefix(e.Key, "$") {
			return nil, nil, mongoerror.New(mongoerror.BadValue, "Document can't have $ prefixed field names: %s", e.Key)
		}
		if e.Key != "_id" {
			continue
		}
		if at >= 0 {
			return nil, nil, mongoerror.New(mongoerror.BadValue, "can't have multiple _id fields in one document")
		}
		if err := checkInsertedID(e.Value); err != nil {
			return nil, nil, err
		}
		at = i
	}
	filled := update.FillTimestamps(d)
	switch {
	case at < 0:
		filled = append(bson.D{{Key: "_id", Value: primitive.NewObjectID()}}, filled...)
	case at > 0:
		moved := append(make(bson.D, 0, len(d)), filled[at])
		filled = append(append(moved, filled[:at]...), filled[at+1:]...)
	}
	out, err := encodeStored(filled, codeUpsertTooLarge, "Document to insert is")
	return filled, out, err
}

func checkInsertedID(id any) error {
	switch bsonvalue.ClassOf(id) {
	case bsonvalue.ClassArray, bsonvalue.ClassRegex, bsonvalue.ClassMissing:
		article := "a"
		if bsonvalue.ClassOf(id) == bsonvalue.ClassArray {
			article = "an"
		}
		return mongoerror.New(mongoerror.BadValue, "can't use %s %s for _id", article, bsonvalue.TypeName(id))
	case bsonvalue.ClassDocument:
		return checkNoDollar(id)
	}
	return nil
}

func checkNoDollar(v any) error {
	switch x := v.(type) {
	case bson.D:
		for _, e := range x {
			if strings.HasPrefix(e.Key, "$") {
				return mongoerror.New(mongoerror.DollarPrefixedFieldName, "%s is not valid for storage.", e.Key)
			}
			if err := checkNoDollar(e.Value); err != nil {
				return err
			}
		}
	case bson.A:
		for _, item := range x {
			if err := checkNoDollar(item); err != nil {
				return err
			}
		}
	}
	return nil
}
