package pipeline

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// merge is $merge.
type merge struct {
	target Namespace
	// on are the fields that say which document is the one, and names their names.
	on                          [][]string
	names                       []string
	whenMatched, whenNotMatched string
	// stages make the new document, and may refer to variables, whose values are those of values.
	stages    []bson.D
	variables []string
	values    []expression.Expression
	// identifiesByID: _id is among the fields, and is made where a document has none.
	identifiesByID bool
	// readsItsTarget: everything is read before anything is written.
	readsItsTarget bool
}

// mergeBatch is about how many bytes of documents are taken in before they are written: the size of a
// message.
const mergeBatch = 16 << 20

func parseMerge(c *Context, v any) (stage, error) {
	s, err := parseMergeSpec(c, v)
	if err != nil {
		return nil, err
	}
	m := &merge{target: s.target, names: s.on, whenMatched: s.whenMatched, whenNotMatched: s.whenNotMatched, stages: s.stages,
		readsItsTarget: s.target == c.Namespace}
	for _, name := range s.on {
		m.on = append(m.on, strings.Split(name, "."))
		m.identifiesByID = m.identifiesByID || name == "_id"
	}
	if s.onGiven {
		if err := c.Host.UniqueKey(s.target, s.on); err != nil {
			return nil, err
		}
	}
	switch {
	case c.InTransaction:
		return nil, mongoerror.New(mongoerror.OperationNotSupportedInTransaction, "$merge cannot be used in a transaction")
	case strings.HasPrefix(s.target.Collection, "system."):
		return nil, mongoerror.New(31319, "Cannot $merge to special collection: %s", s.target.Collection)
	case isInternal(s.target.Database):
		return nil, mongoerror.New(31320, "Cannot $merge to internal database: %s", s.target.Database)
	}
	if s.whenMatched != mergePipeline {
		if s.let != nil {
			return nil, mongoerror.New(51199, "Cannot use 'let' variables with 'whenMatched: %s' mode", s.whenMatched)
		}
		return m, nil
	}
	return m, m.parseLet(c, s.let)
}

// parseLet parses the variables of the pipeline. $$new is always among them: the new document.
func (m *merge) parseLet(c *Context, let bson.D) error {
	given := field(let, "new")
	if !bsonvalue.IsMissing(given) && given != "$$ROOT" {
		return mongoerror.New(51273, "'let' may not define a value for the reserved 'new' variable other than '$$ROOT'")
	}
	if bsonvalue.IsMissing(given) && (let == nil || m.whenNotMatched == mergeInsert) {
		let = append(let[:len(let):len(let)], bson.E{Key: "new", Value: "$$ROOT"})
	}
	for _, e := range let {
		if err := expression.CheckVariable(e.Key); err != nil {
			return err
		}
		x, err := expression.Parse(e.Value, c.Scope)
		if err != nil {
			return err
		}
		m.variables, m.values = append(m.variables, e.Key), append(m.values, x)
	}
	return nil
}

func (m *merge) open(r *run, in Iterator) Iterator {
	return later(func() ([]bson.D, error) {
		for done := false; !done; {
			var batch []bson.D
			for size := 0; m.readsItsTarget || size < mergeBatch; {
				d, ok, err := in()
				if err != nil {
					return nil, err
				}
				if !ok {
					done = true
					break
				}
				batch = append(batch, d)
				if size += sizeOf(d); len(batch)%checkEvery == 0 && r.ctx().Err() != nil {
					return nil, r.ctx().Err()
				}
			}
			if err := m.write(r, batch); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
}

// write merges documents into the target.
func (m *merge) write(r *run, documents []bson.D) error {
	keys := make([]bson.D, len(documents))
	for i, d := range documents {
		if m.identifiesByID && bsonvalue.IsMissing(field(d, "_id")) {
			documents[i] = append(bson.D{{Key: "_id", Value: primitive.NewObjectID()}}, d...)
		}
		var err error
		if keys[i], err = m.key(documents[i]); err != nil {
			return err
		}
	}
	if m.whenMatched == mergeFail {
		return r.Host.Insert(r.ctx(), m.target, documents)
	}
	all := true
	for i, d := range documents {
		matched, err := m.update(r, keys[i], d)
		if err != nil {
			return err
		}
		all = all && matched
	}
	if !all && m.whenNotMatched == mergeFail {
		return mongoerror.New(13113, "$merge could not find a matching document in the target collection for at least one document in the source collection")
	}
	return nil
}

// key returns the values of a document that say which document is meant.
func (m *merge) key(d bson.D) (bson.D, error) {
	out := make(bson.D, len(m.on))
	for i, path := range m.on {
		v := nested(d, path)
		if _, ok := v.(bson.A); ok {
			return nil, mongoerror.New(51185, "$merge write error: 'on' field '%s' is an array", m.names[i])
		}
		if isNullish(v) {
			return nil, mongoerror.New(51132, "$merge write error: 'on' field '%s' cannot be missing, null, undefined or an array", m.names[i])
		}
		out[i] = bson.E{Key: m.names[i], Value: v}
	}
	return out, nil
}

func (m *merge) update(r *run, key, d bson.D) (matched bool, err error) {
	change := Modification{Upsert: m.whenNotMatched == mergeInsert}
	switch m.whenMatched {
	case mergeMerge:
		change.Document = bson.D{{Key: "$set", Value: d}}
	case mergeKeepExisting:
		change.Document = bson.D{{Key: "$setOnInsert", Value: d}}
	case mergePipeline:
		change.Stages, change.Insert = m.stages, d
		for i, x := range m.values {
			v, err := x.Evaluate(d)
			if err != nil {
				return false, err
			}
			if !bsonvalue.IsMissing(v) {
				change.Constants = append(change.Constants, bson.E{Key: m.variables[i], Value: v})
			}
		}
	default:
		change.Document = d
	}
	return r.Host.Update(r.ctx(), m.target, key, change)
}
