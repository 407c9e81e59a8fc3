// Package bsonvalue holds the rules of MongoDB for single BSON values: how they are decoded and
// encoded, how they compare, how they count as equal, and how numbers are converted and added.
//
// A value is what the driver's bson package makes of it: bson.D, bson.A, the types of the
// primitive package, string, bool, int32, int64, float64, and nil for null. A field that is not
// there is Missing. Values are shared between documents and goroutines, and are never changed once
// they are part of a stored document.
package bsonvalue

import "github.com/256dpi/lungo/bsonkit"

// Missing is the value of a field that a document does not have.
var Missing = bsonkit.Missing

// IsMissing tells whether v is Missing.
func IsMissing(v any) bool {
	_, ok := v.(bsonkit.MissingType)
	return ok
}
