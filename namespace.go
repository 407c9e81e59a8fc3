package monorail

import (
	"strings"

	"github.com/mongo-monorail/monorail/internal/wire"
)

// namespace is a collection of a database.
type namespace struct{ database, collection string }

func (n namespace) String() string { return n.database + "." + n.collection }

// absentCollection is what a namespace is completed with where all that is known to have been written
// is a database: nothing has to exist for the update by which Confirm waits.
const absentCollection = "monorail"

// readOnly are the commands that change nothing a confirmation could be asked for. Everything else
// counts as a write, but for an aggregation without $out or $merge: what it reads may be a view, which
// the update by which Confirm waits cannot name.
var readOnly = map[string]bool{
	"buildInfo": true, "collStats": true, "connectionStatus": true, "count": true, "dbStats": true,
	"distinct": true, "endSessions": true, "explain": true, "find": true, "getMore": true, "hello": true,
	"isMaster": true, "ismaster": true, "killCursors": true, "listCollections": true,
	"listDatabases": true, "listIndexes": true, "ping": true, "serverStatus": true,
}

// note keeps the namespace of an uncompressed message that may write.
func (e *epoch) note(message []byte) {
	c, ok := wire.ReadCommand(message)
	if !ok || readOnly[string(c.Name)] {
		return
	}
	last := e.written.Load()
	switch {
	case string(c.Name) == "bulkWrite":
		if n, ok := lastOfBulk(message); ok {
			e.written.Store(&n)
		}
	case string(c.Name) == "aggregate":
		if n, ok := outputOf(message, string(c.Database)); ok {
			e.wrote(n.database, n.collection)
		}
	case c.Collection == nil && last != nil:
		// It names a database alone: the collection before it serves as well.
	case c.Collection == nil:
		e.wrote(string(c.Database), absentCollection)
	case last == nil || last.database != string(c.Database) || last.collection != string(c.Collection):
		e.wrote(string(c.Database), string(c.Collection))
	}
}

// wrote keeps the namespace of a message that writes. Only a change costs something.
func (e *epoch) wrote(database, collection string) {
	if last := e.written.Load(); last == nil || last.database != database || last.collection != collection {
		e.written.Store(&namespace{database, collection})
	}
}

// lastOfBulk returns the last namespace of a bulkWrite command, whose namespaces stand in a sequence.
func lastOfBulk(message []byte) (n namespace, ok bool) {
	_, sequences, err := splitMessage(message)
	if err != nil {
		return n, false
	}
	for _, s := range sequences {
		if s.identifier == "nsInfo" && len(s.documents) > 0 {
			ns, _ := s.documents[len(s.documents)-1].Lookup("ns").StringValueOK()
			n.database, n.collection, ok = strings.Cut(ns, ".")
			return n, ok
		}
	}
	return n, false
}

// outputOf returns the collection that an aggregation of a database writes to; false where its last stage
// is neither $out nor $merge.
func outputOf(message []byte, database string) (n namespace, ok bool) {
	body, _, err := splitMessage(message)
	if err != nil {
		return n, false
	}
	pipeline, _ := body.Lookup("pipeline").ArrayOK()
	stages, _ := pipeline.Values()
	if len(stages) == 0 {
		return n, false
	}
	stage, _ := stages[len(stages)-1].DocumentOK()
	target, err := stage.LookupErr("$out")
	if err != nil {
		if target, err = stage.LookupErr("$merge"); err != nil {
			return n, false
		}
		if merge, ok := target.DocumentOK(); ok {
			target = merge.Lookup("into")
		}
	}
	n = namespace{database, absentCollection}
	if collection, ok := target.StringValueOK(); ok {
		n.collection = collection
	} else if document, ok := target.DocumentOK(); ok {
		if name, ok := document.Lookup("db").StringValueOK(); ok {
			n.database = name
		}
		if name, ok := document.Lookup("coll").StringValueOK(); ok {
			n.collection = name
		}
	}
	return n, true
}
