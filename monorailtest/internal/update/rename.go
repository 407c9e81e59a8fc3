package update

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// addRename adds the two ends of a $rename: the source goes, and its value takes the place of
// the destination, if there is a source.
func (u *Update) addRename(f bson.E) error {
	target, ok := f.Value.(string)
	if !ok {
		return mongoerror.New(mongoerror.BadValue, "The 'to' field for $rename must be a string: %s: %s", f.Key, bsonvalue.Format(f.Value))
	}
	if strings.ContainsRune(target, 0) {
		return mongoerror.New(mongoerror.BadValue, "The 'to' field for $rename cannot contain an embedded null byte")
	}
	pair := f.Key + ": " + bsonvalue.Format(target)
	switch {
	case f.Key == target:
		return mongoerror.New(mongoerror.BadValue, "The source and target field for $rename must differ: %s", pair)
	case dynamic(f.Key):
		return mongoerror.New(mongoerror.BadValue, "The source field for $rename may not be dynamic: %s", f.Key)
	case dynamic(target):
		return mongoerror.New(mongoerror.BadValue, "The destination field for $rename may not be dynamic: %s", target)
	}
	if err := u.root.add(f.Key, renameSource(f.Key), u.filters); err != nil {
		return err
	}
	if strings.HasPrefix(f.Key, target+".") || strings.HasPrefix(target, f.Key+".") {
		return mongoerror.New(mongoerror.BadValue, "The source and target field for $rename must not be on the same path: %s", pair)
	}
	return u.root.add(target, renameTarget(f.Key, target), u.filters)
}

func dynamic(path string) bool {
	for _, part := range strings.Split(path, ".") {
		if _, ok := identifierOfPart(part); ok || part == "$" {
			return true
		}
	}
	return false
}

func renameSource(source string) node {
	return &leafNode{
		existing: func(c *context, _ any, _ string) (any, bool, error) {
			_, err := renamed(c, source)
			return nil, true, err
		},
		ignoresPaths: true,
	}
}

// renameTarget is a leaf that exists only where the source does. It never creates by itself: the
// conditions on its path hold only if there is something to rename.
func renameTarget(source, target string) node {
	return &renameNode{source: source, target: target}
}

type renameNode struct{ source, target string }

func (r *renameNode) value(c *context) (any, error) {
	v, err := renamed(c, r.source)
	if err != nil || bsonvalue.IsMissing(v) {
		return v, err
	}
	if at, inArray := throughArray(c.document, r.target); inArray {
		return nil, mongoerror.New(mongoerror.BadValue,
			"The destination field cannot be an array element, '%s' in doc with %s has an array field called '%s'", r.target, c.idOf(), at)
	}
	return v, nil
}

func (r *renameNode) apply(c *context, v any, path string) (any, bool, error) {
	out, err := r.value(c)
	if err != nil || bsonvalue.IsMissing(out) || bsonvalue.Equal(out, v) {
		// An equal value stays, also one of another type.
		return v, false, err
	}
	if c.delta != nil {
		c.note(path, v, out, false, nil)
	}
	return out, false, checkStorable(out, path)
}

func (r *renameNode) create(c *context, path string) (any, bool, error) {
	out, err := r.value(c)
	if err != nil || bsonvalue.IsMissing(out) {
		return nil, false, err
	}
	if c.delta != nil {
		c.noteSet(path, out)
	}
	return out, true, checkStorable(out, path)
}

func (r *renameNode) creates(c *context) bool {
	v, err := renamed(c, r.source)
	return err == nil && !bsonvalue.IsMissing(v)
}

func (r *renameNode) tolerant(*context) bool { return true }

// renamed returns the value of a rename's source in the document as it was, or Missing.
func renamed(c *context, source string) (any, error) {
	var v any = c.document
	array := ""
	parts := strings.Split(source, ".")
	for i, part := range parts {
		next, viable := any(bsonvalue.Missing), true
		switch x := v.(type) {
		case bson.D:
			next = field(x, part)
		case bson.A:
			n, numeric := arrayIndex(part)
			if viable = numeric; numeric && n < len(x) {
				next = x[n]
			}
			array = parts[i-1]
		default:
			viable = false
		}
		if !viable {
			return nil, mongoerror.New(mongoerror.PathNotViable, "cannot use the part (%s of %s) to traverse the element ({%s: %s})",
				parts[i-1], source, parts[i-1], bsonvalue.Format(v))
		}
		if v = next; bsonvalue.IsMissing(v) {
			return v, nil
		}
	}
	if array != "" {
		return nil, mongoerror.New(mongoerror.BadValue,
			"The source field cannot be an array element, '%s' in doc with %s has an array field called '%s'", source, c.idOf(), array)
	}
	return v, nil
}

// throughArray returns the name of the array that a path goes through in a document.
func throughArray(d bson.D, path string) (name string, found bool) {
	parts := strings.Split(path, ".")
	for i, part := range parts {
		switch v := field(d, part).(type) {
		case bson.D:
			d = v
		case bson.A:
			return part, i < len(parts)-1
		default:
			return "", false
		}
	}
	return "", false
}
