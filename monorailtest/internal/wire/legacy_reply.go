package wire

import (
	"encoding/binary"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// codeCursorNotFound is CursorNotFound, for which an OP_REPLY has a flag.
const codeCursorNotFound = 43

// isLegacy says that the message is a query or an OP_GET_MORE, whose reply is documents and no command's reply.
func (m *Message) isLegacy() bool {
	return m.Header.OpCode == OpGetMore || m.Header.OpCode == OpQuery && m.Namespace == ""
}

// appendDocuments appends the OP_REPLY that says what the reply of a find, a getMore or an explain says.
func appendDocuments(dst []byte, requestID, responseTo int32, reply bson.Raw) []byte {
	if ok, is := reply.Lookup("ok").AsInt64OK(); !is || ok != 1 {
		return appendFailure(dst, requestID, responseTo, reply)
	}
	cursor, ok := reply.Lookup("cursor").DocumentOK()
	if !ok {
		return appendReply(dst, requestID, responseTo, 0, 0, reply)
	}
	id, _ := cursor.Lookup("id").Int64OK()
	batch, ok := cursor.Lookup("firstBatch").ArrayOK()
	if !ok {
		batch, _ = cursor.Lookup("nextBatch").ArrayOK()
	}
	// The reply is the server's own.
	values, _ := batch.Values()
	documents := make([]bson.Raw, len(values))
	for i, v := range values {
		documents[i] = v.Value
	}
	return appendReply(dst, requestID, responseTo, 0, id, documents...)
}

// appendFailure appends the OP_REPLY that says what the reply of a command that failed says.
func appendFailure(dst []byte, requestID, responseTo int32, reply bson.Raw) []byte {
	code, _ := reply.Lookup("code").Int32OK()
	if code == codeCursorNotFound {
		return appendReply(dst, requestID, responseTo, replyCursorNotFound, 0)
	}
	text, _ := reply.Lookup("errmsg").StringValueOK()
	failure, err := bson.Marshal(bson.D{{Key: "$err", Value: text}, {Key: "code", Value: code}})
	if err != nil {
		failure, _ = bson.Marshal(bson.D{{Key: "code", Value: mongoerror.InternalError}})
	}
	return appendReply(dst, requestID, responseTo, replyQueryFailure, 0, failure)
}

// appendReply appends an OP_REPLY with documents.
func appendReply(dst []byte, requestID, responseTo int32, flags uint32, cursor int64, documents ...bson.Raw) []byte {
	start := len(dst)
	dst = appendHeader(dst, Header{RequestID: requestID, ResponseTo: responseTo, OpCode: OpReply})
	dst = binary.LittleEndian.AppendUint32(dst, flags|replyAwaitCapable)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(cursor))
	dst = binary.LittleEndian.AppendUint32(dst, 0) // starting from, which no client looks at
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(documents)))
	for _, d := range documents {
		dst = append(dst, d...)
	}
	setLength(dst, start)
	return dst
}
