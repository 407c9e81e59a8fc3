// Package bsontest makes the documents of tests.
package bsontest

import (
	"testing"

	"go.mongodb.org/mongo-driver/bson"
)

// Parse returns the document that s is in relaxed Extended JSON. Text that is none fails the test.
func Parse(t testing.TB, s string) bson.D {
	t.Helper()
	d := bson.D{}
	if err := bson.UnmarshalExtJSON([]byte(s), false, &d); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return d
}
