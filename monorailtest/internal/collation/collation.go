// Package collation orders and compares strings, and BSON values that hold strings, by the rules of
// a language: the collations of MongoDB's commands.
//
// The weights of characters are those of golang.org/x/text/collate. MongoDB has them from ICU, whose
// options the library knows only in part; this package makes sort keys of the library's weights as
// ICU lays them out, level by level, and applies the options there.
package collation

import (
	"sync"

	"go.mongodb.org/mongo-driver/bson"
	"golang.org/x/text/collate"
)

// Version is the version of ICU that MongoDB 4.4 names in every collation.
const Version = "57.1"

// Collation is a parsed collation. It is immutable and safe for concurrent use. Nil is the simple
// collation, which compares strings byte by byte; all methods but those of strings take it.
type Collation struct {
	options  options
	document bson.D
	// scale turns the library's weights into bytes.
	scale *scale
	// collators holds *collate.Collator, which one goroutine at a time may use.
	collators sync.Pool
}

// options are what a collation says beside its locale.
type options struct {
	locale          string
	caseLevel       bool
	caseFirst       string
	strength        int
	numericOrdering bool
	alternate       string
	maxVariable     string
	normalization   bool
	backwards       bool
}

// Document returns the collation as listCollections and listIndexes show it, with every option; nil
// for the simple one. It must not be changed.
func (c *Collation) Document() bson.D {
	if c == nil {
		return nil
	}
	return c.document
}

// Same tells whether two collations are the same one.
func Same(a, b *Collation) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.options == b.options
}

func newCollation(o options) *Collation {
	tag := o.tag()
	c := &Collation{options: o, document: o.document(), scale: scaleOf(tag)}
	c.collators.New = func() any { return collate.New(tag) }
	return c
}

func (o options) document() bson.D {
	return bson.D{
		{Key: "locale", Value: o.locale},
		{Key: "caseLevel", Value: o.caseLevel},
		{Key: "caseFirst", Value: o.caseFirst},
		{Key: "strength", Value: int32(o.strength)},
		{Key: "numericOrdering", Value: o.numericOrdering},
		{Key: "alternate", Value: o.alternate},
		{Key: "maxVariable", Value: o.maxVariable},
		{Key: "normalization", Value: o.normalization},
		{Key: "backwards", Value: o.backwards},
		{Key: "version", Value: Version},
	}
}
