package wire

import (
	"fmt"

	"go.mongodb.org/mongo-driver/bson"
)

// Parse reads a message as it came from Reader.Read. It returns one of
//   - a message and no error: a request to serve;
//   - nil and no error: an opcode that MongoDB ignores;
//   - a message and a *mongoerror.Error: malformed, but the connection goes on; the error is answered, unless the
//     message says MoreToCome;
//   - an error that wraps ErrFatal: the connection ends without a reply.
//
// The message's slices are parts of b, or of bytes of its own where it was compressed.
func Parse(h Header, b []byte) (*Message, error) {
	compressor := NoCompression
	if h.OpCode == OpCompressed {
		var err error
		if h, b, compressor, err = decompress(h, b); err != nil {
			return nil, err
		}
	}
	var m *Message
	var err error
	switch h.OpCode {
	case OpNone:
		return nil, nil
	case OpMsg:
		m, err = parseMsg(h, b)
	case OpQuery:
		m, err = parseQuery(h, b)
	case OpInsert, OpUpdate, OpDelete, OpGetMore, OpKillCursors:
		m, err = parseLegacy(h, b)
	default:
		return nil, fmt.Errorf("%w: opcode %d", ErrFatal, h.OpCode)
	}
	if m != nil {
		m.Compressor = compressor
	}
	return m, err
}

// AppendReply appends the reply to m in the form that m asks for: OP_REPLY to an OP_QUERY or OP_GET_MORE, with the
// documents alone where that is no command, OP_MSG otherwise, with a checksum if m had one, compressed as m was.
func AppendReply(dst []byte, requestID int32, m *Message, body bson.Raw) ([]byte, error) {
	return appendAny(dst, requestID, m.Header.RequestID, m, body, false)
}

// AppendStreamed is AppendReply for one of several replies to an OP_MSG, all but the last of which announce another
// one. responseTo is the request id of the reply before.
func AppendStreamed(dst []byte, requestID, responseTo int32, m *Message, body bson.Raw, moreToCome bool) ([]byte, error) {
	return appendAny(dst, requestID, responseTo, m, body, moreToCome)
}

func appendAny(dst []byte, requestID, responseTo int32, m *Message, body bson.Raw, moreToCome bool) ([]byte, error) {
	start := len(dst)
	switch {
	case m.isLegacy():
		dst = appendDocuments(dst, requestID, responseTo, body)
	case m.Header.OpCode == OpQuery:
		dst = appendReply(dst, requestID, responseTo, 0, 0, body)
	default:
		dst = appendMsg(dst, requestID, responseTo, body, m.Checksum, moreToCome)
	}
	if m.Compressor == NoCompression {
		return dst, nil
	}
	// The compressed message needs a source that does not move while dst grows.
	plain := append([]byte(nil), dst[start:]...)
	return appendCompressed(dst[:start], m.Compressor, plain)
}
