package bsonvalue

import (
	"github.com/256dpi/lungo/bsonkit"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/bsontype"
)

// Alias returns the name of a type as $type and the server's messages write it ("objectId").
func Alias(t bsontype.Type) string { return bsonkit.Type2Alias[t] }

// TypeByAlias returns the type that an alias of $type stands for. The alias "number" stands for
// several types and is not known here.
func TypeByAlias(alias string) (bsontype.Type, bool) {
	t, ok := bsonkit.Alias2Type[alias]
	return t, ok
}

// TypeByNumber returns the type with the given number in BSON; -1 is MinKey.
func TypeByNumber(n int64) (bsontype.Type, bool) {
	if n == -1 {
		return bson.TypeMinKey, true
	}
	if n <= 0 || n > 127 {
		return 0, false
	}
	t, ok := bsonkit.Number2Type[byte(n)]
	return t, ok
}
