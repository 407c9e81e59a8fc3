package expression

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	for _, name := range []string{"$trim", "$ltrim", "$rtrim"} {
		parsers[name] = parseTrim
	}
}

// whitespace is what is trimmed without chars: the server's list, which is not Unicode's.
var whitespace = strings.Split("\x00 \t\n\v\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a", "")

// trim is $trim, $ltrim or $rtrim.
type trim struct {
	name  string
	input node
	// chars is nil where there are none.
	chars node
}

func parseTrim(p *parser, name string, argument any, names *variable) (node, error) {
	d, ok := argument.(bson.D)
	if !ok {
		return nil, mongoerror.New(50696, "%s only supports an object as an argument, found %s", name, bsonvalue.TypeName(argument))
	}
	t := &trim{name: name}
	if err := p.fields(d, names, map[string]*node{"input": &t.input, "chars": &t.chars}, func(field string) error {
		return mongoerror.New(50694, "%s found an unknown argument: %s", name, field)
	}); err != nil {
		return nil, err
	}
	if t.input == nil {
		return nil, mongoerror.New(50695, "%s requires an 'input' field", name)
	}
	return t, nil
}

func (t *trim) evaluate(f *frame) (any, error) {
	v, err := t.input.evaluate(f)
	if err != nil || nullish(v) {
		return nil, err
	}
	s, ok := v.(string)
	if !ok {
		return nil, mongoerror.New(50699, "%s requires its input to be a string, got %s (of type %s) instead.", t.name, bsonvalue.Format(v), bsonvalue.TypeName(v))
	}
	characters := whitespace
	if t.chars != nil {
		if v, err = t.chars.evaluate(f); err != nil || nullish(v) {
			return nil, err
		}
		chars, ok := v.(string)
		if !ok {
			return nil, mongoerror.New(50700, "%s requires 'chars' to be a string, got %s (of type %s) instead.", t.name, bsonvalue.Format(v), bsonvalue.TypeName(v))
		}
		if characters, err = t.split(chars); err != nil {
			return nil, err
		}
	}
	if t.name != "$rtrim" {
		s = trimEnd(s, characters, strings.CutPrefix)
	}
	if t.name != "$ltrim" {
		s = trimEnd(s, characters, strings.CutSuffix)
	}
	return s, nil
}

// split takes chars apart into its code points.
func (t *trim) split(chars string) ([]string, error) {
	var out []string
	for i := 0; i < len(chars); {
		if isContinuation(chars[i]) {
			return nil, mongoerror.New(50698, `Failed to parse "chars" argument to %s: Detected invalid UTF-8. Got continuation byte when expecting the start of a new code point.`, t.name)
		}
		end := i + codePointLength(chars[i])
		if end > len(chars) {
			return nil, mongoerror.New(50697, `Failed to parse "chars" argument to %s: Detected invalid UTF-8. Missing expected continuation byte at end of string.`, t.name)
		}
		out = append(out, chars[i:end])
		i = end
	}
	return out, nil
}

// trimEnd cuts characters off one end of s as long as there are any.
func trimEnd(s string, characters []string, cut func(s, c string) (string, bool)) string {
	for found := true; found && s != ""; {
		found = false
		for _, c := range characters {
			if s, found = cut(s, c); found {
				break
			}
		}
	}
	return s
}

func (t *trim) optimize(o *optimizer) node {
	if o.each(&t.input, &t.chars) {
		return o.fold(t)
	}
	return t
}
