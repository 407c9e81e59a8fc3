package golden

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// Difference is where a reply first differs from the one that was recorded.
type Difference struct {
	// Path is that of the value in the reply.
	Path []string
	// Want and Got are the values, missing for one that is not there.
	Want, Got any
}

// missing is the value of a field or element that is not there.
type missing struct{}

// String returns the difference in one line.
func (d *Difference) String() string {
	return fmt.Sprintf("%s: want %s, got %s", strings.Join(d.Path, "."), show(d.Want), show(d.Got))
}

// comparer compares replies to one step.
type comparer struct {
	// command is the name of the step's command.
	command string
	// unordered are the paths of arrays whose order does not count.
	unordered [][]string
	// cursors are the ids that the server gave, by their number in the scenario. The comparer adds to them.
	cursors map[int64]int64
	// wording says that the text of errors counts.
	wording bool
}

// diff returns the first difference between a recorded value and one of a reply; nil if there is none.
func (c *comparer) diff(want, got any, path []string) *Difference {
	switch w := want.(type) {
	case Placeholder:
		if c.stands(w, got) {
			return nil
		}
	case bson.D:
		if g, ok := got.(bson.D); ok {
			return c.diffDocument(w, g, path)
		}
	case bson.A:
		if g, ok := got.(bson.A); ok {
			if c.isUnordered(path) {
				return c.diffSet(w, g, path)
			}
			return c.diffArray(w, g, path)
		}
	case string:
		if g, ok := got.(string); ok && len(path) > 0 && path[len(path)-1] == "errmsg" {
			if !c.wording || w == c.errorText(g) {
				return nil
			}
			break
		}
		if equal(w, got) {
			return nil
		}
	default:
		if equal(w, got) {
			return nil
		}
	}
	return &Difference{Path: slices.Clone(path), Want: want, Got: got}
}

// diffDocument compares documents: in which order the fields are counts only where isOrdered says so.
func (c *comparer) diffDocument(want, got bson.D, path []string) *Difference {
	ordered := c.isOrdered(path)
	if len(want) != len(got) || ordered && !slices.EqualFunc(want, got, func(a, b bson.E) bool { return a.Key == b.Key }) {
		if e, ok := absent(want, got); ok {
			return &Difference{Path: append(slices.Clone(path), e.Key), Want: e.Value, Got: missing{}}
		}
		if e, ok := absent(got, want); ok {
			return &Difference{Path: append(slices.Clone(path), e.Key), Want: missing{}, Got: e.Value}
		}
		return &Difference{Path: slices.Clone(path), Want: want, Got: got}
	}
	if ordered || hasDuplicates(want) {
		for i := range want {
			if want[i].Key != got[i].Key {
				return &Difference{Path: slices.Clone(path), Want: want, Got: got}
			}
			if d := c.diff(want[i].Value, got[i].Value, append(path, want[i].Key)); d != nil {
				return d
			}
		}
		return nil
	}
	for _, e := range want {
		v, ok := lookup(got, e.Key)
		if !ok {
			v = missing{}
		}
		if d := c.diff(e.Value, v, append(path, e.Key)); d != nil {
			return d
		}
	}
	return nil
}

// diffArray compares arrays element by element.
func (c *comparer) diffArray(want, got bson.A, path []string) *Difference {
	for i := range max(len(want), len(got)) {
		at := append(path, strconv.Itoa(i))
		switch {
		case i >= len(want):
			return &Difference{Path: slices.Clone(at), Want: missing{}, Got: got[i]}
		case i >= len(got):
			return &Difference{Path: slices.Clone(at), Want: want[i], Got: missing{}}
		}
		if d := c.diff(want[i], got[i], at); d != nil {
			return d
		}
	}
	return nil
}

// diffSet compares arrays whose order does not count.
func (c *comparer) diffSet(want, got bson.A, path []string) *Difference {
	left := slices.Clone(got)
	for i, w := range want {
		at := append(path, strconv.Itoa(i))
		j := slices.IndexFunc(left, func(g any) bool { return c.diff(w, g, at) == nil })
		if j < 0 {
			return &Difference{Path: slices.Clone(at), Want: w, Got: missing{}}
		}
		left = slices.Delete(left, j, j+1)
	}
	if len(left) > 0 {
		return &Difference{Path: slices.Clone(path), Want: missing{}, Got: left[0]}
	}
	return nil
}

// diffShape compares a document with one that has the names of types for values, and not all of its fields.
func (c *comparer) diffShape(want, got bson.D, path []string) *Difference {
	for _, e := range want {
		at := append(slices.Clone(path), e.Key)
		v, ok := lookup(got, e.Key)
		if !ok {
			return &Difference{Path: at, Want: e.Value, Got: missing{}}
		}
		inner, isDocument := v.(bson.D)
		if w, ok := e.Value.(bson.D); ok && isDocument {
			if d := c.diffShape(w, inner, at); d != nil {
				return d
			}
			continue
		}
		if name := bsonvalue.TypeName(v); e.Value != any(name) {
			return &Difference{Path: at, Want: e.Value, Got: name}
		}
	}
	return nil
}

// stored are the commands whose replies hold documents as they are stored or computed.
var stored = []string{"find", "aggregate", "getMore", "findAndModify", "findandmodify", "distinct"}

// isOrdered reports whether the order of fields counts in the value at the path.
func (c *comparer) isOrdered(path []string) bool {
	if len(path) == 0 {
		return false
	}
	if slices.Contains(stored, c.command) {
		if path[0] == "value" || path[0] == "values" {
			return true
		}
		if len(path) >= 3 && path[0] == "cursor" && (path[1] == "firstBatch" || path[1] == "nextBatch") {
			return true
		}
	}
	last := path[len(path)-1]
	return last == "key" || last == "keyPattern" || last == "keyValue"
}

// isUnordered reports whether the array at the path is one whose order does not count.
func (c *comparer) isUnordered(path []string) bool {
	return slices.ContainsFunc(c.unordered, func(u []string) bool {
		return slices.EqualFunc(u, path, func(a, b string) bool { return a == "*" || a == b })
	})
}

// stands reports whether a value is one that the placeholder stands for. The first value for a cursor becomes its id.
func (c *comparer) stands(p Placeholder, got any) bool {
	switch p.Kind {
	case "$cursorId":
		id, ok := got.(int64)
		if !ok || id == 0 {
			return false
		}
		if known, ok := c.cursors[p.N]; ok {
			return known == id
		}
		c.cursors[p.N] = id
		return true
	case "$anyObjectId":
		_, ok := got.(primitive.ObjectID)
		return ok
	case "$anyUUID":
		b, ok := got.(primitive.Binary)
		return ok && b.Subtype == 4
	case "$anyDate":
		_, ok := got.(primitive.DateTime)
		return ok
	case "$anyTimestamp":
		_, ok := got.(primitive.Timestamp)
		return ok
	case "$anyInt":
		switch got.(type) {
		case int32, int64:
			return true
		}
		return false
	case "$bigString":
		s, ok := got.(string)
		return ok && s == strings.Repeat("x", int(p.N))
	}
	other, ok := got.(Placeholder)
	return ok && other.Kind == p.Kind
}

var uuid = regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// errorText returns the text of an error with what the server makes up replaced: cursor ids, and UUIDs that are no
// literal.
func (c *comparer) errorText(s string) string {
	for n, id := range c.cursors {
		s = strings.ReplaceAll(s, strconv.FormatInt(id, 10), fmt.Sprintf("<cursorId %d>", n))
	}
	var out strings.Builder
	end := 0
	for _, at := range uuid.FindAllStringIndex(s, -1) {
		if strings.HasSuffix(s[:at[0]], `UUID("`) {
			continue
		}
		out.WriteString(s[end:at[0]] + "<uuid>")
		end = at[1]
	}
	return out.String() + s[end:]
}
