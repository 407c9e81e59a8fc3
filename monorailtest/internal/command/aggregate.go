package command

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/pipeline"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// aggregate answers aggregate on a collection: a cursor.
func aggregate(ctx context.Context, s *State, r *Request) (bson.D, error) {
	v := r.Body.Lookup("aggregate")
	name, ok := v.StringValueOK()
	if !ok {
		if n, isNumber := asFloat(v); isNumber && n == 1 {
			return nil, notImplemented("an aggregation without a collection")
		}
		return nil, mongoerror.New(mongoerror.FailedToParse, "Invalid command format: the 'aggregate' field must specify a collection name or 1")
	}
	if err := checkCollection(r.Database, name); err != nil {
		return nil, err
	}
	var stages []bson.D
	var hint any
	given, cursor := false, false
	options := cursorOptions{batchSize: -1}
	err := eachField(r, func(key string, v bson.RawValue) (_ bool, err error) {
		switch key {
		case "aggregate", "bypassDocumentValidation":
		case "allowDiskUse":
			if _, ok := v.BooleanOK(); !ok {
				err = mongoerror.New(mongoerror.TypeMismatch, "allowDiskUse must be a bool, not a %s", aliasOf(v.Type))
			}
		case "pipeline":
			given = true
			stages, err = parseStages(v)
		case "cursor":
			cursor = true
			options.batchSize, err = parseCursorOption(v)
		case "hint":
			if hint, err = decodeValue(v); err == nil {
				err = checkHintType(hint)
			}
		case "collation":
			err = collation(v, "aggregate.collation")
		case "explain":
			if set, _ := v.BooleanOK(); set {
				err = notImplemented("explain")
			}
		default:
			return false, nil
		}
		return true, err
	}, func(key string) error {
		return mongoerror.New(mongoerror.FailedToParse, "unrecognized field '%s'", key)
	})
	switch {
	case err != nil:
		return nil, err
	case !given:
		return nil, mongoerror.New(mongoerror.TypeMismatch, "'pipeline' option must be specified as an array")
	case !cursor:
		return nil, mongoerror.New(mongoerror.FailedToParse, "The 'cursor' option is required, except for aggregate with the explain argument")
	}
	p, err := pipeline.Parse(stages)
	if err != nil {
		return nil, err
	}
	var in []bson.D
	if c := s.reads(r).Collection(r.Database, name); c != nil {
		if in, err = input(ctx, c, p, hint); err != nil {
			return nil, err
		}
	}
	out, err := p.Run(in)
	if err != nil {
		return nil, err
	}
	return openCursor(s, r, r.Database+"."+name, list(out, bsonvalue.Encode), options)
}

// input returns the documents that meet the first $match.
func input(ctx context.Context, c *store.Collection, p *pipeline.Pipeline, hint any) ([]bson.D, error) {
	h, err := resolveHint(hint, c.Indexes(), c.Namespace(), p.First())
	if err != nil {
		return nil, err
	}
	found, err := newMatcher(c, p.First(), h).all(ctx)
	in := make([]bson.D, len(found))
	for i, d := range found {
		in[i] = d.Fields
	}
	return in, err
}

func parseStages(v bson.RawValue) ([]bson.D, error) {
	array, ok := v.ArrayOK()
	if !ok {
		return nil, mongoerror.New(mongoerror.TypeMismatch, "'pipeline' option must be specified as an array")
	}
	values, err := array.Values()
	if err != nil {
		return nil, mongoerror.New(mongoerror.InvalidBSON, "invalid pipeline")
	}
	out := make([]bson.D, len(values))
	for i, e := range values {
		if e.Type != bson.TypeEmbeddedDocument {
			return nil, mongoerror.New(mongoerror.TypeMismatch, "Each element of the 'pipeline' array must be an object")
		}
		if out[i], err = bsonvalue.Decode(e.Document()); err != nil {
			return nil, err
		}
	}
	return out, nil
}
