package command

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// anybody holds the commands, by their primary names, that a client may send before it has authenticated.
var anybody = map[string]bool{
	"authenticate": true, "buildInfo": true, "connectionStatus": true, "features": true, "getLastError": true, "hello": true,
	"listCommands": true, "logout": true, "ping": true, "saslContinue": true, "saslStart": true, "whatsmyuri": true,
}

// anyUser holds the commands that ask for no privilege: those on what is the user's own, cursors and sessions, and explain,
// which checks the command inside.
var anyUser = map[string]bool{
	"abortTransaction": true, "commitTransaction": true, "endSessions": true, "explain": true, "getMore": true, "killCursors": true,
	"killSessions": true, "refreshSessions": true, "resetError": true, "startSession": true,
}

// privilege is MongoDB's name of the action that a command needs, by the command's primary name. Where a command is in
// none of the three tables, it needs them all.
var privilege = map[string]string{
	"aggregate": "find", "count": "find", "distinct": "find", "find": "find", "findAndModify": "find",
	"insert": "insert", "update": "update", "delete": "remove",
	"collStats": "collStats", "create": "createCollection", "createIndexes": "createIndex", "dbStats": "dbStats",
	"drop": "dropCollection", "dropDatabase": "dropDatabase", "dropIndexes": "dropIndex", "hostInfo": "hostInfo",
	"listCollections": "listCollections", "listDatabases": "listDatabases", "listIndexes": "listIndexes",
	"serverStatus": "serverStatus", "usersInfo": "viewUser", "rolesInfo": "viewRole",
}

// checkAuthenticated refuses what only a user may send, on a server that has users.
func (s *State) checkAuthenticated(r *Request, sp *spec) error {
	if !s.Users.Enabled() || r.Conn.user != nil || anybody[sp.primaryName(r.Name)] {
		return nil
	}
	return mongoerror.New(mongoerror.Unauthorized, "command %s requires authentication", sp.primaryName(r.Name))
}

// checkAuthorized refuses what the user has no privilege for.
func (s *State) checkAuthorized(r *Request, sp *spec) error {
	user, name := r.Conn.user, sp.primaryName(r.Name)
	if user == nil || anybody[name] || anyUser[name] {
		return nil
	}
	for _, action := range needed(r, name) {
		if !user.May(action) {
			return mongoerror.New(mongoerror.Unauthorized, "not authorized on %s to execute command %s", r.Database, bodyText(r))
		}
	}
	return nil
}

// needed returns the actions that a command needs, some of which depend on what is in it.
func needed(r *Request, name string) []string {
	action, ok := privilege[name]
	if !ok {
		return []string{"anyAction"}
	}
	actions := []string{action}
	switch name {
	case "update":
		if anyUpsert(r) {
			actions = append(actions, "insert")
		}
	case "findAndModify":
		if remove, _ := truth(r.Body.Lookup("remove")); remove {
			return append(actions, "remove")
		}
		actions = append(actions, "update")
		if upsert, _ := truth(r.Body.Lookup("upsert")); upsert {
			actions = append(actions, "insert")
		}
	case "aggregate":
		if writesOut(r) {
			actions = append(actions, "insert", "remove")
		}
	}
	return actions
}

// anyUpsert reports whether one of the statements may insert.
func anyUpsert(r *Request) bool {
	for _, statement := range r.Sequences["updates"] {
		if upsert, _ := truth(statement.Lookup("upsert")); upsert {
			return true
		}
	}
	return anyOf(r.Body.Lookup("updates"), func(statement bson.Raw) bool {
		upsert, _ := truth(statement.Lookup("upsert"))
		return upsert
	})
}

// writesOut reports whether a pipeline writes to a collection.
func writesOut(r *Request) bool {
	return anyOf(r.Body.Lookup("pipeline"), func(stage bson.Raw) bool {
		return stage.Lookup("$out").Type != 0 || stage.Lookup("$merge").Type != 0
	})
}

// anyOf reports whether is holds for a document of an array. What is no array of documents is the handler's to refuse.
func anyOf(v bson.RawValue, is func(bson.Raw) bool) bool {
	array, ok := v.ArrayOK()
	if !ok {
		return false
	}
	values, _ := array.Values()
	for _, e := range values {
		if doc, ok := e.DocumentOK(); ok && is(doc) {
			return true
		}
	}
	return false
}
