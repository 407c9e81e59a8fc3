package expression

import (
	"time"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// Scope is what the expressions of a command may refer to beside the document, and how they
// compare. Parsing under a scope, or under those derived from it, is for one goroutine at a time.
type Scope struct {
	compare func(a, b any) int
	// variables are the innermost of those that have a meaning here.
	variables *variable
	// defined is the number of variables whose values come with each evaluation.
	defined int
	// failed holds the first error of a constant part; derived scopes share it.
	failed *error
}

// NewScope returns the scope of a command. compare is the order of values under the command's
// collation, bsonvalue.Compare if it is nil; now is $$NOW and clusterTime $$CLUSTER_TIME.
func NewScope(compare func(a, b any) int, now primitive.DateTime, clusterTime primitive.Timestamp) *Scope {
	if compare == nil {
		compare = bsonvalue.Compare
	}
	s := &Scope{compare: compare, failed: new(error)}
	return s.WithConstant("NOW", now).WithConstant("CLUSTER_TIME", clusterTime)
}

func defaultScope() *Scope {
	now := time.Now()
	return NewScope(nil, primitive.NewDateTimeFromTime(now), primitive.Timestamp{T: uint32(now.Unix()), I: 1})
}

// Compare compares two values as the expressions of the scope do.
func (s *Scope) Compare(a, b any) int { return s.compare(a, b) }

// WithConstant returns a scope that also has the variable $$name with a value. The name may be any,
// CURRENT and those of the system too; CheckVariable checks one that a user has given.
func (s *Scope) WithConstant(name string, v any) *Scope {
	c := *s
	c.variables = &variable{outer: s.variables, name: name, slot: constantSlot, value: v}
	return &c
}

// Define returns a scope that also has the variables $$names, whose values come with each
// Evaluate. CURRENT may be among them: paths then begin there.
func (s *Scope) Define(names ...string) *Scope {
	c := *s
	for _, name := range names {
		c.variables = &variable{outer: c.variables, name: name, slot: c.defined}
		c.defined++
	}
	return &c
}

// FoldError returns the first error that came up where constant parts of expressions were computed,
// under this scope, the one it derives from, or any derived from that; nil for none. A command
// that optimizes its pipeline fails with it once everything has been parsed.
func (s *Scope) FoldError() error { return *s.failed }
