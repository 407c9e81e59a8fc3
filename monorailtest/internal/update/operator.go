package update

import (
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// operators parses the argument that an operator gives for one field. $rename is not here: it
// concerns two fields.
var operators = map[string]func(p *parser, f bson.E) (node, error){
	"$set":         parseSet,
	"$setOnInsert": parseSetOnInsert,
	"$unset":       parseUnset,
	"$inc":         parseInc,
	"$mul":         parseMul,
	"$min":         parseMin,
	"$max":         parseMax,
	"$currentDate": parseCurrentDate,
	"$bit":         parseBit,
	"$push":        parsePush,
	"$addToSet":    parseAddToSet,
	"$pull":        parsePull,
	"$pullAll":     parsePullAll,
	"$pop":         parsePop,
	"$rename":      nil,
}

// leafNode is an operator at the end of its path.
type leafNode struct {
	// existing computes the new value of a field that exists.
	existing func(c *context, v any, path string) (out any, removed bool, err error)
	// missing computes the value of a field that does not; nil for an operator that creates none.
	missing func(c *context, path string) (out any, created bool, err error)
	// ignoresPaths: a path that cannot exist is passed over.
	ignoresPaths bool
	// appended tells how many elements an array has got at its end, where that is all that happened to it; nil
	// for an operator of which the whole array is noted.
	appended func(before, after bson.A) int
	// onlyInsert: nothing happens but in an upsert that inserts.
	onlyInsert bool
}

func (l *leafNode) apply(c *context, v any, path string) (any, bool, error) {
	if l.onlyInsert && !c.insert {
		return v, false, nil
	}
	out, removed, err := l.existing(c, v, path)
	if c.delta != nil && err == nil {
		c.note(path, v, out, removed, l.appended)
	}
	return out, removed, err
}

func (l *leafNode) create(c *context, path string) (any, bool, error) {
	if l.missing == nil || l.onlyInsert && !c.insert {
		return nil, false, nil
	}
	out, created, err := l.missing(c, path)
	if c.delta != nil && err == nil && created {
		c.noteSet(path, out)
	}
	return out, created, err
}

func (l *leafNode) creates(c *context) bool {
	return l.missing != nil && (c.insert || !l.onlyInsert)
}

func (l *leafNode) tolerant(c *context) bool {
	return l.ignoresPaths || l.onlyInsert && !c.insert
}

func parseSet(p *parser, f bson.E) (node, error) {
	return &leafNode{
		existing: func(_ *context, v any, path string) (any, bool, error) {
			if bsonvalue.Identical(v, f.Value) {
				return v, false, nil
			}
			return f.Value, false, checkStorable(f.Value, path)
		},
		missing: func(_ *context, path string) (any, bool, error) { return f.Value, true, checkStorable(f.Value, path) },
	}, nil
}

func parseSetOnInsert(p *parser, f bson.E) (node, error) {
	n, err := parseSet(p, f)
	n.(*leafNode).onlyInsert = true
	return n, err
}

func parseUnset(*parser, bson.E) (node, error) {
	return &leafNode{
		existing:     func(*context, any, string) (any, bool, error) { return nil, true, nil },
		ignoresPaths: true,
	}, nil
}

func parseMin(p *parser, f bson.E) (node, error) { return parseExtreme(p.collation, f, -1) }

func parseMax(p *parser, f bson.E) (node, error) { return parseExtreme(p.collation, f, 1) }

// parseExtreme parses $min and $max: the operand takes the place of a value that compares to it
// the other way; an equal one of another type stays.
func parseExtreme(c *collation.Collation, f bson.E, wanted int) (node, error) {
	return &leafNode{
		existing: func(_ *context, v any, path string) (any, bool, error) {
			if c.Compare(f.Value, v) != wanted {
				return v, false, nil
			}
			return f.Value, false, checkStorable(f.Value, path)
		},
		missing: func(_ *context, path string) (any, bool, error) {
			return f.Value, true, checkStorable(f.Value, path)
		},
	}, nil
}

func parseCurrentDate(p *parser, f bson.E) (node, error) {
	timestamp := false
	switch x := f.Value.(type) {
	case bool:
	case bson.D:
		if len(x) == 0 {
			x = bson.D{{Key: "$type"}}
		}
		for _, e := range x {
			if e.Key != "$type" {
				return nil, mongoerror.New(mongoerror.BadValue, "Unrecognized $currentDate option: %s", e.Key)
			}
			if e.Value != "date" && e.Value != "timestamp" {
				return nil, mongoerror.New(mongoerror.BadValue,
					"The '$type' string field is required to be 'date' or 'timestamp': {$currentDate: {field : {$type: 'date'}}}")
			}
			timestamp = e.Value == "timestamp"
		}
	default:
		return nil, mongoerror.New(mongoerror.BadValue,
			"%s is not valid type for $currentDate. Please use a boolean ('true') or a $type expression ({$type: 'timestamp/date'}).",
			bsonvalue.TypeName(f.Value))
	}
	now := func(c *context) any {
		if timestamp {
			return nextTimestamp(c.now)
		}
		return primitive.NewDateTimeFromTime(c.now)
	}
	return &leafNode{
		existing: func(c *context, _ any, _ string) (any, bool, error) { return now(c), false, nil },
		missing:  func(c *context, _ string) (any, bool, error) { return now(c), true, nil },
	}, nil
}

// nextTimestamp is the timestamp of the server's clock: seconds, and 1 for the first in a second.
func nextTimestamp(now time.Time) primitive.Timestamp {
	return primitive.Timestamp{T: uint32(now.Unix()), I: 1}
}
