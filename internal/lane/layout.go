package lane

import (
	"encoding/binary"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// commandStart is where the command's document begins in every message of an Encoder: behind the header of
// 16 bytes, the flags and the kind of the section.
const commandStart = 16 + 4 + 1

// Layout says, as offsets, where the parts of a message of an Encoder lie.
type Layout struct {
	// CommandEnd is where the command's document ends, and Ordered where its boolean ordered is: 0 where
	// it has none.
	CommandEnd, Ordered int
	// Sequence is where the length of the statements lies, with their name behind it, and Statements where
	// they begin. They reach to the end of the message.
	Sequence, Statements int
}

// Layout returns that of the messages of the command that Begin started last.
func (e *Encoder) Layout() Layout {
	return Layout{CommandEnd: e.bodyEnd, Ordered: e.ordered, Sequence: e.sequenceStart, Statements: e.statementsStart}
}

// AppendCommand appends the command of a message in the form in which command monitors see it.
func (l Layout) AppendCommand(dst bson.Raw, message []byte) bson.Raw {
	start := len(dst)
	dst = append(dst, message[commandStart:l.CommandEnd-1]...)
	dst = append(dst, byte(bsoncore.TypeArray))
	dst = append(dst, message[l.Sequence+4:l.Statements]...) // their name, with its 0
	array := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	rest := message[l.Statements:]
	for i := 0; len(rest) > 0; i++ {
		size := int(binary.LittleEndian.Uint32(rest))
		dst = append(dst, byte(bsoncore.TypeEmbeddedDocument))
		dst = strconv.AppendInt(dst, int64(i), 10)
		dst = append(dst, 0)
		dst = append(dst, rest[:size]...)
		rest = rest[size:]
	}
	dst = append(dst, 0)
	setLength(dst, array, len(dst))
	dst = append(dst, 0)
	setLength(dst, start, len(dst))
	return dst
}
