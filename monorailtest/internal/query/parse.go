package query

import (
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func itoa(i int) string { return strconv.Itoa(i) }

func badValue(format string, args ...any) error {
	return mongoerror.New(mongoerror.BadValue, format, args...)
}

// parseDocument parses a whole filter: fields and top-level operators, all of which must hold.
func (ps *parser) parseDocument(d bson.D) (all, error) {
	out := make(all, 0, len(d))
	for _, e := range d {
		n, err := ps.parseElement(e)
		if err != nil {
			return nil, err
		}
		if n != nil {
			out = append(out, n)
		}
	}
	return out, nil
}

func (ps *parser) parseElement(e bson.E) (node, error) {
	if strings.HasPrefix(e.Key, "$") {
		return ps.parseTopLevel(e.Key, e.Value)
	}
	p := newPath(e.Key)
	if d, ok := e.Value.(bson.D); ok && isOperatorDocument(d) {
		return ps.parseOperators(p, e.Key, d)
	}
	return ps.parseEquality(p, e.Key, e.Value)
}

// isOperatorDocument tells {$gt: 1} from a value to compare with; {$ref: ..., $id: ...} is one of
// the latter, a reference.
func isOperatorDocument(d bson.D) bool {
	return len(d) > 0 && strings.HasPrefix(d[0].Key, "$") && (!has(d, "$ref") || !has(d, "$id"))
}

func has(d bson.D, name string) bool { return !bsonvalue.IsMissing(field(d, name)) }

func (ps *parser) parseEquality(p path, name string, v any) (node, error) {
	if r, ok := v.(primitive.Regex); ok {
		m, err := newPattern(r)
		if err != nil {
			return nil, err
		}
		return &leaf{path: p, name: name, value: m}, nil
	}
	if _, ok := v.(primitive.Undefined); ok {
		return nil, badValue("cannot compare to undefined")
	}
	return &leaf{path: p, name: name, value: ps.newComparison("$eq", v)}, nil
}

func (ps *parser) parseTopLevel(operator string, v any) (node, error) {
	switch operator {
	case "$and", "$or", "$nor":
		return ps.parseLogical(operator, v)
	case "$comment":
		return nil, nil
	case "$alwaysTrue", "$alwaysFalse":
		if n, ok := wholeNumber(v); !ok || n != 1 {
			return nil, mongoerror.New(mongoerror.FailedToParse, "%s must be an integer value of 1", operator)
		}
		return constant(operator == "$alwaysTrue"), nil
	case "$expr":
		return ps.parseExpression(v)
	case "$where":
		if err := ps.topLevelOnly(operator); err != nil {
			return nil, err
		}
		switch v.(type) {
		case string, primitive.JavaScript, primitive.CodeWithScope:
			return nil, badValue("no globalScriptEngine in $where parsing")
		}
		return nil, badValue("$where got bad type")
	case "$text":
		if err := ps.topLevelOnly(operator); err != nil {
			return nil, err
		}
		return parseText(v)
	case "$jsonSchema":
		if ps.Restricted {
			return nil, mongoerror.New(codeFeatureNotAllowed, "$jsonSchema is not allowed in this context")
		}
		return parseSchema(v)
	case "$sampleRate":
		if ps.depth > 0 {
			return nil, badValue("$sampleRate can only be applied to the top-level document")
		}
		return parseSampleRate(v)
	case "$ref", "$id", "$db":
		// The fields of a reference.
		return ps.parseEquality(path{operator}, operator, v)
	}
	return nil, badValue("unknown top level operator: %s", operator)
}

func (ps *parser) parseLogical(operator string, v any) (node, error) {
	a, ok := v.(bson.A)
	if !ok {
		return nil, badValue("%s must be an array", operator)
	}
	if len(a) == 0 {
		return nil, badValue("$and/$or/$nor must be a nonempty array")
	}
	parts := make([]node, len(a))
	for i, item := range a {
		d, ok := item.(bson.D)
		if !ok {
			return nil, badValue("$or/$and/$nor entries need to be full objects")
		}
		part, err := ps.parseDocument(d)
		if err != nil {
			return nil, err
		}
		parts[i] = part
	}
	switch operator {
	case "$and":
		return all(parts), nil
	case "$or":
		return some(parts), nil
	}
	return not{some(parts)}, nil
}

// parseOperators parses {field: {$op: ..., $op: ...}}.
func (ps *parser) parseOperators(p path, name string, d bson.D) (node, error) {
	if len(d) > 0 && isNear(d[0].Key) {
		return ps.parseNear(d)
	}
	out := make(all, 0, len(d))
	for _, e := range d {
		n, err := ps.parseOperator(p, name, e, d)
		if err != nil {
			return nil, err
		}
		if n != nil {
			out = append(out, n)
		}
	}
	if len(out) == 1 {
		return out[0], nil
	}
	return out, nil
}

// parseOperator parses one operator of a field. Nil means that another operator of the same
// document covers it ($options).
func (ps *parser) parseOperator(p path, name string, e bson.E, siblings bson.D) (node, error) {
	at := func(v valueNode, err error) (node, error) {
		if err != nil {
			return nil, err
		}
		return &leaf{path: p, name: name, value: v}, nil
	}
	whole := func(v valueNode, err error) (node, error) {
		if err != nil {
			return nil, err
		}
		return &leaf{path: p, name: name, whole: true, value: v}, nil
	}
	negated := func(n node, err error) (node, error) {
		if err != nil {
			return nil, err
		}
		return not{n}, nil
	}
	switch e.Key {
	case "$eq", "$lt", "$lte", "$gt", "$gte":
		return at(ps.parseComparison(name, e.Key, e.Value))
	case "$ne":
		if isPattern(e.Value) {
			return nil, badValue("Can't have regex as arg to $ne.")
		}
		return negated(at(ps.parseComparison(name, "$eq", e.Value)))
	case "$in":
		return at(ps.parseIn("$in", e.Value))
	case "$nin":
		return negated(at(ps.parseIn("$nin", e.Value)))
	case "$exists":
		n := &leaf{path: p, name: name, value: exists{}}
		if !bsonvalue.Truth(e.Value) {
			return not{n}, nil
		}
		return n, nil
	case "$type":
		return at(parseType(name, e.Value))
	case "$mod":
		return at(parseModulo(e.Value))
	case "$size":
		return whole(parseSize(name, e.Value))
	case "$regex":
		return at(parseRegex(siblings))
	case "$options":
		if field(siblings, "$regex") == bsonvalue.Missing {
			return nil, badValue("$options needs a $regex")
		}
		return nil, nil
	case "$bitsAllSet", "$bitsAllClear", "$bitsAnySet", "$bitsAnyClear":
		return at(parseBits(name, e.Key, e.Value))
	case "$elemMatch":
		return whole(ps.parseElementMatch(e.Value))
	case "$all":
		return ps.parseAll(p, name, e.Value)
	case "$not":
		return negated(ps.parseNot(p, name, e.Value))
	}
	return nil, unknownOperator(e.Key)
}

func unknownOperator(operator string) error {
	switch operator {
	case "$where":
		return badValue("$where cannot be applied to a field")
	case "$near", "$nearSphere", "$geoNear":
		return badValue("near must be first")
	case "$within", "$geoWithin", "$geoIntersects":
		return mongoerror.New(mongoerror.NotImplemented, "%s is not supported by this server", operator)
	}
	return badValue("unknown operator: %s", operator)
}

func (ps *parser) parseNot(p path, name string, v any) (node, error) {
	switch x := v.(type) {
	case primitive.Regex:
		return ps.parseEquality(p, name, x)
	case bson.D:
		if len(x) == 0 {
			return nil, badValue("$not cannot be empty")
		}
		return ps.parseOperators(p, name, x)
	}
	return nil, badValue("$not needs a regex or a document")
}

func (ps *parser) parseComparison(name, operator string, v any) (valueNode, error) {
	switch v.(type) {
	case primitive.Undefined:
		return nil, badValue("cannot compare to undefined")
	case primitive.Regex:
		if operator != "$eq" {
			return nil, badValue("Can't have RegEx as arg to predicate over field '%s'.", name)
		}
	}
	return ps.newComparison(operator, v), nil
}

func (ps *parser) parseIn(operator string, v any) (*in, error) {
	a, ok := v.(bson.A)
	if !ok {
		return nil, badValue("%s needs an array", operator)
	}
	n := &in{collation: ps.Collation}
	for _, item := range a {
		switch x := item.(type) {
		case bson.D:
			if isOperatorDocument(x) {
				return nil, badValue("cannot nest $ under %s", operator)
			}
		case primitive.Regex:
			p, err := newPattern(x)
			if err != nil {
				return nil, err
			}
			n.patterns = append(n.patterns, p)
			continue
		case primitive.Undefined:
			return nil, badValue("InMatchExpression equality cannot be undefined")
		}
		n.add(item)
	}
	return n, nil
}

// Codes of options that are given twice: behind the regular expression, and before it.
const (
	codeOptionsBefore = 51074
	codeOptionsBehind = 51075
)

// parseRegex parses {$regex: ..., $options: ...}, the two in any order.
func parseRegex(siblings bson.D) (*pattern, error) {
	var r primitive.Regex
	for _, e := range siblings {
		switch e.Key {
		case "$regex":
			switch x := e.Value.(type) {
			case string:
				r.Pattern = x
			case primitive.Regex:
				if x.Options != "" && r.Options != "" {
					return nil, mongoerror.New(codeOptionsBefore, "options set in both $regex and $options")
				}
				r.Pattern, r.Options = x.Pattern, r.Options+x.Options
			default:
				return nil, badValue("$regex has to be a string")
			}
		case "$options":
			options, ok := e.Value.(string)
			switch {
			case !ok:
				return nil, badValue("$options has to be a string")
			case r.Options != "":
				return nil, mongoerror.New(codeOptionsBehind, "options set in both $regex and $options")
			}
			r.Options = options
		}
	}
	return newPattern(r)
}
