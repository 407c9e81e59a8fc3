package command

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// collationOf returns the collation of a command: that of its argument, or, where it has none, that of
// the collection, which may be nil.
func collationOf(argument bson.D, c *store.Collection) (*collation.Collation, error) {
	if len(argument) == 0 && c != nil {
		return c.Options().Collation, nil
	}
	return collation.Parse(argument)
}

// defaultCollation is how a command compares that has no collation of its own: as the view says, or, where v is nil,
// the collection.
func (s *State) defaultCollation(r *Request, name string, v *view) *collation.Collation {
	if v != nil {
		return v.collation
	}
	if c := s.reads(r).Collection(r.Database, name); c != nil {
		return c.Options().Collation
	}
	return nil
}

// readCollation returns the collation of a command that reads a collection or a view.
func (s *State) readCollation(r *Request, name string, argument bson.D) (*collation.Collation, error) {
	if len(argument) > 0 {
		return collation.Parse(argument)
	}
	_, _, v, err := resolveView(s.reads(r), r.Database, name)
	return s.defaultCollation(r, name, v), err
}

// collationArgument reads a collation argument.
func collationArgument(v bson.RawValue, path string) (bson.D, error) {
	if v.Type == bson.TypeNull {
		return nil, nil
	}
	return document(v, path)
}
