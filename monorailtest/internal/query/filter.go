// Package query holds the filters of find, update and delete: it parses them with MongoDB's
// errors, and matches documents.
package query

import (
	"go.mongodb.org/mongo-driver/bson"
)

// Filter is a parsed filter. It is immutable and may be shared between goroutines.
type Filter struct {
	root node
	// source is the filter as the client sent it.
	source bson.D
}

// node is one condition of a filter.
type node interface {
	// matches tells whether a document meets the condition. The error is one of evaluating $expr.
	matches(d bson.D) (bool, error)
}

// valueNode is a condition on one value: what the operators in {field: {$op: ...}} parse to.
type valueNode interface {
	// matchesValue tells whether the value, Missing included, meets the condition.
	matchesValue(v any) (bool, error)
}

// Parse parses a filter. Its errors are *mongoerror.Error with the code and text of MongoDB 4.4;
// operators that are not supported give NotImplemented (238).
func Parse(source bson.D) (*Filter, error) {
	root, err := parseDocument(source)
	if err != nil {
		return nil, err
	}
	return &Filter{root: root, source: source}, nil
}

// Match tells whether a document meets the filter. The error is one of evaluating $expr.
func (f *Filter) Match(d bson.D) (bool, error) { return f.root.matches(d) }

// Source returns the filter as it was parsed; it must not be changed.
func (f *Filter) Source() bson.D { return f.source }

// Empty tells whether the filter has no condition at all.
func (f *Filter) Empty() bool { return len(f.source) == 0 }

// all is the conjunction of its parts: the empty one is met by everything.
type all []node

func (a all) matches(d bson.D) (bool, error) {
	for _, n := range a {
		if ok, err := n.matches(d); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// some is $or.
type some []node

func (s some) matches(d bson.D) (bool, error) {
	for _, n := range s {
		if ok, err := n.matches(d); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// not is the negation of a node.
type not struct{ node node }

func (n not) matches(d bson.D) (bool, error) {
	ok, err := n.node.matches(d)
	return !ok && err == nil, err
}

// constant is $alwaysTrue, $alwaysFalse and $comment.
type constant bool

func (c constant) matches(bson.D) (bool, error) { return bool(c), nil }

// leaf is a condition on the values at a path: some one of them must meet it.
type leaf struct {
	path path
	name string
	// whole says that an array at the end of the path is meant as such, not its elements.
	whole bool
	value valueNode
}

func (l *leaf) matches(d bson.D) (found bool, err error) {
	elements(d, l.path, !l.whole, func(v any) bool {
		found, err = l.value.matchesValue(v)
		return !found && err == nil
	})
	return found && err == nil, err
}
