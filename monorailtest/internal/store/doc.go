// Package store keeps databases, collections, documents and indexes in memory.
//
// A stored document is immutable: an update stores a new one in the place of the old. Whoever got
// hold of a document may therefore read and encode it for as long as it likes, without any lock,
// and never sees half an update.
package store
