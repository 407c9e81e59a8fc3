// Package update holds the updates of update and findAndModify: replacements, update operators and
// pipelines. They are parsed once, with MongoDB's errors, and give a new version of a document
// without changing the old.
package update

import (
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// Update is a parsed update. It is immutable and may be shared between goroutines.
type Update struct {
	// exactly one of these is set: what makes the new version from the old one.
	replacement *replacement
	pipeline    *transformation
	root        *objectNode
	filters     arrayFilters
	// counts says that an operator counts as a modification also where it changes nothing.
	counts bool
}

// Options are what a statement says beside its update.
type Options struct {
	// ArrayFilters resolve $[identifier]; nil for none.
	ArrayFilters []bson.D
	// Collation is that of the statement: how values compare.
	Collation *collation.Collation
}

// parser parses the operators of one update.
type parser struct {
	collation *collation.Collation
	filters   arrayFilters
}

// options are those of a filter of $pull, or of arrayFilters.
func (p *parser) options() query.Options {
	return query.Options{Collation: p.collation, Restricted: true}
}

// Parse parses an update document: one whose first field begins with $ holds operators, every
// other is a replacement. Errors are *mongoerror.Error as of MongoDB 4.4.
func Parse(source bson.D, o Options) (*Update, error) {
	p := &parser{collation: o.Collation}
	var err error
	if p.filters, err = p.arrayFilters(o.ArrayFilters); err != nil {
		return nil, err
	}
	if !IsOperators(source) {
		return &Update{replacement: newReplacement(source)}, nil
	}
	if position(source, "$v") >= 0 {
		return nil, mongoerror.New(mongoerror.FailedToParse, "The $v update field is only recognized internally")
	}
	u := &Update{root: &objectNode{}, filters: p.filters}
	for _, e := range source {
		if err := u.addOperator(p, e); err != nil {
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
func (u *Update) Replaces() bool { return u.replacement != nil }

// Operates tells whether the update is one by operators.
func (u *Update) Operates() bool { return u.root != nil }

func (u *Update) addOperator(p *parser, e bson.E) error {
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
		op, err := parse(p, f)
		if err != nil {
			return err
		}
		if err := u.root.add(f.Key, op, u.filters); err != nil {
			return err
		}
		u.counts = u.counts || e.Key == "$currentDate" || e.Key == "$push" && !pushesNothing(f.Value)
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
	// counts is set by an operator that counts as a modification though it changed nothing.
	counts bool
	// delta takes what is changed; nil where nobody asks.
	delta *store.Delta
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
// new version. counts says that the update counts as a modification even if the new version is the
// same. The error is one of the statement; the update is then void.
func (u *Update) Apply(d bson.D, index int) (out bson.D, counts bool, err error) {
	return u.ApplyRecorded(d, index, nil)
}

// ApplyRecorded is Apply that notes in delta what operators have changed, unless delta is nil. It notes
// nothing of another update: Operates tells.
func (u *Update) ApplyRecorded(d bson.D, index int, delta *store.Delta) (out bson.D, counts bool, err error) {
	switch {
	case u.pipeline != nil:
		r, err := u.pipeline.run(d)
		if err != nil {
			return nil, false, err
		}
		return r.apply(d)
	case u.replacement != nil:
		return u.replacement.apply(d)
	}
	c := &context{document: d, index: index, now: time.Now(), filters: u.filters, counts: u.counts, delta: delta}
	if out, err = u.run(c); err != nil {
		return nil, false, err
	}
	if !bsonvalue.Identical(field(d, "_id"), field(out, "_id")) {
		return nil, false, u.modifiesID()
	}
	return idFirst(out), c.counts, nil
}

func (u *Update) run(c *context) (bson.D, error) {
	out, _, err := u.root.apply(c, c.document, "")
	if err != nil {
		return nil, err
	}
	return out.(bson.D), nil
}

// modifiesID is the error of operators that change _id.
func (u *Update) modifiesID() error {
	path := "_id"
	for n := u.root.children["_id"]; n != nil; {
		o, ok := n.(*objectNode)
		if !ok || len(o.names) == 0 {
			break
		}
		path = join(path, o.names[0])
		n = o.children[o.names[0]]
	}
	return mongoerror.New(mongoerror.ImmutableField,
		"Performing an update on the path '%s' would modify the immutable field '_id'", path)
}

// Insert returns the document that an upsert stores when the filter matched nothing: the equality
// fields of the filter, the update applied to them, _id first and generated where missing.
func (u *Update) Insert(f *query.Filter) (bson.D, error) {
	start, err := equalityFields(f, u.Replaces())
	if err != nil {
		return nil, err
	}
	var out bson.D
	switch {
	case u.pipeline != nil:
		r, err := u.pipeline.run(start)
		if err != nil {
			return nil, err
		}
		out, err = r.insert(start)
		if err != nil {
			return nil, err
		}
	case u.replacement != nil:
		if out, err = u.replacement.insert(start); err != nil {
			return nil, err
		}
	default:
		c := &context{document: start, insert: true, index: -1, now: time.Now(), filters: u.filters}
		if out, err = u.run(c); err != nil {
			return nil, err
		}
		if id := field(start, "_id"); !bsonvalue.IsMissing(id) && !bsonvalue.Identical(id, field(out, "_id")) {
			return nil, u.modifiesID()
		}
	}
	if bsonvalue.IsMissing(field(out, "_id")) {
		out = append(bson.D{{Key: "_id", Value: primitive.NewObjectID()}}, out...)
	}
	return idFirst(out), checkDocument(out)
}
