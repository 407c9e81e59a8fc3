package wire

import "go.mongodb.org/mongo-driver/bson"

// Flags of an OP_REPLY.
const (
	replyCursorNotFound = 1 << 0
	replyQueryFailure   = 1 << 1
	replyAwaitCapable   = 1 << 3
)

// parseQuery reads an OP_QUERY: flags, full collection name, skip, number to return, query, and an optional document
// of fields, which no command has. It is a command, or the query of a collection.
func parseQuery(h Header, b []byte) (*Message, error) {
	l := &legacy{rest: b}
	flags := l.int32()
	database, collection := l.namespace()
	if l.err != nil {
		return nil, l.err
	}
	m := &Message{Header: h}
	if collection != "$cmd" {
		return m, m.parseFind(l, flags, database, collection)
	}
	m.Namespace = database + "." + collection
	l.int32()
	l.int32()
	body := l.document()
	if l.err != nil {
		return m, l.err
	}
	m.Body = unwrapQuery(body)
	return m, nil
}

// unwrapQuery returns the command of a query that wraps it ({$query: command, $readPreference: ...}).
func unwrapQuery(b bson.Raw) bson.Raw {
	for _, key := range []string{"$query", "query"} {
		elem, err := b.IndexErr(0)
		if err != nil || elem.Key() != key {
			continue
		}
		if inner, ok := elem.Value().DocumentOK(); ok {
			return inner
		}
	}
	return b
}
