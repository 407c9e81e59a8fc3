package expression

import (
	"strings"

	"github.com/dlclark/regexp2"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/pcre"
)

func init() {
	for _, name := range []string{"$regexFind", "$regexFindAll", "$regexMatch"} {
		parsers[name] = parseRegex
	}
}

// regex is $regexFind, $regexFindAll or $regexMatch. It is never computed ahead, its operands are.
type regex struct {
	name         string
	input, regex node
	// options is nil where there are none.
	options node
	// compiled says that regex and options are constant: matcher is made of them, nil for null.
	compiled bool
	matcher  *regexp2.Regexp
}

func parseRegex(p *parser, name string, argument any, names *variable) (node, error) {
	d, ok := argument.(bson.D)
	if !ok {
		return nil, mongoerror.New(51103, "%s expects an object of named arguments but found: %s", name, bsonvalue.TypeName(argument))
	}
	r := &regex{name: name}
	places := map[string]*node{"input": &r.input, "regex": &r.regex, "options": &r.options}
	if err := p.fields(d, names, places, func(field string) error {
		return mongoerror.New(31024, "%s found an unknown argument: %s", name, field)
	}); err != nil {
		return nil, err
	}
	switch {
	case r.input == nil:
		return nil, mongoerror.New(31022, "%s requires 'input' parameter", name)
	case r.regex == nil:
		return nil, mongoerror.New(31023, "%s requires 'regex' parameter", name)
	}
	return r, nil
}

func (r *regex) optimize(o *optimizer) node {
	o.each(&r.input)
	if o.each(&r.regex, &r.options) {
		m, err := r.compile(&frame{compare: o.compare})
		if err != nil {
			o.fail(err)
			return r
		}
		r.matcher, r.compiled = m, true
	}
	return r
}

// compile makes the matcher of regex and options; nil where regex is null.
func (r *regex) compile(f *frame) (*regexp2.Regexp, error) {
	v, err := r.regex.evaluate(f)
	if err != nil {
		return nil, err
	}
	var options any
	if r.options != nil {
		if options, err = r.options.evaluate(f); err != nil {
			return nil, err
		}
	}
	var source, flags string
	switch x := v.(type) {
	case string:
		source = x
	case primitive.Regex:
		source, flags = x.Pattern, x.Options
		if flags != "" && !nullish(options) {
			return nil, mongoerror.New(51107, "%s: found regex option(s) specified in both 'regex' and 'option' fields", r.name)
		}
	default:
		if !nullish(v) {
			return nil, mongoerror.New(51105, "%s needs 'regex' to be of type string or regex", r.name)
		}
	}
	if !nullish(options) {
		var ok bool
		if flags, ok = options.(string); !ok {
			return nil, mongoerror.New(51106, "%s needs 'options' to be of type string", r.name)
		}
	}
	switch {
	case strings.IndexByte(source, 0) >= 0:
		return nil, mongoerror.New(51109, "%s: regular expression cannot contain an embedded null byte", r.name)
	case strings.IndexByte(flags, 0) >= 0:
		return nil, mongoerror.New(51110, "%s: regular expression options cannot contain an embedded null byte", r.name)
	}
	for _, c := range flags {
		if !strings.ContainsRune("imsx", c) {
			return nil, mongoerror.New(51108, "%s invalid flag in regex options: %c", r.name, c)
		}
	}
	if nullish(v) {
		return nil, nil
	}
	m, err := pcre.Compile(source, flags)
	if err != nil {
		return nil, mongoerror.New(51111, "Invalid Regex in %s: %v", r.name, err)
	}
	return m, nil
}

func (r *regex) evaluate(f *frame) (any, error) {
	v, err := r.input.evaluate(f)
	if err != nil {
		return nil, err
	}
	s, ok := v.(string)
	if !ok && !nullish(v) {
		return nil, mongoerror.New(51104, "%s needs 'input' to be of type string", r.name)
	}
	m := r.matcher
	if !r.compiled {
		if m, err = r.compile(f); err != nil {
			return nil, err
		}
	}
	found := ok && m != nil
	switch r.name {
	case "$regexMatch":
		if !found {
			return false, nil
		}
		found, err = m.MatchString(s)
		return found, r.failed(err)
	case "$regexFind":
		if !found {
			return nil, nil
		}
		match, err := m.FindStringMatch(s)
		if err != nil || match == nil {
			return nil, r.failed(err)
		}
		return describe(match), nil
	}
	if !found {
		return bson.A{}, nil
	}
	return r.findAll(m, s)
}

// findAll returns the matches, one behind the other. At the end of a string that is not empty there
// is none.
func (r *regex) findAll(m *regexp2.Regexp, s string) (any, error) {
	out := bson.A{}
	text := []rune(s)
	for at := 0; at < len(text) || at == 0; {
		match, err := m.FindRunesMatchStartingAt(text, at)
		if err != nil {
			return nil, r.failed(err)
		}
		if match == nil {
			break
		}
		out = append(out, describe(match))
		at = match.Index + max(1, match.Length)
	}
	return out, nil
}

// describe returns the document of a match: its place counts code points, as the matcher does.
func describe(m *regexp2.Match) bson.D {
	captures := bson.A{}
	for _, g := range m.Groups()[1:] {
		var v any
		if len(g.Captures) > 0 {
			v = g.String()
		}
		captures = append(captures, v)
	}
	return bson.D{{Key: "match", Value: m.String()}, {Key: "idx", Value: int32(m.Index)}, {Key: "captures", Value: captures}}
}

func (r *regex) failed(err error) error {
	if err == nil {
		return nil
	}
	return mongoerror.New(51156, "Error occurred while executing the regular expression in %s. %v", r.name, err)
}
