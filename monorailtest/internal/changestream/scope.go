package changestream

import "strings"

// Scope is what a stream watches: a collection, a database, or, with neither, the whole deployment.
type Scope struct{ Database, Collection string }

// covers tells whether changes of the documents of a collection belong to the stream.
func (s Scope) covers(namespace string) bool {
	database, collection, _ := strings.Cut(namespace, ".")
	switch {
	case s.Collection != "":
		return database == s.Database && collection == s.Collection
	case strings.HasPrefix(collection, "system."):
		return false
	case s.Database != "":
		return database == s.Database
	}
	switch database {
	case "admin", "config", "local":
		return false
	}
	return true
}

// invalidatedBy tells whether the stream ends behind an event.
func (s Scope) invalidatedBy(operation string) bool {
	switch operation {
	case "drop", "rename":
		return s.Collection != ""
	case "dropDatabase":
		return s.Database != "" && s.Collection == ""
	}
	return false
}
