package collation

import (
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// codeIncompatibleVersion is IncompatibleCollationVersion.
const codeIncompatibleVersion = 161

// parsed holds every collation that was parsed, by its options: there are few, and each has tables.
var parsed sync.Map

// Parse parses a collation. An empty document and {locale: "simple"} are the simple collation, nil.
// Errors are *mongoerror.Error as of MongoDB 4.4; a collation that MongoDB knows and this package
// does not is NotImplemented (238).
func Parse(d bson.D) (*Collation, error) {
	if len(d) == 0 {
		return nil, nil
	}
	p := parser{spec: d}
	locale, given := p.text("locale")
	switch {
	case p.err != nil:
		return nil, p.err
	case !given:
		return nil, mongoerror.New(mongoerror.NoSuchKey, "Missing expected field \"locale\"")
	case locale == "simple" && len(d) > 1:
		return nil, mongoerror.New(mongoerror.FailedToParse,
			"If locale=simple, no other fields should be present in: %s", bsonvalue.Format(d))
	case locale == "simple":
		return nil, nil
	case locale == "":
		return nil, mongoerror.New(mongoerror.BadValue, "Field 'locale' cannot be the empty string in: %s", bsonvalue.Format(d))
	}
	o, err := defaults(locale, d)
	if err != nil {
		return nil, err
	}
	p.take(&o)
	if p.err != nil {
		return nil, p.err
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	if c, ok := parsed.Load(o); ok {
		return c.(*Collation), nil
	}
	c, _ := parsed.LoadOrStore(o, newCollation(o))
	return c.(*Collation), nil
}

// parser takes the options out of a specification, until the first error.
type parser struct {
	spec bson.D
	// known counts the fields taken.
	known int
	err   error
}

func (p *parser) take(o *options) {
	p.boolean("caseLevel", &o.caseLevel)
	p.choice("caseFirst", &o.caseFirst, "'upper', 'lower', or 'off'", "upper", "lower", "off")
	p.strength(&o.strength)
	p.boolean("numericOrdering", &o.numericOrdering)
	p.choice("alternate", &o.alternate, "'non-ignorable' or 'shifted'", "non-ignorable", "shifted")
	p.choice("maxVariable", &o.maxVariable, "'punct' or 'space'", "punct", "space")
	p.boolean("normalization", &o.normalization)
	p.boolean("backwards", &o.backwards)
	if version, given := p.text("version"); given && version != Version {
		p.fail(codeIncompatibleVersion, "Requested collation version %s but the only available collator version was %s. "+
			"Requested collation spec: %s", version, Version, bsonvalue.Format(p.spec))
	}
	if p.known < len(p.spec) {
		p.fail(mongoerror.FailedToParse, "Collation spec contains unknown field. Collation spec: %s", bsonvalue.Format(p.spec))
	}
}

// fail keeps the first error.
func (p *parser) fail(code int32, format string, args ...any) {
	if p.err == nil {
		p.err = mongoerror.New(code, format, args...)
	}
}

func (p *parser) field(name string) (any, bool) {
	for _, e := range p.spec {
		if e.Key == name && p.err == nil {
			p.known++
			return e.Value, true
		}
	}
	return nil, false
}

func (p *parser) wrongType(name, want string, v any) {
	p.fail(mongoerror.TypeMismatch, "\"%s\" had the wrong type. Expected %s, found %s", name, want, bsonvalue.TypeName(v))
}

func (p *parser) text(name string) (string, bool) {
	v, given := p.field(name)
	if !given {
		return "", false
	}
	s, ok := v.(string)
	if !ok {
		p.wrongType(name, "string", v)
	}
	return s, ok
}

func (p *parser) boolean(name string, out *bool) {
	v, given := p.field(name)
	if !given {
		return
	}
	b, ok := v.(bool)
	if !ok {
		p.wrongType(name, "bool", v)
		return
	}
	*out = b
}

func (p *parser) choice(name string, out *string, description string, choices ...string) {
	s, given := p.text(name)
	if !given {
		return
	}
	for _, c := range choices {
		if s == c {
			*out = s
			return
		}
	}
	p.fail(mongoerror.FailedToParse, "Field '%s' must be %s. Got: %s", name, description, s)
}

func (p *parser) strength(out *int) {
	v, given := p.field("strength")
	if !given {
		return
	}
	if !bsonvalue.IsNumber(v) {
		p.fail(mongoerror.TypeMismatch, "Expected field \"strength\" to have numeric type, but found %s", bsonvalue.TypeName(v))
		return
	}
	n, exact := bsonvalue.ToLong(v)
	switch {
	case !exact:
		p.fail(mongoerror.BadValue, "Expected field \"strength\" to have a value exactly representable as a 64-bit integer, "+
			"but found strength: %s", bsonvalue.Format(v))
	case n < 1 || n > 5:
		p.fail(mongoerror.FailedToParse, "Field 'strength' must be an integer 1 through 5. Got: %d", n)
	}
	*out = int(n)
}

// check refuses options that contradict each other.
func (o options) check() error {
	switch {
	case o.backwards && o.strength == 1:
		return mongoerror.New(mongoerror.BadValue, "'backwards' is invalid with 'strength' of 1 in: %s", bsonvalue.Format(o.document()))
	case o.caseFirst != "off" && !o.caseLevel && o.strength < 3:
		return mongoerror.New(mongoerror.BadValue, "'caseFirst' is invalid unless 'caseLevel' is on or 'strength' is greater than 2 in: %s",
			bsonvalue.Format(o.document()))
	case strings.Contains(o.locale, "@") && variants[o.locale] == "":
		return mongoerror.New(mongoerror.NotImplemented, "collation locale '%s' is not supported by this server", o.locale)
	}
	return nil
}
