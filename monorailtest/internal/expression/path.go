package expression

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// path parses "$a.b" or "$$variable.a.b".
func (p *parser) path(s string, names *variable) (node, error) {
	if len(s) < 2 {
		return nil, mongoerror.New(16872, "'$' by itself is not a valid FieldPath")
	}
	variable, rest, dotted := "CURRENT", s[1:], true
	if s[1] == '$' {
		variable, rest, dotted = strings.Cut(s[2:], ".")
		if err := checkReference(variable); err != nil {
			return nil, err
		}
	}
	base, err := p.reference(variable, names)
	if err != nil {
		return nil, err
	}
	if !dotted {
		if base == nil {
			return root{}, nil
		}
		return base, nil
	}
	fields, err := splitPath(rest)
	if err != nil {
		return nil, err
	}
	if base == nil {
		return fieldPath(fields), nil
	}
	return &variablePath{base, fields}, nil
}

// splitPath takes a path to fields apart.
func splitPath(s string) ([]string, error) {
	fields := strings.Split(s, ".")
	for i, f := range fields {
		if f == "" && i == len(fields)-1 {
			return nil, mongoerror.New(40353, "FieldPath must not end with a '.'.")
		}
		if err := checkField(f); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

// checkField checks the name of one field of a path or of an object.
func checkField(name string) error {
	switch {
	case name == "":
		return mongoerror.New(15998, "FieldPath field names may not be empty strings.")
	case name[0] == '$':
		return mongoerror.New(16410, "FieldPath field names may not start with '$'.")
	case strings.IndexByte(name, 0) >= 0:
		return mongoerror.New(16411, "FieldPath field names may not contain '\\0'.")
	case strings.IndexByte(name, '.') >= 0:
		return mongoerror.New(16412, "FieldPath field names may not contain '.'.")
	}
	return nil
}

// root is the whole document.
type root struct{}

func (root) evaluate(f *frame) (any, error) { return f.root, nil }
func (r root) optimize(*optimizer) node     { return r }

// fieldPath is a path that begins at the document.
type fieldPath []string

func (p fieldPath) evaluate(f *frame) (any, error) { return lookup(f.root, p), nil }
func (p fieldPath) optimize(*optimizer) node       { return p }

// variablePath is a path that begins at a variable's value.
type variablePath struct {
	base   node
	fields []string
}

func (p *variablePath) evaluate(f *frame) (any, error) {
	v, err := p.base.evaluate(f)
	if err != nil {
		return nil, err
	}
	switch x := v.(type) {
	case bson.D:
		return lookup(x, p.fields), nil
	case bson.A:
		return lookupEach(x, p.fields), nil
	}
	return bsonvalue.Missing, nil
}

func (p *variablePath) optimize(o *optimizer) node {
	if o.each(&p.base) {
		return o.fold(p)
	}
	return p
}

// lookup goes down a path, which has one field at least.
func lookup(d bson.D, fields []string) any {
	for {
		v := field(d, fields[0])
		if fields = fields[1:]; len(fields) == 0 {
			return v
		}
		switch x := v.(type) {
		case bson.D:
			d = x
		case bson.A:
			return lookupEach(x, fields)
		default:
			return bsonvalue.Missing
		}
	}
}

// lookupEach returns what the documents of an array have at a path. Arrays in it are not entered.
func lookupEach(a bson.A, fields []string) bson.A {
	out := make(bson.A, 0, len(a))
	for _, item := range a {
		if d, ok := item.(bson.D); ok {
			if v := lookup(d, fields); !bsonvalue.IsMissing(v) {
				out = append(out, v)
			}
		}
	}
	return out
}

// field returns the value of a document's field.
func field(d bson.D, name string) any {
	for i := range d {
		if d[i].Key == name {
			return d[i].Value
		}
	}
	return bsonvalue.Missing
}
