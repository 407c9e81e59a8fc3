package projection

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// Codes of errors that have no names.
const (
	codeInclusionInExclusion = 31253
	codeExclusionInInclusion = 31254
	codeEmptyObject          = 51270
	codeUnknownExpression    = 31325
)

// Parse parses the projection of a find, whose filter is f. Errors are *mongoerror.Error as of
// MongoDB 4.4. An empty one keeps everything.
func Parse(d bson.D, f *query.Filter, s *expression.Scope) (*Projection, error) {
	if len(d) == 0 {
		return &Projection{everything: true}, nil
	}
	return parse(d, &parser{scope: s, find: true, filter: f})
}

// ParseStage parses the argument of $project. It has no part that is only find's.
func ParseStage(d bson.D, s *expression.Scope) (*Projection, error) {
	if len(d) == 0 {
		return nil, mongoerror.New(51272, "projection specification must have at least one field")
	}
	return parse(d, &parser{scope: s})
}

// Exclude makes the projection that leaves the fields at paths out.
func Exclude(paths []string) (*Projection, error) {
	p := &Projection{root: newNode(), kind: exclusion}
	for _, path := range paths {
		parts, err := SplitPath(path)
		if err != nil {
			return nil, err
		}
		if err := p.root.name(parts); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// parser parses one projection.
type parser struct {
	scope *expression.Scope
	// find: what only find has is allowed.
	find bool
	// filter is that of the find, nil for none.
	filter *query.Filter

	root  *node
	kind  kind
	after []reshaper
	// idNamed: _id or a part of it is named; idIncluded and idExcluded: it is, as a whole.
	idNamed, idIncluded, idExcluded bool
	// What of find has come up.
	hasPositional, hasElementMatch, hasSlice bool
	// metadata and sortKey are those of the projection.
	metadata, sortKey bool
}

func parse(d bson.D, p *parser) (*Projection, error) {
	p.root = newNode()
	for _, e := range d {
		p.idNamed = p.idNamed || e.Key == "_id" || strings.HasPrefix(e.Key, "_id.")
		if err := p.element(e, p.root, nil); err != nil {
			return nil, err
		}
	}
	if p.kind == undecided {
		p.kind = exclusion
		if p.idIncluded || p.hasElementMatch && !p.hasSlice {
			p.kind = inclusion
		}
	}
	if p.kind == inclusion && !p.idNamed {
		p.root.named["_id"] = true
	}
	if p.idIncluded && p.kind == exclusion || p.idExcluded && p.kind == inclusion {
		delete(p.root.named, "_id")
	}
	return &Projection{root: p.root, kind: p.kind, after: p.after, metadata: p.metadata, sortKey: p.sortKey}, nil
}

// element parses one field of a projection, or of a document in it: at is where that document's
// fields go, and parent the path to it.
func (p *parser) element(e bson.E, at *node, parent []string) error {
	if strings.Contains(e.Key, ".$.") {
		return mongoerror.New(31394, "As of 4.4, it's illegal to specify positional operator in the middle of a path."+
			"Positional projection may only be used at the end, for example: a.b.$. If the query previously used a form "+
			"like a.b.$.d, remove the parts following the '$' and the results will be equivalent.")
	}
	isPositional := strings.HasSuffix(e.Key, ".$")
	if isPositional && !p.find {
		return mongoerror.New(31324, "Cannot use positional projection in aggregation projection")
	}
	if inner, ok := e.Value.(bson.D); ok {
		if isPositional {
			return mongoerror.New(31271, "positional projection cannot be used with an expression or sub object")
		}
		return p.object(e.Key, inner, at, parent)
	}
	if include, plain := inclusionOf(e.Value); plain {
		top := e.Key == "_id" && parent == nil
		switch {
		case !include:
			return p.exclude(e.Key, at, top, isPositional)
		case isPositional:
			return p.position(e.Key, at, parent)
		}
		path, err := SplitPath(e.Key)
		if err != nil {
			return err
		}
		if err := at.name(path); err != nil || top {
			p.idIncluded = p.idIncluded || top
			return err
		}
		return p.include(e.Key)
	}
	if isPositional {
		return mongoerror.New(31308, "positional projection cannot be used with a literal")
	}
	x, err := expression.Parse(e.Value, p.scope)
	if err != nil {
		return err
	}
	path, err := SplitPath(e.Key)
	if err != nil {
		return err
	}
	if err := at.compute(path, x); err != nil {
		return err
	}
	p.root.computes = true
	if p.kind == exclusion {
		return mongoerror.New(31310, "Cannot use an expression %s: %s in an exclusion projection", e.Key, bsonvalue.Format(e.Value))
	}
	p.kind = inclusion
	return nil
}

// inclusionOf reads a plain 0 or 1.
func inclusionOf(v any) (include, plain bool) {
	if b, ok := v.(bool); ok {
		return b, true
	}
	if bsonvalue.IsNumber(v) {
		return bsonvalue.Truth(v), true
	}
	return false, false
}

func (p *parser) include(name string) error {
	if p.kind == exclusion {
		return mongoerror.New(codeInclusionInExclusion, "Cannot do inclusion on field %s in exclusion projection", name)
	}
	p.kind = inclusion
	return nil
}

func (p *parser) exclude(name string, at *node, top, isPositional bool) error {
	if isPositional {
		return mongoerror.New(31395, "positional projection cannot be used with exclusion")
	}
	path, err := SplitPath(name)
	if err != nil {
		return err
	}
	if err := at.name(path); err != nil {
		return err
	}
	if top {
		p.idExcluded = true
		return nil
	}
	if p.kind == inclusion {
		return mongoerror.New(codeExclusionInInclusion, "Cannot do exclusion on field %s in inclusion projection", name)
	}
	p.kind = exclusion
	return nil
}

// position parses {"a.$": 1}.
func (p *parser) position(name string, at *node, parent []string) error {
	path, err := SplitPath(strings.TrimSuffix(name, ".$"))
	if err != nil {
		return err
	}
	full := slices.Concat(parent, path)
	switch {
	case p.hasPositional:
		return mongoerror.New(31276, "Cannot specify more than one positional projection per query.")
	case p.hasElementMatch:
		return mongoerror.New(31256, "Cannot specify positional operator and $elemMatch.")
	case p.filter == nil:
		return mongoerror.New(51050, "Projections with a positional operator require a matcher")
	}
	if err := at.name(path); err != nil {
		return err
	}
	p.hasPositional = true
	p.after = append(p.after, &positional{full, p.filter})
	return p.include(name)
}

// object parses {name: {...}}: an expression, or a projection of what is below the field.
func (p *parser) object(name string, d bson.D, at *node, parent []string) error {
	path, err := SplitPath(name)
	if err != nil {
		return err
	}
	if len(d) == 0 {
		return mongoerror.New(codeEmptyObject, "An empty sub-projection is not a valid value. Found empty object at path")
	}
	if len(d) == 1 && strings.HasPrefix(d[0].Key, "$") {
		known, err := p.operator(path, d, at, parent)
		if known || err != nil {
			return err
		}
		return mongoerror.New(codeUnknownExpression, "Unknown expression %s", d[0].Key)
	}
	place, err := at.place(path, false)
	if err != nil {
		return err
	}
	child, last := newNode(), path[len(path)-1]
	place.children[last] = child
	place.order = append(place.order, last)
	for _, e := range d {
		if err := p.element(e, child, slices.Concat(parent, path)); err != nil {
			return err
		}
	}
	if child.computes {
		at.mark(path)
	}
	return nil
}

// operator parses {name: {$operator: ...}}. known is false if there is no such operator.
func (p *parser) operator(path []string, d bson.D, at *node, parent []string) (known bool, err error) {
	name, argument := d[0].Key, d[0].Value
	if p.find && name == "$elemMatch" {
		return true, p.elementMatch(path, argument, at, parent)
	}
	var sliceError error
	if p.find && name == "$slice" {
		var s *slice
		if s, sliceError = parseSlice(slices.Concat(parent, path), argument); sliceError == nil {
			place, err := at.place(path, false)
			if err != nil {
				return true, err
			}
			place.kept[path[len(path)-1]] = true
			p.hasSlice = true
			p.after = append(p.after, s)
			return true, nil
		}
	}
	var x computer
	switch {
	case name == "$meta":
		x, err = p.parseMeta(argument)
	case !expression.IsOperator(name):
		return false, nil
	case p.kind == exclusion:
		return true, mongoerror.New(31252, "Cannot use expression other than $meta in exclusion projection")
	default:
		p.kind = inclusion
		x, err = expression.Parse(d, p.scope)
	}
	if err == nil {
		err = at.compute(path, x)
		p.root.computes = true
	}
	if err != nil && sliceError != nil {
		err = mongoerror.Because("The given syntax did not match the expression $slice syntax.", err)
		err = mongoerror.Because("Invalid $slice syntax. The given syntax "+bsonvalue.Format(d)+
			" did not match the find() syntax because :: "+sliceError.Error(), err)
	}
	return true, err
}

func (p *parser) elementMatch(path []string, argument any, at *node, parent []string) error {
	inner, ok := argument.(bson.D)
	switch {
	case !ok:
		return mongoerror.New(31274, "elemMatch: Invalid argument, object required, but got %s", bsonvalue.TypeName(argument))
	case p.hasPositional:
		return mongoerror.New(31255, "Cannot specify positional operator and $elemMatch.")
	case len(path) > 1 || parent != nil:
		return mongoerror.New(31275, "Cannot use $elemMatch projection on a nested field.")
	}
	o := query.Options{Scope: p.scope}
	if p.filter != nil {
		o.Collation = p.filter.Collation()
	}
	filter, err := query.ParseElementMatch(inner, o)
	if err != nil {
		return err
	}
	p.hasElementMatch = true
	return at.compute(path, elementMatch{path[0], filter})
}
