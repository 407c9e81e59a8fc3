package lane

import (
	"encoding/binary"
	"fmt"
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
)

// statementOverhead is how many bytes more than a document a server allows a statement around it
// and a command (16 KiB: mongod's BSONObjMaxInternalSize).
const statementOverhead = 16 << 10

// Limits are what a server's hello says about the messages that it takes.
type Limits struct {
	DocumentSize int // maxBsonObjectSize, in bytes
	MessageSize  int // maxMessageSizeBytes
	BatchCount   int // maxWriteBatchSize: statements in one message
}

// TooLargeError says that a document cannot be sent: the server would throw it away, and its whole
// message with it, without a word. It is driver.ErrDocumentTooLarge.
type TooLargeError struct {
	What        string // what is too large
	Size, Limit int    // in bytes
}

// Error says what is too large, and for what.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("monorail: %s of %d bytes exceeds the server's limit of %d bytes; nothing of its command was sent",
		e.What, e.Size, e.Limit)
}

// Is tells that the error is driver.ErrDocumentTooLarge.
func (e *TooLargeError) Is(target error) bool { return target == driver.ErrDocumentTooLarge }

// CheckSizes returns a *TooLargeError if the server would not take one of the statements, or the
// command itself, because of its size. The driver looks at the message's size only, and learns the
// rest from the reply that an unacknowledged write does not have.
func (e *Encoder) CheckSizes(limits Limits) error {
	what, limit := "a document", limits.DocumentSize
	if e.operation != Insert {
		what, limit = "a statement", limit+statementOverhead
	}
	if e.largest > limit {
		return &TooLargeError{What: what, Size: e.largest, Limit: limit}
	}
	body := e.bodyEnd - e.bodyStart
	if limit := limits.DocumentSize + statementOverhead; body > limit {
		return &TooLargeError{What: "a command", Size: body, Limit: limit}
	}
	if size := e.statementsStart + e.largest; size > limits.MessageSize {
		return &TooLargeError{What: "a message", Size: size, Limit: limits.MessageSize}
	}
	return nil
}

// Next returns the command's next message and how many statements it holds; io.EOF when there is
// none left. There are several where the statements are too many or too large for one: it cuts
// where the driver does, and gives each message the same command, moreToCome and an id of its own.
// (The driver has all but the last of them acknowledged. In the lane none is, so a mistake in one
// of them does not keep the following from being sent.) The message is valid until the next call
// of Next or Begin.
func (e *Encoder) Next(limits Limits) (message []byte, statements int, err error) {
	if e.taken == e.statements {
		return nil, 0, io.EOF
	}
	message, statements = e.buffer, e.statements
	if len(message) > limits.MessageSize || statements > limits.BatchCount {
		if message, statements, err = e.cut(limits); err != nil {
			return nil, 0, err
		}
	}
	e.taken += statements
	e.requestID = wiremessage.NextRequestID()
	setLength(message, 0, len(message))
	binary.LittleEndian.PutUint32(message[4:], uint32(e.requestID))
	setLength(message, e.sequenceStart, len(message))
	return message, statements, nil
}

// cut builds a message of as many of the remaining statements as the server takes.
func (e *Encoder) cut(limits Limits) (message []byte, statements int, err error) {
	room, end := limits.MessageSize-e.statementsStart, e.takenEnd
	for end < len(e.buffer) && statements < limits.BatchCount {
		size := int(binary.LittleEndian.Uint32(e.buffer[end:]))
		if size > room {
			break
		}
		room -= size
		end += size
		statements++
	}
	if statements == 0 {
		return nil, 0, driver.ErrDocumentTooLarge
	}
	e.split = append(e.split[:0], e.buffer[:e.statementsStart]...)
	e.split = append(e.split, e.buffer[e.takenEnd:end]...)
	e.takenEnd = end
	return e.split, statements, nil
}

// RequestID returns the request id of the message that Next returned last.
func (e *Encoder) RequestID() int32 { return e.requestID }

// Operation returns the kind of the command that Begin started last.
func (e *Encoder) Operation() Operation { return e.operation }

// AppendCommand appends the command of the message that Next returned last in the form in which
// command monitors see it: one document, with the statements as an array behind the other fields.
func (e *Encoder) AppendCommand(dst bson.Raw, message []byte) bson.Raw {
	return e.Layout().AppendCommand(dst, message)
}
