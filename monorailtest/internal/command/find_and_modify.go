package command

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/order"
	"github.com/mongo-monorail/monorail/monorailtest/internal/projection"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// replacement holds the arguments of a findAndModify.
type replacement struct {
	modification
	sort, fields bson.D
	remove       bool
	returnNew    bool
	updates      bool
}

// findAndModify answers findAndModify: it changes or removes one document under the collection's
// lock, and returns it as it was or is.
func findAndModify(ctx context.Context, s *State, r *Request) (bson.D, error) {
	name, err := collectionName(r)
	if err != nil {
		return nil, err
	}
	if err := checkWritable(r.Database, name); err != nil {
		return nil, err
	}
	a, err := parseFindAndModify(r)
	if err != nil {
		return nil, err
	}
	in := s.data(r).Collection(r.Database, name)
	c, err := collationOf(a.collation, in)
	if err != nil {
		return nil, err
	}
	natural := naturalSort(a.sort)
	var o order.Order
	if !natural.Natural {
		if o, err = order.Parse(a.sort); err != nil {
			return nil, err
		}
	}
	o = o.Under(c)
	p := &parsed{}
	if a.remove {
		p.filter, err = query.ParseWith(a.filter, query.Options{Collation: c})
	} else {
		p, err = a.parse(in)
	}
	if err != nil {
		return nil, err
	}
	projected, err := projection.Parse(a.fields, p.filter, s.scope(c))
	if err != nil {
		return nil, err
	}
	var value, last bson.D
	if done := s.executed(r, 0); done != nil {
		value, last = a.repeated(done)
		return a.reply(projected, value, last)
	}
	err = write(ctx, s, r, 0, name, a.upsert, func(c *store.Collection, w *store.Writer) error {
		value, last = nil, bson.D{{Key: "n", Value: int32(0)}}
		if !a.remove {
			last = append(last, bson.E{Key: "updatedExisting", Value: false})
		}
		if c == nil {
			return nil
		}
		if a.remove {
			if err := c.CheckDelete(); err != nil {
				return err
			}
		}
		hint, err := resolveHint(a.hint, w.Indexes(), queried{namespace: c.Namespace(), filter: p.filter, sort: a.sort, simple: true})
		if err != nil {
			return err
		}
		if natural.Natural {
			hint = natural
		}
		value, last, err = a.executeLocked(ctx, w, p, o, hint, last)
		return err
	})
	if err != nil {
		return nil, err
	}
	return a.reply(projected, value, last)
}

// reply is what a findAndModify answers with the document to show, nil for none, and its lastErrorObject.
func (a *replacement) reply(projected *projection.Projection, value, last bson.D) (bson.D, error) {
	reply := bson.D{{Key: "lastErrorObject", Value: last}, {Key: "value", Value: nil}}
	if value != nil {
		value, err := projected.Apply(value)
		if err != nil {
			return nil, err
		}
		reply[1].Value = value
	}
	return reply, nil
}

// executeLocked returns the document to show, nil for none, and the lastErrorObject.
func (a *replacement) executeLocked(ctx context.Context, w *store.Writer, p *parsed, o order.Order, h store.Hint, nothing bson.D) (bson.D, bson.D, error) {
	fields := o.Fields()
	scan := w.ScanInOrder(p.filter.Constraints(), h, fields)
	sorted := inOrder(scan, o, fields)
	matches, err := matchScan(ctx, scan, p.filter, sorted)
	if err != nil {
		return nil, nil, err
	}
	if !sorted {
		if matches, err = order.Sort(o, matches, func(f found) bson.D { return f.document.Fields }); err != nil {
			return nil, nil, err
		}
	}
	if len(matches) == 0 {
		if !a.upsert {
			return nil, nothing, nil
		}
		d, err := p.insertLocked(w)
		if err != nil {
			return nil, nil, err
		}
		last := bson.D{{Key: "n", Value: int32(1)}, {Key: "updatedExisting", Value: false},
			{Key: "upserted", Value: store.Field(d, "_id")}}
		if !a.returnNew {
			d = nil
		}
		return d, last, nil
	}
	m := matches[0]
	before := m.document.Fields
	if a.remove {
		return before, bson.D{{Key: "n", Value: int32(1)}}, w.Delete(m.document)
	}
	_, after, err := p.applyLocked(w, m)
	last := bson.D{{Key: "n", Value: int32(1)}, {Key: "updatedExisting", Value: true}}
	if a.returnNew {
		return after, last, err
	}
	return before, last, err
}

func parseFindAndModify(r *Request) (*replacement, error) {
	a := &replacement{modification: modification{filter: bson.D{}}}
	err := eachField(r, func(key string, v bson.RawValue) (known bool, err error) { return a.take(r, key, v) },
		func(key string) error {
			return mongoerror.New(51177, "BSON field '%s' is an unknown field.", key)
		})
	switch {
	case err != nil:
		return nil, err
	case a.remove && a.updates:
		return nil, mongoerror.New(mongoerror.FailedToParse, "Cannot specify both an update and remove=true")
	case a.remove && a.upsert:
		return nil, mongoerror.New(mongoerror.FailedToParse, "Cannot specify both upsert=true and remove=true")
	case a.remove && a.returnNew:
		return nil, mongoerror.New(mongoerror.FailedToParse, "Cannot specify both new=true and remove=true; 'remove' always returns the deleted document")
	case a.remove && a.filters != nil:
		return nil, mongoerror.New(mongoerror.FailedToParse, "Cannot specify arrayFilters and remove=true")
	case naturalSort(a.sort).Natural && len(a.sort) > 1:
		return nil, mongoerror.New(mongoerror.BadValue, "Cannot include '$natural' in compound sort: %s", bsonvalue.Format(a.sort))
	case naturalSort(a.sort).Natural && a.hint != nil:
		return nil, mongoerror.New(mongoerror.BadValue, "index hint not allowed with $natural sort order")
	case !a.remove && !a.updates:
		return nil, mongoerror.New(mongoerror.FailedToParse, "Either an update or remove=true must be specified")
	}
	return a, nil
}

func (a *replacement) take(r *Request, key string, v bson.RawValue) (known bool, err error) {
	parameter := func() (bson.D, error) {
		if v.Type != bson.TypeEmbeddedDocument {
			code := int32(31160)
			switch key {
			case "sort":
				code = 31174
			case "fields":
				code = 31175
			}
			return nil, mongoerror.New(code, "'%s' parameter must be an object, found %s", key, aliasOf(v.Type))
		}
		return bsonvalue.Decode(v.Document())
	}
	flag := func() (bool, error) {
		x, err := decodeValue(v)
		return bsonvalue.Truth(x), err
	}
	switch key {
	case r.Name:
	case "bypassDocumentValidation":
		r.unchecked, err = flag()
	case "query":
		a.filter, err = parameter()
	case "sort":
		a.sort, err = parameter()
	case "fields":
		a.fields, err = parameter()
	case "collation":
		a.collation, err = document(v, key)
	case "update":
		a.updates = true
		err = a.parseUpdate(v)
	case "remove":
		a.remove, err = flag()
	case "new":
		a.returnNew, err = flag()
	case "upsert":
		a.upsert, err = flag()
	case "arrayFilters":
		a.filters, err = parseFilterList(v, "arrayFilters")
	case "hint":
		if a.hint, err = decodeValue(v); err == nil {
			err = checkHintType(a.hint)
		}
	default:
		return false, nil
	}
	return true, err
}
