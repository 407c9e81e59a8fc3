package lane

import (
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// errHint refuses a hint: servers before 4.4 would ignore it silently, and the driver allows none
// in updates and deletes that are not acknowledged.
var errHint = refuse("a hint in an unacknowledged write")

// DeleteStatement is one statement of a delete command. Fields that are nil are not sent.
type DeleteStatement struct {
	Filter any
	// Many deletes every document that matches, not only the first.
	Many      bool
	Collation *options.Collation
	// Hint is refused: the driver allows no hint in unacknowledged updates and deletes.
	Hint any
}

// AppendDelete appends a delete statement. It keeps nothing of s.
func (e *Encoder) AppendDelete(s *DeleteStatement) error {
	if s.Hint != nil {
		return errHint
	}
	start := e.beginStatement()
	if err := e.appendDocumentElement("q", s.Filter); err != nil {
		return err
	}
	limit := int32(1)
	if s.Many {
		limit = 0
	}
	e.buffer = appendInt32(e.buffer, "limit", limit)
	if s.Collation != nil {
		e.buffer = appendCollation(e.buffer, s.Collation)
	}
	e.endStatement(start)
	return nil
}

// appendCollation appends the element collation; fields that have no value are not sent.
func appendCollation(dst []byte, c *options.Collation) []byte {
	dst = appendHeader(dst, bsoncore.TypeEmbeddedDocument, "collation")
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	if c.Locale != "" {
		dst = appendString(dst, "locale", c.Locale)
	}
	if c.CaseLevel {
		dst = appendBoolean(dst, "caseLevel", true)
	}
	if c.CaseFirst != "" {
		dst = appendString(dst, "caseFirst", c.CaseFirst)
	}
	if c.Strength != 0 {
		dst = appendInt32(dst, "strength", int32(c.Strength))
	}
	if c.NumericOrdering {
		dst = appendBoolean(dst, "numericOrdering", true)
	}
	if c.Alternate != "" {
		dst = appendString(dst, "alternate", c.Alternate)
	}
	if c.MaxVariable != "" {
		dst = appendString(dst, "maxVariable", c.MaxVariable)
	}
	if c.Normalization {
		dst = appendBoolean(dst, "normalization", true)
	}
	if c.Backwards {
		dst = appendBoolean(dst, "backwards", true)
	}
	dst = append(dst, 0)
	setLength(dst, start, len(dst))
	return dst
}

func appendInt32(dst []byte, key string, value int32) []byte {
	dst = appendHeader(dst, bsoncore.TypeInt32, key)
	return bsoncore.AppendInt32(dst, value)
}
