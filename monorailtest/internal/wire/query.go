package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"go.mongodb.org/mongo-driver/bson"
)

// Flags of an OP_REPLY.
const (
	replyQueryFailure = 1 << 1
	replyAwaitCapable = 1 << 3
)

// parseQuery reads an OP_QUERY: flags, full collection name, skip, number to return, query, and an optional document
// of fields that no command has.
func parseQuery(h Header, b []byte) (*Message, error) {
	if len(b) < 4 {
		return nil, fmt.Errorf("%w: OP_QUERY without flags", ErrFatal)
	}
	b = b[4:]
	end := bytes.IndexByte(b, 0)
	if end < 0 || len(b) < end+1+8 {
		return nil, fmt.Errorf("%w: OP_QUERY cut short", ErrFatal)
	}
	m := &Message{Header: h, Namespace: string(b[:end])}
	body, _, err := cutDocument(b[end+1+8:])
	if err != nil {
		return m, err
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

// appendReply appends an OP_REPLY with one document. failure marks the answer to a query that is no command.
func appendReply(dst []byte, requestID, responseTo int32, doc bson.Raw, failure bool) []byte {
	start := len(dst)
	dst = appendHeader(dst, Header{RequestID: requestID, ResponseTo: responseTo, OpCode: OpReply})
	flags := uint32(replyAwaitCapable)
	if failure {
		flags |= replyQueryFailure
	}
	dst = binary.LittleEndian.AppendUint32(dst, flags)
	dst = binary.LittleEndian.AppendUint64(dst, 0) // cursor id
	dst = binary.LittleEndian.AppendUint32(dst, 0) // starting from
	dst = binary.LittleEndian.AppendUint32(dst, 1) // documents
	dst = append(dst, doc...)
	setLength(dst, start)
	return dst
}
