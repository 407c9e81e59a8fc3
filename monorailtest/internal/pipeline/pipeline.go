// Package pipeline holds the stages of aggregate.
package pipeline

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/order"
	"github.com/mongo-monorail/monorail/monorailtest/internal/projection"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// Pipeline is a parsed pipeline. It is immutable and may be shared between goroutines.
type Pipeline struct {
	// first is the filter of a $match at the beginning, which an index may serve; nil for none.
	first  *query.Filter
	stages []stage
}

// stage makes of the documents that come in those that go out. Documents are not changed.
type stage func(in []bson.D) ([]bson.D, error)

// parsers parses the argument of each stage that is supported.
var parsers = map[string]func(v any) (stage, error){
	"$match": parseMatch, "$group": parseGroup, "$sort": parseSort, "$limit": parseLimit, "$skip": parseSkip,
	"$count": parseCount, "$project": parseProject, "$unset": parseUnset, "$addFields": parseAddFields, "$set": parseAddFields,
	"$unwind": parseUnwind, "$sortByCount": parseSortByCount, "$replaceRoot": parseReplaceRoot, "$replaceWith": parseReplaceWith,
}

// unsupported are the stages of MongoDB 4.4 that are not there.
var unsupported = map[string]bool{
	"$bucket": true, "$bucketAuto": true, "$changeStream": true, "$collStats": true, "$currentOp": true, "$facet": true,
	"$geoNear": true, "$graphLookup": true, "$indexStats": true, "$listLocalSessions": true, "$listSessions": true,
	"$lookup": true, "$merge": true, "$out": true, "$planCacheStats": true, "$redact": true, "$sample": true, "$unionWith": true,
}

// Parse parses a pipeline. Errors are *mongoerror.Error: 40324 for a stage that MongoDB does not
// know, NotImplemented (238) for one that it does.
func Parse(stages []bson.D) (*Pipeline, error) {
	p := &Pipeline{}
	for i, d := range stages {
		if len(d) != 1 {
			return nil, mongoerror.New(40323, "A pipeline stage specification object must contain exactly one field.")
		}
		name, v := d[0].Key, d[0].Value
		parse, ok := parsers[name]
		if !ok {
			if unsupported[name] {
				return nil, mongoerror.New(mongoerror.NotImplemented, "stage %s is not supported by this server", name)
			}
			return nil, mongoerror.New(40324, "Unrecognized pipeline stage name: '%s'", name)
		}
		if filter, ok := v.(bson.D); ok && i == 0 && name == "$match" {
			f, err := query.Parse(filter)
			if err != nil {
				return nil, err
			}
			p.first = f
			continue
		}
		s, err := parse(v)
		if err != nil {
			return nil, err
		}
		p.stages = append(p.stages, s)
	}
	if p.first == nil {
		p.first, _ = query.Parse(nil)
	}
	return p, nil
}

// IsStage tells whether MongoDB 4.4 has a stage of that name.
func IsStage(name string) bool { return parsers[name] != nil || unsupported[name] }

// First returns the filter that the documents of Run have met already.
func (p *Pipeline) First() *query.Filter { return p.first }

// Run passes documents through the pipeline.
func (p *Pipeline) Run(in []bson.D) ([]bson.D, error) {
	for _, s := range p.stages {
		var err error
		if in, err = s(in); err != nil {
			return nil, err
		}
	}
	return in, nil
}

func parseMatch(v any) (stage, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(15959, "the match filter must be an expression in an object")
	}
	f, err := query.Parse(d)
	return func(in []bson.D) ([]bson.D, error) {
		var out []bson.D
		for _, d := range in {
			ok, err := f.Match(d)
			if err != nil {
				return nil, err
			}
			if ok {
				out = append(out, d)
			}
		}
		return out, nil
	}, err
}

func parseSort(v any) (stage, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(15973, "the $sort key specification must be an object")
	}
	if len(d) == 0 {
		return nil, mongoerror.New(15976, "$sort stage must have at least one sort key")
	}
	for _, e := range d {
		if !bsonvalue.IsNumber(e.Value) {
			if _, ok := e.Value.(bson.D); !ok {
				return nil, mongoerror.New(15974, "Illegal key in $sort specification: %s: %s", e.Key, bsonvalue.Format(e.Value))
			}
		}
	}
	o, err := order.Parse(d)
	return func(in []bson.D) ([]bson.D, error) {
		return order.Sort(o, in, func(d bson.D) bson.D { return d })
	}, err
}

func parseLimit(v any) (stage, error) {
	n, exact := bsonvalue.ToLong(v)
	switch {
	case !bsonvalue.IsNumber(v):
		return nil, mongoerror.New(15957, "the limit must be specified as a number")
	case !exact || n <= 0:
		return nil, mongoerror.New(15958, "the limit must be positive")
	}
	return func(in []bson.D) ([]bson.D, error) { return in[:min(n, int64(len(in)))], nil }, nil
}

func parseSkip(v any) (stage, error) {
	n, exact := bsonvalue.ToLong(v)
	switch {
	case !bsonvalue.IsNumber(v):
		return nil, mongoerror.New(15972, "Argument to $skip must be a number")
	case !exact || n < 0:
		return nil, mongoerror.New(15956, "Argument to $skip cannot be negative")
	}
	return func(in []bson.D) ([]bson.D, error) { return in[min(n, int64(len(in))):], nil }, nil
}

func parseCount(v any) (stage, error) {
	name, ok := v.(string)
	switch {
	case !ok:
		return nil, mongoerror.New(40156, "the count field must be a non-empty string")
	case name == "":
		return nil, mongoerror.New(40157, "the count field must be a non-empty string")
	case name[0] == '$':
		return nil, mongoerror.New(40158, "the count field cannot be a $-prefixed path")
	case strings.Contains(name, "."):
		return nil, mongoerror.New(40160, "the count field cannot contain '.'")
	}
	return func(in []bson.D) ([]bson.D, error) {
		if len(in) == 0 {
			return nil, nil
		}
		return []bson.D{{{Key: name, Value: int32(len(in))}}}, nil
	}, nil
}

// parseProject parses a projection by inclusion or exclusion. Computed fields are refused.
func parseProject(v any) (stage, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(15969, "$project specification must be an object")
	}
	if len(d) == 0 {
		return nil, mongoerror.New(51272, "Invalid $project :: caused by :: projection specification must have at least one field")
	}
	if len(d) == 1 && d[0].Key == "_id" && !bsonvalue.Truth(d[0].Value) && !hasOperator(d) {
		return parseUnset("_id")
	}
	if hasOperator(d) {
		return nil, mongoerror.New(mongoerror.NotImplemented, "this form of $project is not supported by this server")
	}
	p, err := projection.Parse(d, nil, nil)
	return func(in []bson.D) ([]bson.D, error) {
		return each(in, func(d bson.D) (bson.D, error) { return p.Apply(d) })
	}, err
}

// hasOperator tells whether a projection holds anything but 0, 1 and their nesting.
func hasOperator(d bson.D) bool {
	for _, e := range d {
		inner, isDocument := e.Value.(bson.D)
		_, isBool := e.Value.(bool)
		if isDocument {
			if strings.HasPrefix(e.Key, "$") || len(inner) == 0 || hasOperator(inner) {
				return true
			}
		} else if strings.HasPrefix(e.Key, "$") || !isBool && !bsonvalue.IsNumber(e.Value) {
			return true
		}
	}
	return false
}

func parseUnset(v any) (stage, error) {
	names, ok := v.(bson.A)
	if !ok {
		names = bson.A{v}
	}
	d := bson.D{}
	for _, n := range names {
		name, ok := n.(string)
		if !ok {
			return nil, mongoerror.New(31002, "$unset specification must be a string or an array")
		}
		d = append(d, bson.E{Key: name, Value: int32(0)})
	}
	if len(d) == 0 {
		return nil, mongoerror.New(31119, "$unset specification must be a string or an array with at least one field")
	}
	if len(d) == 1 && d[0].Key == "_id" {
		return func(in []bson.D) ([]bson.D, error) {
			return each(in, func(d bson.D) (bson.D, error) { return without(d, "_id"), nil })
		}, nil
	}
	p, err := projection.Parse(d, nil, nil)
	return func(in []bson.D) ([]bson.D, error) {
		return each(in, func(d bson.D) (bson.D, error) { return p.Apply(d) })
	}, err
}

func without(d bson.D, name string) bson.D {
	out := make(bson.D, 0, len(d))
	for _, e := range d {
		if e.Key != name {
			out = append(out, e)
		}
	}
	return out
}

func each(in []bson.D, change func(d bson.D) (bson.D, error)) ([]bson.D, error) {
	out := make([]bson.D, len(in))
	for i, d := range in {
		var err error
		if out[i], err = change(d); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// parseAddFields parses $addFields and $set of fields at the top level; paths are refused.
func parseAddFields(v any) (stage, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(40272, "$addFields specification stage must be an object")
	}
	if len(d) == 0 {
		return nil, mongoerror.New(40177, "Invalid $addFields :: caused by :: specification must have at least one field")
	}
	values := make([]expression.Expression, len(d))
	for i, e := range d {
		if inner, nested := e.Value.(bson.D); strings.Contains(e.Key, ".") || nested && (len(inner) == 0 || inner[0].Key[:min(1, len(inner[0].Key))] != "$") {
			return nil, mongoerror.New(mongoerror.NotImplemented, "nested fields of $addFields are not supported by this server")
		}
		if strings.HasPrefix(e.Key, "$") {
			return nil, mongoerror.New(16410, "FieldPath field names may not start with '$'.")
		}
		var err error
		if values[i], err = expression.Parse(e.Value, nil); err != nil {
			return nil, err
		}
	}
	return func(in []bson.D) ([]bson.D, error) {
		return each(in, func(source bson.D) (bson.D, error) {
			out := append(bson.D(nil), source...)
			for i, e := range d {
				v, err := values[i].Evaluate(source)
				if err != nil {
					return nil, err
				}
				out = put(out, e.Key, v)
			}
			return out, nil
		})
	}, nil
}

// put sets a field in place or at the end, or takes it out for a missing value.
func put(d bson.D, name string, v any) bson.D {
	if bsonvalue.IsMissing(v) {
		return without(d, name)
	}
	for i := range d {
		if d[i].Key == name {
			d[i].Value = v
			return d
		}
	}
	return append(d, bson.E{Key: name, Value: v})
}

func parseReplaceRoot(v any) (stage, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(40229, "expected an object as specification for $replaceRoot stage, got %s", bsonvalue.TypeName(v))
	}
	if len(d) != 1 || d[0].Key != "newRoot" {
		return nil, mongoerror.New(40231, "no newRoot specified for the $replaceRoot stage")
	}
	return parseReplaceWith(d[0].Value)
}

func parseReplaceWith(v any) (stage, error) {
	e, err := expression.Parse(v, nil)
	return func(in []bson.D) ([]bson.D, error) {
		return each(in, func(d bson.D) (bson.D, error) {
			v, err := e.Evaluate(d)
			if err != nil {
				return nil, err
			}
			out, ok := v.(bson.D)
			if !ok {
				return nil, mongoerror.New(40228, "'newRoot' expression must evaluate to an object, but resulting value was: %s. Type of resulting value: '%s'.",
					bsonvalue.Format(v), bsonvalue.TypeName(v))
			}
			return out, nil
		})
	}, err
}

func parseUnwind(v any) (stage, error) {
	name, ok := v.(string)
	if !ok {
		return nil, mongoerror.New(mongoerror.NotImplemented, "options of $unwind are not supported by this server")
	}
	if !strings.HasPrefix(name, "$") {
		return nil, mongoerror.New(28818, "path option to $unwind stage should be prefixed with a '$': %s", name)
	}
	if name = name[1:]; strings.Contains(name, ".") {
		return nil, mongoerror.New(mongoerror.NotImplemented, "$unwind of a nested field is not supported by this server")
	}
	return func(in []bson.D) ([]bson.D, error) {
		var out []bson.D
		for _, d := range in {
			for i, e := range d {
				if e.Key != name {
					continue
				}
				values, isArray := e.Value.(bson.A)
				if !isArray && e.Value != nil {
					values = bson.A{e.Value}
				}
				for _, item := range values {
					c := append(bson.D(nil), d...)
					c[i].Value = item
					out = append(out, c)
				}
				break
			}
		}
		return out, nil
	}, nil
}

func parseSortByCount(v any) (stage, error) {
	switch x := v.(type) {
	case string:
		if !strings.HasPrefix(x, "$") {
			return nil, mongoerror.New(40148, "the sortByCount field must be defined as a $-prefixed path or an expression inside an object")
		}
	case bson.D:
		if len(x) != 1 || !strings.HasPrefix(x[0].Key, "$") {
			return nil, mongoerror.New(40147, "the sortByCount field must be defined as a $-prefixed path or an expression inside an object")
		}
	default:
		return nil, mongoerror.New(40149, "the sortByCount field must be specified as a string or as an object")
	}
	group, err := parseGroup(bson.D{{Key: "_id", Value: v}, {Key: "count", Value: bson.D{{Key: "$sum", Value: int32(1)}}}})
	if err != nil {
		return nil, err
	}
	sort, err := parseSort(bson.D{{Key: "count", Value: int32(-1)}})
	return func(in []bson.D) ([]bson.D, error) {
		out, err := group(in)
		if err != nil {
			return nil, err
		}
		return sort(out)
	}, err
}
