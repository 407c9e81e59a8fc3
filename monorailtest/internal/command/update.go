package command

import (
	"bytes"
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	collate "github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/pipeline"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
	"github.com/mongo-monorail/monorail/monorailtest/internal/update"
)

// modification is one statement of an update command.
type modification struct {
	filter bson.D
	update bson.D
	// stages are those of an update by a pipeline, nil for another one, and constants the values of its variables.
	stages    []bson.D
	constants bson.D
	multi     bool
	upsert    bool
	filters   []bson.D
	hint      any
	collation bson.D
}

// outcome is what one modification did.
type outcome struct {
	matched, modified int32
	// upserted is the _id of the document inserted; inserted tells whether there is one.
	upserted any
	inserted bool
}

// updateDocuments answers update: {n, nModified, upserted, writeErrors}.
func updateDocuments(ctx context.Context, s *State, r *Request) (bson.D, error) {
	b, err := parseBatch(r, "updates")
	if err != nil {
		return nil, err
	}
	modifications := make([]modification, len(b.statements))
	for i, raw := range b.statements {
		if modifications[i], err = parseModification(raw); err != nil {
			return nil, err
		}
		if r.retry != nil && modifications[i].multi {
			return nil, errMultiRetry("multi=true")
		}
	}
	var n, modified int32
	var upserted bson.A
	failed, err := b.run(s, r, len(modifications), func(i int) error {
		if err := ctx.Err(); err != nil {
			return &fatalError{err}
		}
		var o outcome
		if done := s.executed(r, i); done != nil {
			o = repeated(done)
		} else if o, err = modifications[i].execute(ctx, s, r, i, b.collection); err != nil {
			return err
		}
		n += o.matched
		modified += o.modified
		if o.inserted {
			n++
			upserted = append(upserted, bson.D{{Key: "index", Value: int32(i)}, {Key: "_id", Value: o.upserted}})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range modifications {
		if err := modifications[i].checkStages(); err != nil {
			return nil, err
		}
	}
	reply := bson.D{{Key: "n", Value: n}, {Key: "nModified", Value: modified}}
	if len(upserted) > 0 {
		reply = append(reply, bson.E{Key: "upserted", Value: upserted})
	}
	return appendErrors(reply, failed), nil
}

func parseModification(raw bson.Raw) (modification, error) {
	const parser = "update.updates"
	m := modification{}
	elems, err := raw.Elements()
	if err != nil {
		return m, mongoerror.New(mongoerror.InvalidBSON, "invalid statement")
	}
	given := false
	for _, e := range elems {
		v, path := e.Value(), parser+"."+e.Key()
		if !present(v) && isStatementField(e.Key()) {
			continue
		}
		switch e.Key() {
		case "q":
			m.filter, err = document(v, path)
		case "u":
			given = true
			err = m.parseUpdate(v)
		case "multi":
			m.multi, err = boolean(v, path)
		case "upsert":
			m.upsert, err = boolean(v, path)
		case "arrayFilters":
			m.filters, err = parseFilterList(v, path)
		case "hint":
			if m.hint, err = decodeValue(v); err == nil {
				err = checkHintType(m.hint)
			}
		case "collation":
			m.collation, err = document(v, path)
		case "c":
			m.constants, err = document(v, path)
		default:
			err = unknownField(parser, e.Key())
		}
		if err != nil {
			return m, err
		}
	}
	if m.filter == nil {
		return m, missingField(parser + ".q")
	}
	if !given {
		return m, missingField(parser + ".u")
	}
	return m, nil
}

// isStatementField tells whether a field of an update's or a delete's statement has one type, and null for absent.
func isStatementField(key string) bool {
	switch key {
	case "q", "multi", "upsert", "arrayFilters", "collation", "c":
		return true
	}
	return false
}

func (m *modification) parseUpdate(v bson.RawValue) (err error) {
	switch v.Type {
	case bson.TypeEmbeddedDocument:
		m.update, err = document(v, "u")
		return err
	case bson.TypeArray:
		values, err := v.Array().Values()
		if err != nil {
			return mongoerror.New(mongoerror.InvalidBSON, "invalid pipeline")
		}
		m.stages = make([]bson.D, len(values))
		for i, e := range values {
			if e.Type != bson.TypeEmbeddedDocument {
				return mongoerror.New(mongoerror.TypeMismatch, "Each element of the 'pipeline' array must be an object")
			}
			if m.stages[i], err = bsonvalue.Decode(e.Document()); err != nil {
				return err
			}
		}
		return nil
	}
	return mongoerror.New(mongoerror.FailedToParse, "Update argument must be either an object or an array")
}

func parseFilterList(v bson.RawValue, path string) ([]bson.D, error) {
	array, ok := v.ArrayOK()
	if !ok {
		if d, isDocument := v.DocumentOK(); isDocument && len(d) > 5 {
			first := d.Index(0)
			return nil, mongoerror.New(40422, "BSON array field '%s' has an invalid value '%s' for an array field name.", path, first.Key())
		}
		return nil, wrongType(path, v.Type, "array")
	}
	values, err := array.Values()
	if err != nil {
		return nil, mongoerror.New(mongoerror.InvalidBSON, "invalid array of filters")
	}
	out := make([]bson.D, len(values))
	for i, e := range values {
		if out[i], err = document(e, path+"."+itoa(i)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// parsed is a modification whose filter and update have been parsed.
type parsed struct {
	filter *query.Filter
	update *update.Update
}

// checkStages refuses an update with a stage that MongoDB does not know. It notices only once all statements have been
// executed, and then the command fails, whatever they did.
func (m *modification) checkStages() error {
	for _, d := range m.stages {
		name := ""
		if len(d) > 0 {
			name = d[0].Key
		}
		if !pipeline.IsStage(name) {
			return mongoerror.New(40324, "Unrecognized pipeline stage name: '%s'", name)
		}
	}
	return nil
}

// parse parses filter and update of a statement on a collection, which may be nil; its errors are those of the statement.
func (m *modification) parse(in *store.Collection) (*parsed, error) {
	c, err := collationOf(m.collation, in)
	if err != nil {
		return nil, err
	}
	u, err := m.parseUpdateArgument(c)
	if err != nil {
		return nil, err
	}
	f, err := query.ParseWith(m.filter, query.Options{Collation: c})
	if err != nil {
		return nil, err
	}
	if m.upsert && f.HasExpression() {
		return nil, mongoerror.New(224, "$expr is not allowed in the query predicate for an upsert")
	}
	return &parsed{f, u}, nil
}

func (m *modification) parseUpdateArgument(c *collate.Collation) (*update.Update, error) {
	o := update.Options{ArrayFilters: m.filters, Collation: c}
	if m.stages != nil {
		return update.ParsePipeline(m.stages, m.constants, o)
	}
	if m.constants != nil {
		return nil, mongoerror.New(codeConstants, "Constant values may only be specified for pipeline updates")
	}
	u, err := update.Parse(m.update, o)
	if err == nil && m.multi && u.Replaces() {
		return nil, mongoerror.New(mongoerror.FailedToParse, "multi update is not supported for replacement-style update")
	}
	return u, err
}

// codeConstants has no name.
const codeConstants = 51198

// execute carries out one statement under the collection's lock: nobody sees it half done, and no
// other statement comes between its match and its write, so that concurrent upserts of one key
// insert it once. Only where it has to wait for a transaction do others come between; it goes on
// with the documents that are left.
func (m *modification) execute(ctx context.Context, s *State, r *Request, i int, collection string) (o outcome, err error) {
	p, err := m.parse(s.data(r).Collection(r.Database, collection))
	if err != nil {
		return o, err
	}
	var done map[store.RecordID]bool
	err = write(ctx, s, r, i, collection, m.upsert, func(c *store.Collection, w *store.Writer) error {
		if c == nil {
			return nil
		}
		hint, err := resolveHint(m.hint, w.Indexes(), queried{namespace: c.Namespace(), filter: p.filter, simple: true})
		if err != nil {
			return err
		}
		matches, err := matchLocked(ctx, w, p.filter, hint, !m.multi)
		if err != nil {
			return err
		}
		for i, f := range matches {
			if done[f.document.Record] {
				continue
			}
			changed, _, err := p.applyLocked(w, f)
			if err != nil {
				done = doneBefore(err, done, matches[:i])
				return err
			}
			o.matched++
			if changed {
				o.modified++
			}
		}
		if len(matches) == 0 && o.matched == 0 && m.upsert {
			d, err := p.insertLocked(w)
			if err != nil {
				return err
			}
			o.upserted, o.inserted = store.Field(d, "_id"), true
		}
		return nil
	})
	return o, err
}

// doneBefore adds documents to those that are not to be updated again, if the error of the document
// behind them is that of a transaction to wait for.
func doneBefore(err error, done map[store.RecordID]bool, updated []found) map[store.RecordID]bool {
	var conflict *store.Conflict
	if !errors.As(err, &conflict) {
		return done
	}
	if done == nil {
		done = map[store.RecordID]bool{}
	}
	for _, f := range updated {
		done[f.document.Record] = true
	}
	return done
}

// applyLocked updates one document and returns its new version.
func (p *parsed) applyLocked(w *store.Writer, f found) (changed bool, after bson.D, err error) {
	var delta *store.Delta
	if p.update.Operates() && w.Journaled() {
		delta = &store.Delta{}
	}
	after, counts, err := p.update.ApplyRecorded(f.document.Fields, f.index, delta)
	if err != nil {
		return false, nil, err
	}
	raw, err := encodeStored(after, codeResultTooLarge, "Resulting document after update is")
	if err != nil {
		return false, nil, err
	}
	if bytes.Equal(raw, f.document.Raw) {
		return counts, after, nil
	}
	_, err = w.Update(f.document, after, raw, delta)
	return err == nil, after, err
}

// insertLocked inserts the document of an upsert and returns it.
func (p *parsed) insertLocked(w *store.Writer) (bson.D, error) {
	d, err := p.update.Insert(p.filter)
	if err != nil {
		return nil, err
	}
	raw, err := encodeStored(d, codeUpsertTooLarge, "Document to upsert is")
	if err != nil {
		return nil, err
	}
	return d, w.Insert(d, raw)
}
