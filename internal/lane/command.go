package lane

import (
	"encoding/binary"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
)

// Operation is the kind of a write command.
type Operation uint8

// The write commands.
const (
	Insert Operation = iota
	Update
	Delete
)

// commandNames are the names of the commands and sequenceNames the identifiers of their kind-1
// sections, by Operation.
var (
	commandNames  = [...]string{Insert: "insert", Update: "update", Delete: "delete"}
	sequenceNames = [...]string{Insert: "documents", Update: "updates", Delete: "deletes"}
)

// String returns the name of the command.
func (o Operation) String() string { return commandNames[o] }

// unacknowledged is the element writeConcern: {w: 0}, as the driver encodes
// writeconcern.Unacknowledged(): document, key, size 12, int32 "w" 0, end.
const unacknowledged = "\x03writeConcern\x00" + "\x0c\x00\x00\x00" + "\x10w\x00\x00\x00\x00\x00" + "\x00"

// Command is what a write command says beside its statements.
type Command struct {
	Operation            Operation
	Database, Collection string

	// BypassDocumentValidation is sent where it is true; a delete has no such field.
	BypassDocumentValidation bool
	// Comment is sent where it is not nil. Any value that can be a BSON value.
	Comment any
	// Ordered is sent where it is not nil.
	Ordered *bool
	// Let is sent where it is not nil; it must encode as a document. An insert has no such field.
	Let any

	// ClusterTime is the client's $clusterTime document, nil where no server has told one: the driver
	// gossips it with writes that have no session, too.
	ClusterTime bson.Raw
	// ServerAPI is the declared version of the Stable API, nil for none.
	ServerAPI *driver.ServerAPIOptions
	// MaxTimeMS is the server's time limit in milliseconds, which the driver derives from the
	// deadline of the operation's context; 0 for none.
	MaxTimeMS int64
}

// Begin starts the message of a command. It keeps nothing of c.
func (e *Encoder) Begin(c *Command) error {
	e.operation = c.Operation
	e.statements, e.largest, e.taken, e.ordered = 0, 0, 0, 0

	_, dst := wiremessage.AppendHeaderStart(e.buffer[:0], 0, 0, wiremessage.OpMsg)
	dst = wiremessage.AppendMsgFlags(dst, wiremessage.MoreToCome)
	dst = wiremessage.AppendMsgSectionType(dst, wiremessage.SingleDocument)
	e.bodyStart = len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = appendString(dst, commandNames[c.Operation], c.Collection)
	if c.BypassDocumentValidation && c.Operation != Delete {
		dst = appendBoolean(dst, "bypassDocumentValidation", true)
	}
	e.buffer = dst
	if err := e.appendComment(c.Comment); err != nil {
		return err
	}
	if c.Ordered != nil {
		e.buffer = appendBoolean(e.buffer, "ordered", *c.Ordered)
		e.ordered = len(e.buffer) - 1
	}
	if c.Let != nil && c.Operation != Insert {
		if err := e.appendDocumentElement("let", c.Let); err != nil {
			return err
		}
	}

	dst = append(e.buffer, unacknowledged...)
	dst = appendClusterTime(dst, c.ClusterTime)
	dst = appendServerAPI(dst, c.ServerAPI)
	if c.MaxTimeMS > 0 {
		dst = bsoncore.AppendInt64Element(dst, "maxTimeMS", c.MaxTimeMS)
	}
	dst = appendString(dst, "$db", c.Database)
	dst = append(dst, 0)
	setLength(dst, e.bodyStart, len(dst))
	e.bodyEnd = len(dst)

	dst = wiremessage.AppendMsgSectionType(dst, wiremessage.DocumentSequence)
	e.sequenceStart = len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = append(dst, sequenceNames[c.Operation]...)
	dst = append(dst, 0)
	e.statementsStart, e.takenEnd = len(dst), len(dst)
	e.buffer = dst
	return nil
}

// appendComment appends the element comment, unless there is nothing to send.
func (e *Encoder) appendComment(comment any) error {
	switch value := comment.(type) {
	case nil:
		return nil
	case bsoncore.Value:
		if value.Type == 0 {
			return nil // what the driver takes for no comment
		}
	}
	return e.appendElement("comment", comment)
}

// appendClusterTime appends the element $clusterTime of a document that has one.
func appendClusterTime(dst []byte, clusterTime bson.Raw) []byte {
	if clusterTime == nil {
		return dst
	}
	value, err := clusterTime.LookupErr("$clusterTime")
	if err != nil {
		return dst
	}
	dst = appendHeader(dst, bsoncore.Type(value.Type), "$clusterTime")
	return append(dst, value.Value...)
}

func appendServerAPI(dst []byte, api *driver.ServerAPIOptions) []byte {
	if api == nil {
		return dst
	}
	dst = appendString(dst, "apiVersion", api.ServerAPIVersion)
	if api.Strict != nil {
		dst = appendBoolean(dst, "apiStrict", *api.Strict)
	}
	if api.DeprecationErrors != nil {
		dst = appendBoolean(dst, "apiDeprecationErrors", *api.DeprecationErrors)
	}
	return dst
}

// appendHeader appends an element's type and key, which must hold no zero byte. The function of
// the same name in bsoncore searches every key for one; ours are constants.
func appendHeader(dst []byte, t bsoncore.Type, key string) []byte {
	dst = append(dst, byte(t))
	dst = append(dst, key...)
	return append(dst, 0)
}

func appendString(dst []byte, key, value string) []byte {
	dst = appendHeader(dst, bsoncore.TypeString, key)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(value)+1))
	dst = append(dst, value...)
	return append(dst, 0)
}

func appendBoolean(dst []byte, key string, value bool) []byte {
	dst = appendHeader(dst, bsoncore.TypeBoolean, key)
	return bsoncore.AppendBoolean(dst, value)
}

// setLength writes the number of bytes between start and end at start.
func setLength(dst []byte, start, end int) {
	binary.LittleEndian.PutUint32(dst[start:], uint32(end-start))
}
