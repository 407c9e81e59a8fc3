package query

import (
	"time"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// codeFeatureNotAllowed is QueryFeatureNotAllowed.
const codeFeatureNotAllowed = 224

// parser parses one filter.
type parser struct {
	Options
	// own is the scope of this filter alone; nil while it has no $expr, or where the options have one.
	own *expression.Scope
	// depth counts the $elemMatch around what is being parsed.
	depth int
}

func newParser(o Options) *parser { return &parser{Options: o} }

// scope returns what $expr may refer to.
func (ps *parser) scope() *expression.Scope {
	if ps.Scope != nil {
		return ps.Scope
	}
	if ps.own == nil {
		now := time.Now()
		var compare func(a, b any) int
		if ps.Collation != nil {
			compare = ps.Collation.Compare
		}
		ps.own = expression.NewScope(compare, primitive.NewDateTimeFromTime(now), primitive.Timestamp{T: uint32(now.Unix()), I: 1})
	}
	return ps.own
}

// finish returns the error of a constant part of an $expr.
func (ps *parser) finish() error {
	if ps.own == nil {
		return nil
	}
	return ps.own.FoldError()
}

// topLevelOnly refuses an operator that is about the whole document where it is not, and one
// that the options refuse.
func (ps *parser) topLevelOnly(operator string) error {
	switch {
	case ps.depth > 0:
		return badValue("%s can only be applied to the top-level document", operator)
	case operator == "$expr" && ps.Restricted:
		return mongoerror.New(codeFeatureNotAllowed, "%s is not allowed in this context", operator)
	case operator != "$expr" && (ps.Restricted || ps.Stored):
		return badValue("%s is not allowed in this context", operator)
	}
	return nil
}
