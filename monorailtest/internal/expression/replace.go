package expression

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	parsers["$replaceOne"] = parseReplace
	parsers["$replaceAll"] = parseReplace
}

// replace is $replaceOne or $replaceAll. It is never computed ahead, its operands are.
type replace struct {
	name                     string
	input, find, replacement node
}

func parseReplace(p *parser, name string, argument any, names *variable) (node, error) {
	d, ok := argument.(bson.D)
	if !ok {
		return nil, mongoerror.New(51751, "%s requires an object as an argument, found: %s", name, bsonvalue.TypeName(argument))
	}
	r := &replace{name: name}
	places := map[string]*node{"input": &r.input, "find": &r.find, "replacement": &r.replacement}
	if err := p.fields(d, names, places, func(field string) error {
		return mongoerror.New(51750, "%s found an unknown argument: %s", name, field)
	}); err != nil {
		return nil, err
	}
	switch {
	case r.input == nil:
		return nil, mongoerror.New(51749, "%s requires 'input' to be specified", name)
	case r.find == nil:
		return nil, mongoerror.New(51748, "%s requires 'find' to be specified", name)
	case r.replacement == nil:
		return nil, mongoerror.New(51747, "%s requires 'replacement' to be specified", name)
	}
	return r, nil
}

func (r *replace) evaluate(f *frame) (any, error) {
	operands := [3]struct {
		node node
		name string
		code int32
	}{{r.input, "input", 51746}, {r.find, "find", 51745}, {r.replacement, "replacement", 51744}}
	var s [3]string
	null := false
	for i, o := range operands {
		v, err := o.node.evaluate(f)
		if err != nil {
			return nil, err
		}
		if nullish(v) {
			null = true
			continue
		}
		var ok bool
		if s[i], ok = v.(string); !ok {
			return nil, mongoerror.New(o.code, "%s requires that '%s' be a string, found: %s", r.name, o.name, bsonvalue.Format(v))
		}
	}
	switch {
	case null:
		return nil, nil
	case r.name == "$replaceOne":
		return strings.Replace(s[0], s[1], s[2], 1), nil
	}
	places := len(s[0]) + 1
	if s[1] != "" {
		places = strings.Count(s[0], s[1])
	}
	if err := checkLength(len(s[0]) + places*(len(s[2])-len(s[1]))); err != nil {
		return nil, err
	}
	if s[1] == "" {
		return replaceBetween(s[0], s[2]), nil
	}
	return strings.ReplaceAll(s[0], s[1], s[2]), nil
}

// replaceBetween puts a replacement before every byte of s and at its end: an empty string is found
// there.
func replaceBetween(s, replacement string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		out.WriteString(replacement)
		out.WriteByte(s[i])
	}
	return out.String() + replacement
}

func (r *replace) optimize(o *optimizer) node {
	o.each(&r.input, &r.find, &r.replacement)
	return r
}
