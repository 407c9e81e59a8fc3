package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
)

// Flags of an OP_QUERY.
const (
	queryTailable        = 1 << 1
	querySecondaryOK     = 1 << 2
	queryNoCursorTimeout = 1 << 4
	queryAwaitData       = 1 << 5
	queryExhaust         = 1 << 6
	queryPartial         = 1 << 7
)

// Flags of an OP_UPDATE, an OP_INSERT and an OP_DELETE.
const (
	updateUpsert          = 1 << 0
	updateMulti           = 1 << 1
	insertContinueOnError = 1 << 0
	deleteSingle          = 1 << 0
)

// unacknowledged is the write concern of the legacy writes.
var unacknowledged = bson.E{Key: "writeConcern", Value: bson.D{{Key: "w", Value: 0}}}

// legacy reads the body of a message with an opcode that MongoDB 5.1 removed, piece by piece. The first error stays.
type legacy struct {
	rest []byte
	err  error
}

func (l *legacy) int32() int32 {
	if l.err == nil && len(l.rest) < 4 {
		l.err = fmt.Errorf("%w: legacy message cut short", ErrFatal)
	}
	if l.err != nil {
		return 0
	}
	n := int32(binary.LittleEndian.Uint32(l.rest))
	l.rest = l.rest[4:]
	return n
}

func (l *legacy) int64() int64 {
	low := uint32(l.int32())
	return int64(l.int32())<<32 | int64(low)
}

// namespace returns the two parts of a full collection name.
func (l *legacy) namespace() (database, collection string) {
	end := bytes.IndexByte(l.rest, 0)
	if l.err == nil && end < 0 {
		l.err = fmt.Errorf("%w: legacy message cut short", ErrFatal)
	}
	if l.err != nil {
		return "", ""
	}
	name := string(l.rest[:end])
	l.rest = l.rest[end+1:]
	database, collection, _ = strings.Cut(name, ".")
	return database, collection
}

func (l *legacy) document() bson.Raw {
	if l.err != nil {
		return nil
	}
	var d bson.Raw
	d, l.rest, l.err = cutDocument(l.rest)
	return d
}

// parseLegacy reads OP_INSERT, OP_UPDATE, OP_DELETE, OP_KILL_CURSORS and OP_GET_MORE as the commands that do the same.
// All but the last one want no reply.
func parseLegacy(h Header, b []byte) (*Message, error) {
	l := &legacy{rest: b}
	m := &Message{Header: h, MoreToCome: h.OpCode != OpGetMore}
	var command bson.D
	switch h.OpCode {
	case OpInsert:
		flags := l.int32()
		database, collection := l.namespace()
		documents := []bson.Raw{l.document()}
		for len(l.rest) > 0 && l.err == nil {
			documents = append(documents, l.document())
		}
		m.Sequences = map[string][]bson.Raw{"documents": documents}
		command = bson.D{{Key: "insert", Value: collection}, {Key: "ordered", Value: flags&insertContinueOnError == 0}, unacknowledged, {Key: "$db", Value: database}}
	case OpUpdate:
		l.int32()
		database, collection := l.namespace()
		flags := l.int32()
		statement := bson.D{{Key: "q", Value: l.document()}, {Key: "u", Value: l.document()},
			{Key: "upsert", Value: flags&updateUpsert != 0}, {Key: "multi", Value: flags&updateMulti != 0}}
		command = bson.D{{Key: "update", Value: collection}, {Key: "updates", Value: bson.A{statement}}, unacknowledged, {Key: "$db", Value: database}}
	case OpDelete:
		l.int32()
		database, collection := l.namespace()
		limit := l.int32() & deleteSingle
		statement := bson.D{{Key: "q", Value: l.document()}, {Key: "limit", Value: limit}}
		command = bson.D{{Key: "delete", Value: collection}, {Key: "deletes", Value: bson.A{statement}}, unacknowledged, {Key: "$db", Value: database}}
	case OpKillCursors:
		l.int32()
		ids := bson.A{}
		for n := l.int32(); n > 0 && l.err == nil; n-- {
			ids = append(ids, l.int64())
		}
		// Ids are unique on a server, and the message names no collection.
		command = bson.D{{Key: "killCursors", Value: "$cmd"}, {Key: "cursors", Value: ids}, {Key: "$db", Value: "admin"}}
	case OpGetMore:
		l.int32()
		database, collection := l.namespace()
		size := l.int32()
		command = getMore(database, collection, l.int64(), size)
	}
	if l.err == nil {
		m.Body, l.err = bson.Marshal(command)
	}
	return m, l.err
}

// getMore is the command for the next batch of at most size documents; size is 0 for the server's choice.
func getMore(database, collection string, id int64, size int32) bson.D {
	command := bson.D{{Key: "getMore", Value: id}, {Key: "collection", Value: collection}}
	if size != 0 {
		command = append(command, bson.E{Key: "batchSize", Value: magnitude(size)})
	}
	return append(command, bson.E{Key: "$db", Value: database})
}

func magnitude(n int32) int64 { return max(int64(n), -int64(n)) }

// parseFind makes an OP_QUERY of a collection the find that does the same; l is behind the namespace.
func (m *Message) parseFind(l *legacy, flags int32, database, collection string) error {
	skip, size := l.int32(), l.int32()
	q := l.document()
	var projection bson.Raw
	if len(l.rest) > 0 {
		projection = l.document()
	}
	if l.err != nil {
		return l.err
	}
	find := bson.D{{Key: "find", Value: collection}}
	filter, options, explain := splitQuery(q)
	find = append(find, bson.E{Key: "filter", Value: filter})
	if len(projection) > minDocumentSize {
		find = append(find, bson.E{Key: "projection", Value: projection})
	}
	if skip != 0 {
		find = append(find, bson.E{Key: "skip", Value: skip})
	}
	switch {
	case size < 0 || size == 1:
		find = append(find, bson.E{Key: "limit", Value: magnitude(size)}, bson.E{Key: "singleBatch", Value: true})
	case size > 0:
		find = append(find, bson.E{Key: "batchSize", Value: size})
	}
	for _, f := range []struct {
		bit  int32
		name string
	}{{queryTailable, "tailable"}, {queryNoCursorTimeout, "noCursorTimeout"}, {queryAwaitData, "awaitData"}, {queryPartial, "allowPartialResults"}} {
		if flags&f.bit != 0 {
			find = append(find, bson.E{Key: f.name, Value: true})
		}
	}
	find = append(find, options...)
	if explain {
		find = bson.D{{Key: "explain", Value: find}, {Key: "verbosity", Value: "allPlansExecution"}}
	}
	if flags&querySecondaryOK != 0 {
		find = append(find, bson.E{Key: "$readPreference", Value: bson.D{{Key: "mode", Value: "secondaryPreferred"}}})
	}
	m.ExhaustAllowed = flags&queryExhaust != 0
	var err error
	m.Body, err = bson.Marshal(append(find, bson.E{Key: "$db", Value: database}))
	return err
}

// queryOptions are those that a query has beside its filter, and what a find calls them.
var queryOptions = map[string]string{
	"$orderby": "sort", "orderby": "sort", "$hint": "hint", "$min": "min", "$max": "max", "$returnKey": "returnKey", "$showDiskLoc": "showRecordId",
	"$maxTimeMS": "maxTimeMS", "$comment": "comment",
}

// splitQuery returns the filter of a query, its options as those of a find, and whether the query is to be explained.
func splitQuery(q bson.Raw) (filter bson.Raw, options bson.D, explain bool) {
	for _, key := range []string{"query", "$query"} {
		if d, ok := q.Lookup(key).DocumentOK(); ok {
			filter = d
			break
		}
	}
	if filter == nil {
		return q, nil, false
	}
	// The document has been validated.
	elems, _ := q.Elements()
	for _, e := range elems {
		if name := queryOptions[e.Key()]; name != "" {
			options = append(options, bson.E{Key: name, Value: e.Value()})
		}
		if e.Key() == "$explain" {
			v := e.Value()
			explain = v.Type != bson.TypeBoolean || v.Boolean()
		}
	}
	return filter, options, explain
}

// Following returns the request for the batch after the one in a reply, where the client has asked for all of them at once
// by an OP_QUERY with exhaust; nil for none. id is that of the reply, which the next one answers.
func (m *Message) Following(reply bson.Raw, id int32) *Message {
	cursor, open := reply.Lookup("cursor", "id").Int64OK()
	if !m.ExhaustAllowed || !m.isLegacy() || !open || cursor == 0 {
		return nil
	}
	namespace, _ := reply.Lookup("cursor", "ns").StringValueOK()
	database, collection, _ := strings.Cut(namespace, ".")
	size, ok := m.Body.Lookup("batchSize").AsInt64OK()
	if !ok {
		size = 0
	}
	body, err := bson.Marshal(getMore(database, collection, cursor, int32(size)))
	if err != nil {
		return nil
	}
	next := &Message{Header: m.Header, ExhaustAllowed: true, Body: body, Compressor: m.Compressor}
	next.Header.RequestID = id
	return next
}
