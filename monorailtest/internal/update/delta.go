package update

import (
	"slices"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// note notes what an operator has made of the value at a path. appended is that of the leaf, or nil.
func (c *context) note(path string, before, after any, removed bool, appended func(before, after bson.A) int) {
	if removed {
		c.delta.Unset = append(c.delta.Unset, path)
		return
	}
	if bsonvalue.Identical(before, after) {
		return
	}
	a, isArray := after.(bson.A)
	b, wasArray := before.(bson.A)
	if isArray && wasArray && appended != nil {
		if n := appended(b, a); n > 0 {
			for i := len(a) - n; i < len(a); i++ {
				c.noteSet(join(path, itoa(i)), a[i])
			}
			return
		}
	}
	c.noteSet(path, after)
}

func (c *context) noteSet(path string, v any) {
	c.delta.Set = append(c.delta.Set, bson.E{Key: path, Value: v})
}

// noteNull notes that what was noted as removed at a path is null instead, as in an array.
func (c *context) noteNull(path string) {
	if c.delta == nil {
		return
	}
	if i := slices.Index(c.delta.Unset, path); i >= 0 {
		c.delta.Unset = slices.Delete(c.delta.Unset, i, i+1)
		c.noteSet(path, nil)
	}
}
