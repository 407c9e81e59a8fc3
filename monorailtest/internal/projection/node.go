package projection

import (
	"strings"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// Codes of errors that have no names.
const (
	codePathCollision      = 31249
	codePathCollisionBelow = 31250
)

// node is a part of a projection: what becomes of the fields below one name. Every name stands in
// one of named, children and computed.
type node struct {
	// named are the fields that are kept, or left out, as they are.
	named map[string]bool
	// kept are the fields that stay whatever the kind of the projection is.
	kept map[string]bool
	// children are the fields of which parts are named.
	children map[string]*node
	// computed are the fields that get a value.
	computed map[string]computer
	// order holds the names of children and computed, in the order of the specification.
	order []string
	// computes: there is something computed at any depth.
	computes bool
}

func newNode() *node {
	return &node{named: map[string]bool{}, kept: map[string]bool{}, children: map[string]*node{}, computed: map[string]computer{}}
}

// name says that the field at a path is kept, or left out.
func (n *node) name(path []string) error {
	at, err := n.place(path, false)
	if err == nil {
		at.named[path[len(path)-1]] = true
	}
	return err
}

// compute says that the field at a path gets a value.
func (n *node) compute(path []string, c computer) error {
	at, err := n.place(path, true)
	if err != nil {
		return err
	}
	last := path[len(path)-1]
	at.computed[last] = c
	at.order = append(at.order, last)
	return nil
}

// place returns the node that is to have the last name of a path, and makes those on the way.
func (n *node) place(path []string, computes bool) (*node, error) {
	at := n
	for i, name := range path {
		at.computes = at.computes || computes
		last := i == len(path)-1
		child := at.children[name]
		taken := at.named[name] || at.kept[name] || at.computed[name] != nil
		switch {
		case last && (taken || child != nil):
			return nil, mongoerror.New(codePathCollisionBelow, "Path collision at %s", strings.Join(path, "."))
		case last:
			return at, nil
		case taken:
			return nil, mongoerror.New(codePathCollision, "Path collision at %s remaining portion %s",
				strings.Join(path, "."), strings.Join(path[1:], "."))
		case child == nil:
			child = newNode()
			at.children[name] = child
			at.order = append(at.order, name)
		}
		at = child
	}
	return at, nil
}

// mark says that something is computed below the path.
func (n *node) mark(path []string) {
	for _, name := range path {
		n.computes = true
		n = n.children[name]
	}
}

// SplitPath takes a path to a field apart. Errors are those of MongoDB's FieldPath.
func SplitPath(path string) ([]string, error) {
	if path == "" {
		return nil, mongoerror.New(40352, "FieldPath cannot be constructed with empty string")
	}
	if path[len(path)-1] == '.' {
		return nil, mongoerror.New(40353, "FieldPath must not end with a '.'.")
	}
	parts := strings.Split(path, ".")
	for _, p := range parts {
		switch {
		case p == "":
			return nil, mongoerror.New(15998, "FieldPath field names may not be empty strings.")
		case p[0] == '$':
			return nil, mongoerror.New(16410, "FieldPath field names may not start with '$'.")
		case strings.IndexByte(p, 0) >= 0:
			return nil, mongoerror.New(16411, "FieldPath field names may not contain '\\0'.")
		}
	}
	return parts, nil
}
