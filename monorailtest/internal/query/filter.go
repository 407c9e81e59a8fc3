// Package query holds the filters of find, update and delete: it parses them with MongoDB's
// errors, and matches documents.
package query

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
)

// Filter is a parsed filter. It is immutable and may be shared between goroutines.
type Filter struct {
	root node
	// source is the filter as the client sent it.
	source    bson.D
	collation *collation.Collation
}

// node is one condition of a filter.
type node interface {
	// matches tells whether a document meets the condition. The error is one of evaluating $expr. at
	// is set to the place of the array element that met it, if one did; it may be nil.
	matches(d bson.D, at *int) (bool, error)
}

// valueNode is a condition on one value: what the operators in {field: {$op: ...}} parse to.
type valueNode interface {
	// matchesValue tells whether the value, Missing included, meets the condition. at is set to the
	// place of the element of v that met it, if it was one; it may be nil.
	matchesValue(v any, at *int) (bool, error)
}

// Options change how a filter is parsed. The zero value is that of a command without a collation.
type Options struct {
	// Collation is how strings compare; nil for the simple one.
	Collation *collation.Collation
	// Scope is what $expr may refer to; nil for the scope of a command of its own, which then also fails
	// where a constant part of it does.
	Scope *expression.Scope
	// Restricted refuses $expr and $jsonSchema (QueryFeatureNotAllowed, 224), and $where, $text and $near
	// (BadValue, 2), as the filters of array updates and of partial indexes do.
	Restricted bool
	// Stored refuses $where, $text and $near (2), as the validator of a collection does.
	Stored bool
}

// Parse parses a filter. Its errors are *mongoerror.Error with the code and text of MongoDB 4.4;
// operators that are not supported give NotImplemented (238).
func Parse(source bson.D) (*Filter, error) { return ParseWith(source, Options{}) }

// ParseWith is Parse with options.
func ParseWith(source bson.D, o Options) (*Filter, error) {
	ps := newParser(o)
	root, err := ps.parseDocument(source)
	if err == nil {
		err = ps.finish()
	}
	if err != nil {
		return nil, err
	}
	return &Filter{root: root, source: source, collation: o.Collation}, nil
}

// Collation returns how the filter compares strings, nil for byte by byte.
func (f *Filter) Collation() *collation.Collation { return f.collation }

// Match tells whether a document meets the filter. The error is one of evaluating $expr.
func (f *Filter) Match(d bson.D) (bool, error) { return f.root.matches(d, nil) }

// MatchElement is Match, and returns the place of the array element by which the document met
// the filter, which is what the positional operator $ stands for; negative if there was none.
func (f *Filter) MatchElement(d bson.D) (matched bool, index int, err error) {
	index = noIndex
	matched, err = f.root.matches(d, &index)
	return matched, index, err
}

// Source returns the filter as it was parsed; it must not be changed.
func (f *Filter) Source() bson.D { return f.source }

// Empty tells whether the filter has no condition at all.
func (f *Filter) Empty() bool { return len(f.source) == 0 }

// all is the conjunction of its parts: the empty one is met by everything.
type all []node

func (a all) matches(d bson.D, at *int) (bool, error) {
	for _, n := range a {
		if ok, err := n.matches(d, at); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// some is $or.
type some []node

func (s some) matches(d bson.D, _ *int) (bool, error) {
	for _, n := range s {
		// What a branch matched by does not count for the positional operator.
		if ok, err := n.matches(d, nil); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// not is the negation of a node.
type not struct{ node node }

func (n not) matches(d bson.D, _ *int) (bool, error) {
	ok, err := n.node.matches(d, nil)
	return !ok && err == nil, err
}

// constant is $alwaysTrue, $alwaysFalse and $comment.
type constant bool

func (c constant) matches(bson.D, *int) (bool, error) { return bool(c), nil }

// leaf is a condition on the values at a path: some one of them must meet it.
type leaf struct {
	path path
	name string
	// whole says that an array at the end of the path is meant as such, not its elements.
	whole bool
	value valueNode
}

func (l *leaf) matches(d bson.D, at *int) (found bool, err error) {
	elements(d, l.path, !l.whole, func(v any, index int) bool {
		found, err = l.value.matchesValue(v, at)
		if found && at != nil && index != noIndex {
			*at = index
		}
		return !found && err == nil
	})
	return found && err == nil, err
}

// HasExpression tells whether $expr occurs in the filter.
func (f *Filter) HasExpression() bool { return hasExpression(f.root) }
