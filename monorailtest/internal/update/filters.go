package update

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// arrayFilters are the filters for $[identifier], by identifier.
type arrayFilters map[string]*arrayFilter

type arrayFilter struct {
	filter *query.Filter
	// used is set while the update is parsed, when a path names the identifier.
	used bool
}

func (p *parser) arrayFilters(filters []bson.D) (arrayFilters, error) {
	out := arrayFilters{}
	for _, d := range filters {
		f, err := query.ParseWith(d, p.options())
		if err != nil {
			return nil, mongoerror.New(codeOf(err), "Error parsing array filter :: caused by :: %s", messageOf(err))
		}
		name, err := identifierOf(d)
		if err != nil {
			return nil, err
		}
		if out[name] != nil {
			return nil, mongoerror.New(mongoerror.FailedToParse, "Found multiple array filters with the same top-level field name %s", name)
		}
		out[name] = &arrayFilter{filter: f}
	}
	return out, nil
}

// identifierOf returns the one name with which every path of an array filter begins.
func identifierOf(d bson.D) (string, error) {
	name := ""
	for _, n := range topLevelNames(d) {
		if name != "" && n != name {
			return "", mongoerror.New(mongoerror.FailedToParse,
				"Error parsing array filter :: caused by :: Expected a single top-level field name, found '%s' and '%s'", name, n)
		}
		name = n
	}
	if name == "" {
		return "", mongoerror.New(mongoerror.FailedToParse, "Cannot use an expression without a top-level field name in arrayFilters")
	}
	if !validIdentifier(name) {
		return "", mongoerror.New(mongoerror.BadValue,
			"Error parsing array filter :: caused by :: The top-level field name must be an alphanumeric string beginning with a lowercase letter, found '%s'", name)
	}
	return name, nil
}

func topLevelNames(d bson.D) []string {
	var out []string
	for _, e := range d {
		if !strings.HasPrefix(e.Key, "$") {
			name, _, _ := strings.Cut(e.Key, ".")
			out = append(out, name)
			continue
		}
		branches, _ := e.Value.(bson.A)
		for _, b := range branches {
			if inner, ok := b.(bson.D); ok {
				out = append(out, topLevelNames(inner)...)
			}
		}
	}
	return out
}

func validIdentifier(s string) bool {
	for i, c := range s {
		lower, other := c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !lower && (i == 0 || !other) {
			return false
		}
	}
	return s != ""
}

// checkUsed refuses a filter that no path of the update names.
func (a arrayFilters) checkUsed(source bson.D) error {
	for name, f := range a {
		if !f.used {
			return mongoerror.New(mongoerror.FailedToParse, "The array filter for identifier '%s' was not used in the update %s",
				name, bsonvalue.Format(source))
		}
	}
	return nil
}

// matches tells whether $[identifier] means this element; "" means every one.
func (a arrayFilters) matches(identifier string, element any) (bool, error) {
	if identifier == "" {
		return true, nil
	}
	return a[identifier].filter.Match(bson.D{{Key: identifier, Value: element}})
}
