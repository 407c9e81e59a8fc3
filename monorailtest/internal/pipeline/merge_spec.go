package pipeline

import (
	"slices"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/projection"
)

// What $merge does with a document that is there, and with one that is not.
const (
	mergeReplace      = "replace"
	mergeKeepExisting = "keepExisting"
	mergeMerge        = "merge"
	mergeFail         = "fail"
	mergePipeline     = "pipeline"
	mergeInsert       = "insert"
	mergeDiscard      = "discard"
)

// mergeSpec is the argument of $merge.
type mergeSpec struct {
	target Namespace
	// on is _id where it is not given.
	on                          []string
	onGiven                     bool
	whenMatched, whenNotMatched string
	stages                      []bson.D
	// let is nil where it is not given.
	let bson.D
}

func checkMerge(c *Context, v any) error {
	_, err := parseMergeSpec(c, v)
	return err
}

// parseMergeSpec reads the argument of $merge.
func parseMergeSpec(c *Context, v any) (*mergeSpec, error) {
	s := &mergeSpec{target: Namespace{Database: c.Namespace.Database}, on: []string{"_id"}, whenMatched: mergeMerge, whenNotMatched: mergeInsert}
	switch x := v.(type) {
	case string:
		s.target.Collection = x
	case bson.D:
		if err := s.parse(x); err != nil {
			return nil, err
		}
	default:
		return nil, mongoerror.New(mongoerror.TypeMismatch, "$merge requires a string or object argument, but found %s", bsonvalue.TypeName(v))
	}
	if err := checkTarget("Invalid $merge target namespace: '%s.%s'", s.target); err != nil {
		return nil, err
	}
	switch {
	case s.whenMatched == mergeFail && s.whenNotMatched != mergeInsert,
		s.whenMatched == mergeKeepExisting && s.whenNotMatched != mergeInsert:
		return nil, mongoerror.New(51181, "Combination of $merge modes 'whenMatched: %s' and 'whenNotMatched: %s' is not supported", s.whenMatched, s.whenNotMatched)
	}
	return s, nil
}

func (s *mergeSpec) parse(d bson.D) error {
	given := false
	for _, e := range d {
		var err error
		switch e.Key {
		case "into":
			given = true
			err = s.parseInto(e.Value)
		case "on":
			s.onGiven = true
			err = s.parseOn(e.Value)
		case "let":
			var ok bool
			if s.let, ok = e.Value.(bson.D); !ok {
				err = wrongType("$merge.let", e.Value, "object")
			}
		case "whenMatched":
			err = s.parseWhenMatched(e.Value)
		case "whenNotMatched":
			name, ok := e.Value.(string)
			switch {
			case !ok:
				err = wrongType("$merge.whenNotMatched", e.Value, "string")
			case name != mergeInsert && name != mergeDiscard && name != mergeFail:
				err = badEnumeration(e.Key, name)
			}
			s.whenNotMatched = name
		default:
			err = mongoerror.New(codeUnknownField, "BSON field '$merge.%s' is an unknown field.", e.Key)
		}
		if err != nil {
			return err
		}
	}
	if !given {
		return mongoerror.New(codeMissingField, "BSON field '$merge.into' is missing but a required field")
	}
	return nil
}

func badEnumeration(field, value string) error {
	return mongoerror.New(mongoerror.BadValue, "Enumeration value '%s' for field '%s' is not a valid value.", value, field)
}

func (s *mergeSpec) parseInto(v any) error {
	switch x := v.(type) {
	case string:
		s.target.Collection = x
		return nil
	case bson.D:
		database := s.target.Database
		s.target.Database = ""
		for _, e := range x {
			name, ok := e.Value.(string)
			switch {
			case e.Key != "db" && e.Key != "coll":
				return mongoerror.New(codeUnknownField, "BSON field 'into.%s' is an unknown field.", e.Key)
			case !ok:
				return wrongType("into."+e.Key, e.Value, "string")
			case e.Key == "db":
				s.target.Database = name
			default:
				s.target.Collection = name
			}
		}
		if name, _ := field(x, "coll").(string); name == "" {
			// A name alone is that of a collection, whichever field it stands in.
			s.target = Namespace{database, s.target.Database}
		} else if s.target.Database == "" {
			s.target.Database = database
		}
		return nil
	}
	return mongoerror.New(51178, "$merge 'into' field  must be either a string or an object, but found %s", bsonvalue.TypeName(v))
}

func (s *mergeSpec) parseOn(v any) error {
	switch x := v.(type) {
	case string:
		s.on = []string{x}
	case bson.A:
		if len(x) == 0 {
			return mongoerror.New(51187, "If explicitly specifying $merge 'on', must include at least one field")
		}
		s.on = nil
		for _, item := range x {
			name, ok := item.(string)
			if !ok {
				return mongoerror.New(51134, "$merge 'on' array elements must be strings, but found %s", bsonvalue.TypeName(item))
			}
			if slices.Contains(s.on, name) {
				return mongoerror.New(31465, "Found a duplicate field '%s'", name)
			}
			s.on = append(s.on, name)
		}
	default:
		return mongoerror.New(51186, "$merge 'on' field  must be either a string or an array of strings, but found %s", bsonvalue.TypeName(v))
	}
	for _, name := range s.on {
		if _, err := projection.SplitPath(name); err != nil {
			return err
		}
	}
	return nil
}

func (s *mergeSpec) parseWhenMatched(v any) error {
	switch x := v.(type) {
	case string:
		switch x {
		case mergeReplace, mergeKeepExisting, mergeMerge, mergeFail:
			s.whenMatched = x
			return nil
		}
		return badEnumeration("whenMatched", x)
	case bson.A:
		s.whenMatched = mergePipeline
		var err error
		s.stages, err = stagesOf(x)
		return err
	}
	return mongoerror.New(51191, "$merge 'whenMatched' field  must be either a string or an array, but found %s", bsonvalue.TypeName(v))
}
