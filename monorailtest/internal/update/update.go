// Package update holds the updates of update and findAndModify: replacements and update
// operators. They are parsed once, with MongoDB's errors, and give a new version of a document
// without changing the old.
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

// Update is a parsed update. It is immutable and may be shared between goroutines.
type Update struct {
	// replacement is the new document, if the update is one; root is then nil.
	replacement bson.D
	root        *objectNode
	filters     arrayFilters
	// counts: see Counts.
	counts bool
}

// Parse parses an update document: one whose first field begins with $ holds operators, every
// other is a replacement. arrayFilters are those of the statement, nil for none. Errors are
// *mongoerror.Error as of MongoDB 4.4.
func Parse(source bson.D, filters []bson.D) (*Update, error) {
	if !IsOperators(source) {
		if len(filters) > 0 {
			return nil, mongoerror.New(mongoerror.FailedToParse, "Cannot specify arrayFilters and a non-operator update")
		}
		return &Update{replacement: source}, nil
	}
	u := &Update{root: &objectNode{}}
	var err error
	if u.filters, err = parseArrayFilters(filters); err != nil {
		return nil, err
	}
	for _, e := range source {
		if err := u.addOperator(e); err != nil {
			return nil, err
		}
	}
	return u, u.filters.checkUsed(source)
}

// IsOperators tells an update with operators from a replacement.
func IsOperators(source bson.D) bool {
	return len(source) > 0 && strings.HasPrefix(source[0].Key, "$")
}

// Replaces tells whether the update is a replacement.
func (u *Update) Replaces() bool { return u.root == nil }

// Counts tells whether the update counts as a modification of a document even where the new
// version is the same: a replacement does, and so does a $push of anything.
func (u *Update) Counts() bool { return u.Replaces() || u.counts }

func (u *Update) addOperator(e bson.E) error {
	parse, ok := operators[e.Key]
	if !ok {
		return mongoerror.New(mongoerror.FailedToParse,
			"Unknown modifier: %s. Expected a valid update modifier or pipeline-style update specified as an array", e.Key)
	}
	fields, ok := e.Value.(bson.D)
	if !ok {
		return mongoerror.New(mongoerror.FailedToParse,
			"Modifiers operate on fields but we found type %s instead. For example: {$mod: {<field>: ...}} not {%s: %s}",
			bsonvalue.TypeName(e.Value), e.Key, bsonvalue.Format(e.Value))
	}
	if len(fields) == 0 {
		return mongoerror.New(mongoerror.FailedToParse,
			"'%s' is empty. You must specify a field like so: {%s: {<field>: ...}}", e.Key, e.Key)
	}
	for _, f := range fields {
		if e.Key == "$rename" {
			if err := u.addRename(f); err != nil {
				return err
			}
			continue
		}
		op, err := parse(f)
		if err != nil {
			return err
		}
		if err := u.root.add(f.Key, op, u.filters); err != nil {
			return err
		}
		u.counts = u.counts || e.Key == "$push" && !pushesNothing(f.Value)
	}
	return nil
}

// context is what the operators of one application share.
type context struct {
	// document is the version that is being updated.
	document bson.D
	// insert says that the update makes the document of an upsert.
	insert bool
	// index is the place that the positional operator stands for; negative for none.
	index int
	now   time.Time
	// filters resolve $[identifier].
	filters arrayFilters
}

// idOf writes the document's _id as the messages do.
func (c *context) idOf() string {
	for _, e := range c.document {
		if e.Key == "_id" {
			return "_id: " + bsonvalue.Format(e.Value)
		}
	}
	return "no id"
}

// Apply returns the new version of a document that the filter matched; index is the place that
// Filter.MatchElement gave. The document is not changed, but shares what stays the same with the
// new version. The error is one of the statement; the update is then void.
func (u *Update) Apply(d bson.D, index int) (bson.D, error) {
	if u.Replaces() {
		return u.replace(d)
	}
	c := &context{document: d, index: index, now: time.Now(), filters: u.filters}
	out, err := u.run(c)
	if err != nil {
		return nil, err
	}
	before, after := field(d, "_id"), field(out, "_id")
	if !bsonvalue.Identical(before, after) {
		return nil, mongoerror.New(mongoerror.ImmutableField,
			"Performing an update on the path '_id' would modify the immutable field '_id'")
	}
	return idFirst(out), nil
}

func (u *Update) run(c *context) (bson.D, error) {
	out, _, err := u.root.apply(c, c.document, "")
	if err != nil {
		return nil, err
	}
	return out.(bson.D), nil
}

func (u *Update) replace(d bson.D) (bson.D, error) {
	out, err := u.storable()
	if err != nil {
		return nil, err
	}
	before, after := field(d, "_id"), field(out, "_id")
	switch {
	case bsonvalue.IsMissing(before):
		return idFirst(out), nil
	case bsonvalue.IsMissing(after):
		return append(bson.D{{Key: "_id", Value: before}}, out...), nil
	case !bsonvalue.Equal(before, after):
		return nil, alteredID(after)
	}
	return idFirst(out), nil
}

func alteredID(id any) error {
	return mongoerror.New(mongoerror.ImmutableField,
		"After applying the update, the (immutable) field '_id' was found to have been altered to _id: %s", bsonvalue.Format(id))
}

// storable returns the replacement as it is stored, with timestamps filled in.
func (u *Update) storable() (bson.D, error) {
	for _, e := range u.replacement {
		if strings.HasPrefix(e.Key, "$") {
			return nil, dollarField(e.Key, e.Key)
		}
		if err := checkStorable(e.Value, e.Key); err != nil {
			return nil, err
		}
	}
	return FillTimestamps(u.replacement), nil
}

// Insert returns the document that an upsert stores when the filter matched nothing: the equality
// fields of the filter, the update applied to them, _id first and generated where missing.
func (u *Update) Insert(f *query.Filter) (bson.D, error) {
	start, err := equalityFields(f, u.Replaces())
	if err != nil {
		return nil, err
	}
	out := start
	if u.Replaces() {
		if out, err = u.storable(); err != nil {
			return nil, err
		}
		if id := field(start, "_id"); !bsonvalue.IsMissing(id) {
			if own := field(out, "_id"); bsonvalue.IsMissing(own) {
				out = append(bson.D{{Key: "_id", Value: id}}, out...)
			} else if !bsonvalue.Equal(id, own) {
				return nil, alteredID(own)
			}
		}
	} else {
		c := &context{document: start, insert: true, index: -1, now: time.Now(), filters: u.filters}
		if out, err = u.run(c); err != nil {
			return nil, err
		}
		if id := field(start, "_id"); !bsonvalue.IsMissing(id) && !bsonvalue.Identical(id, field(out, "_id")) {
			return nil, mongoerror.New(mongoerror.ImmutableField,
				"Performing an update on the path '_id' would modify the immutable field '_id'")
		}
	}
	if bsonvalue.IsMissing(field(out, "_id")) {
		return append(bson.D{{Key: "_id", Value: primitive.NewObjectID()}}, out...), nil
	}
	if err := checkID(field(out, "_id")); err != nil {
		return nil, err
	}
	return idFirst(out), nil
}

// checkID refuses what cannot be an _id.
func checkID(id any) error {
	switch bsonvalue.ClassOf(id) {
	case bsonvalue.ClassArray, bsonvalue.ClassRegex, bsonvalue.ClassMissing:
		return mongoerror.New(53, "The '_id' value cannot be of type %s", bsonvalue.TypeName(id))
	}
	return nil
}
