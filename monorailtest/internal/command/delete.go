package command

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// deletion is one statement of a delete command.
type deletion struct {
	filter    bson.D
	one       bool
	hint      any
	collation bson.D
}

// deleteDocuments answers delete: {n, writeErrors}.
func deleteDocuments(ctx context.Context, s *State, r *Request) (bson.D, error) {
	b, err := parseBatch(r, "deletes")
	if err != nil {
		return nil, err
	}
	deletions := make([]deletion, len(b.statements))
	for i, raw := range b.statements {
		if deletions[i], err = parseDeletion(raw); err != nil {
			return nil, err
		}
		if r.retry != nil && !deletions[i].one {
			return nil, errMultiRetry("limit=0")
		}
	}
	var n int32
	failed, err := b.run(s, r, len(deletions), func(i int) error {
		if err := ctx.Err(); err != nil {
			return &fatalError{err}
		}
		if s.executed(r, i) != nil {
			n++
			return nil
		}
		deleted, err := deletions[i].execute(ctx, s, r, i, b.collection)
		n += deleted
		return err
	})
	if err != nil {
		return nil, err
	}
	return appendErrors(bson.D{{Key: "n", Value: n}}, failed), nil
}

func parseDeletion(raw bson.Raw) (deletion, error) {
	const parser = "delete.deletes"
	d := deletion{}
	elems, err := raw.Elements()
	if err != nil {
		return d, mongoerror.New(mongoerror.InvalidBSON, "invalid statement")
	}
	limited := false
	for _, e := range elems {
		v, path := e.Value(), parser+"."+e.Key()
		if !present(v) && (e.Key() == "q" || e.Key() == "collation") {
			continue
		}
		switch e.Key() {
		case "q":
			d.filter, err = document(v, path)
		case "limit":
			limited = true
			d.one, err = parseDeleteLimit(v)
		case "hint":
			d.hint, err = decodeValue(v)
		case "collation":
			d.collation, err = document(v, path)
		default:
			err = unknownField(parser, e.Key())
		}
		if err != nil {
			return d, err
		}
	}
	if d.filter == nil {
		return d, missingField(parser + ".q")
	}
	if !limited {
		return d, missingField(parser + ".limit")
	}
	return d, nil
}

// parseDeleteLimit reads limit, which is 0 for all and 1 for one.
func parseDeleteLimit(v bson.RawValue) (bool, error) {
	x, err := decodeValue(v)
	if err != nil {
		return false, err
	}
	n, exact := int64(0), true
	if bsonvalue.IsNumber(x) {
		n, exact = bsonvalue.ToLong(x)
	}
	if !exact || n != 0 && n != 1 {
		return false, mongoerror.New(mongoerror.FailedToParse,
			"The limit field in delete objects must be 0 or 1. Got %s", bsonvalue.Format(x))
	}
	return n == 1, nil
}

func (d *deletion) execute(ctx context.Context, s *State, r *Request, i int, collection string) (n int32, err error) {
	c, err := collationOf(d.collation, s.data(r).Collection(r.Database, collection))
	if err != nil {
		return 0, err
	}
	f, err := query.ParseWith(d.filter, query.Options{Collation: c})
	if err != nil {
		return 0, err
	}
	if err := checkHintType(d.hint); err != nil {
		return 0, err
	}
	err = write(ctx, s, r, i, collection, false, func(c *store.Collection, w *store.Writer) error {
		if c == nil {
			return nil
		}
		if err := c.CheckDelete(); err != nil {
			return err
		}
		hint, err := resolveHint(d.hint, w.Indexes(), queried{namespace: c.Namespace(), filter: f, simple: true})
		if err != nil {
			return err
		}
		found, err := matchLocked(ctx, w, f, hint, d.one)
		if err != nil {
			return err
		}
		for _, m := range found {
			if err := w.Delete(m.document); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// found is a document that met a filter, with the place that the positional operator stands for.
type found struct {
	document *store.Document
	index    int
}

// matchLocked returns the documents that meet the filter, or the first of them only. If ctx is done, the error is fatal.
func matchLocked(ctx context.Context, w *store.Writer, f *query.Filter, h store.Hint, one bool) ([]found, error) {
	return matchScan(ctx, w.Scan(f.Constraints(), h), f, one)
}

func matchScan(ctx context.Context, scan *store.Scan, f *query.Filter, one bool) ([]found, error) {
	var out []found
	for {
		documents := scan.NextLocked()
		if len(documents) == 0 {
			return out, nil
		}
		for _, d := range documents {
			if err := ctx.Err(); err != nil {
				return nil, &fatalError{err}
			}
			ok, index, err := f.MatchElement(d.Fields)
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
			out = append(out, found{d, index})
			if one {
				return out, nil
			}
		}
	}
}

// checkHintType refuses a hint that is neither the name nor the key pattern of an index.
func checkHintType(hint any) error {
	switch hint.(type) {
	case nil, string, bson.D:
		return nil
	}
	return mongoerror.New(mongoerror.FailedToParse, "Hint must be a string or an object")
}

// resolveHint finds the index that a hint names.
func resolveHint(hint any, indexes []store.IndexSpec, q queried) (store.Hint, error) {
	if err := q.filter.Unplannable(); err != nil {
		return store.Hint{}, err
	}
	name, isName := hint.(string)
	pattern, isPattern := hint.(bson.D)
	if hint == nil || isPattern && len(pattern) == 0 {
		return store.Hint{}, nil
	}
	if isPattern && pattern[0].Key == "$natural" {
		n, _ := bsonvalue.ToLong(pattern[0].Value)
		return store.Hint{Natural: true, Backward: n < 0}, nil
	}
	for _, x := range indexes {
		if x.Hidden || isName && x.Name != name || isPattern && !bsonvalue.Equal(x.Key, pattern) {
			continue
		}
		return store.Hint{Index: x.Name}, nil
	}
	return store.Hint{}, q.unplanned(mongoerror.BadValue, "hint provided does not correspond to an existing index")
}
