package update

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// maxBackfill is how many elements an update may add to an array at once to reach a given index.
const maxBackfill = 1500000

func itoa(i int) string { return strconv.Itoa(i) }

func codeOf(err error) int32 {
	var e *mongoerror.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return mongoerror.InternalError
}

func messageOf(err error) string {
	var e *mongoerror.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}

// node is a part of an update: what is to happen at one path and below.
type node interface {
	// apply returns the new value at a path that exists. removed says that the field is to go;
	// v stands then for null in an array.
	apply(c *context, v any, path string) (out any, removed bool, err error)
	// create returns the value for a path that does not exist; created is false if there is none.
	create(c *context, path string) (out any, created bool, err error)
	// creates tells whether the update may make a missing path. If not, tolerant tells whether a
	// path that cannot exist is passed over in silence.
	creates(c *context) bool
	tolerant(c *context) bool
}

// objectNode holds what is to happen below a path, by the next part of the path. The names are
// applied in lexicographic order, which is the order in which new fields are added.
type objectNode struct {
	names    []string
	children map[string]node
	// positional is the child under $, the element that the filter matched.
	positional node
}

// arrayNode holds what is to happen to elements of an array, by the identifier of $[identifier].
type arrayNode struct {
	identifiers []string
	children    map[string]node
}

func conflict(path, at string) error {
	return mongoerror.New(mongoerror.ConflictingUpdateOperators,
		"Updating the path '%s' would create a conflict at '%s'", path, at)
}

// add puts an operator at its path in the tree.
func (o *objectNode) add(path string, op node, filters arrayFilters) error {
	if path == "" {
		return mongoerror.New(mongoerror.EmptyFieldName, "An empty update path is not valid.")
	}
	parts := strings.Split(path, ".")
	if slices.Contains(parts, "") {
		return mongoerror.New(mongoerror.EmptyFieldName,
			"The update path '%s' contains an empty field name, which is not allowed.", path)
	}
	if err := checkPositional(parts, path); err != nil {
		return err
	}
	var at node = o
	for i, part := range parts {
		here := strings.Join(parts[:i+1], ".")
		last := i == len(parts)-1
		var next node
		if last {
			next = op
		} else if _, ok := identifierOfPart(parts[i+1]); ok {
			next = &arrayNode{}
		} else {
			next = &objectNode{}
		}
		child, err := attach(at, part, next, filters, path)
		if err != nil {
			return err
		}
		if child == nil {
			at = next
			continue
		}
		if last || isLeaf(child) || !sameKind(child, next) {
			return conflict(path, here)
		}
		at = child
	}
	return nil
}

func checkPositional(parts []string, path string) error {
	count := 0
	for i, p := range parts {
		if p == "$" {
			count++
		}
		if i > 0 {
			continue
		}
		if p == "$" {
			return mongoerror.New(mongoerror.BadValue, "Cannot have positional (i.e. '$') element in the first position in path '%s'", path)
		}
		if _, ok := identifierOfPart(p); ok {
			return mongoerror.New(mongoerror.BadValue, "Cannot have array filter identifier (i.e. '$[<id>]') element in the first position in path '%s'", path)
		}
	}
	if count > 1 {
		return mongoerror.New(mongoerror.BadValue, "Too many positional (i.e. '$') elements found in path '%s'", path)
	}
	return nil
}

// identifierOfPart returns the identifier of a part $[identifier]; that of $[] is empty.
func identifierOfPart(part string) (string, bool) {
	if strings.HasPrefix(part, "$[") && strings.HasSuffix(part, "]") {
		return part[2 : len(part)-1], true
	}
	return "", false
}

func isLeaf(n node) bool {
	switch n.(type) {
	case *objectNode, *arrayNode:
		return false
	}
	return true
}

func sameKind(a, b node) bool {
	_, x := a.(*objectNode)
	_, y := b.(*objectNode)
	return x == y
}

// attach makes next the child of at under the part, or returns the child that is there already.
func attach(at node, part string, next node, filters arrayFilters, path string) (node, error) {
	if a, ok := at.(*arrayNode); ok {
		id, _ := identifierOfPart(part)
		if id != "" {
			if filters[id] == nil {
				return nil, mongoerror.New(mongoerror.BadValue, "No array filter found for identifier '%s' in path '%s'", id, path)
			}
			filters[id].used = true
		}
		if child := a.children[id]; child != nil {
			return child, nil
		}
		if a.children == nil {
			a.children = map[string]node{}
		}
		a.children[id] = next
		a.identifiers = insertSorted(a.identifiers, id)
		return nil, nil
	}
	o := at.(*objectNode)
	if part == "$" {
		if o.positional != nil {
			return o.positional, nil
		}
		o.positional = next
		return nil, nil
	}
	if child := o.children[part]; child != nil {
		return child, nil
	}
	if o.children == nil {
		o.children = map[string]node{}
	}
	o.children[part] = next
	o.names = insertSorted(o.names, part)
	return nil, nil
}

func insertSorted(names []string, name string) []string {
	i, _ := slices.BinarySearch(names, name)
	return slices.Insert(names, i, name)
}

// merge joins two nodes that turn out to mean the same place.
func merge(a, b node, path string) (node, error) {
	x, okA := a.(*objectNode)
	y, okB := b.(*objectNode)
	if okA && okB {
		out := &objectNode{children: map[string]node{}, positional: x.positional}
		for _, source := range []*objectNode{x, y} {
			for _, name := range source.names {
				child := source.children[name]
				if other := out.children[name]; other != nil {
					var err error
					if child, err = merge(other, child, path+"."+name); err != nil {
						return nil, err
					}
				} else {
					out.names = insertSorted(out.names, name)
				}
				out.children[name] = child
			}
		}
		if y.positional != nil {
			if x.positional != nil {
				var err error
				if out.positional, err = merge(x.positional, y.positional, path+".$"); err != nil {
					return nil, err
				}
			} else {
				out.positional = y.positional
			}
		}
		return out, nil
	}
	p, okA := a.(*arrayNode)
	q, okB := b.(*arrayNode)
	if okA && okB {
		out := &arrayNode{children: map[string]node{}}
		for _, source := range []*arrayNode{p, q} {
			for _, id := range source.identifiers {
				child := source.children[id]
				if other := out.children[id]; other != nil {
					var err error
					if child, err = merge(other, child, path+".$["+id+"]"); err != nil {
						return nil, err
					}
				} else {
					out.identifiers = insertSorted(out.identifiers, id)
				}
				out.children[id] = child
			}
		}
		return out, nil
	}
	return nil, mongoerror.New(mongoerror.ConflictingUpdateOperators, "Update created a conflict at '%s'", path)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func lastName(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// arrayIndex reads a part of a path as the number of an array element.
func arrayIndex(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err == nil
}
