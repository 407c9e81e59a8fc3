package monorailtest

import (
	"maps"
	"slices"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/command"
	"github.com/mongo-monorail/monorail/monorailtest/internal/wire"
	"go.mongodb.org/mongo-driver/bson"
)

// Message is one well-formed request as the server received it. The byte slices of a Message that a Match is given are
// valid during the call only; those of a recorded one are copies.
type Message struct {
	// Index numbers the messages that the server served, over all connections, from 1, in the order in which their
	// turn came. A message behind another on one connection has the larger index.
	Index int64
	// ConnectionID is the connectionId of hello.
	ConnectionID int32
	// AppName is the application name of the connection's hello, or "".
	AppName string
	// RequestID is the header's requestID.
	RequestID int32
	// Command is the command's name as sent, Database the value of $db.
	Command, Database string
	// Body is the kind 0 section. Convert it to the bson.Raw of the driver in use.
	Body bson.Raw
	// Sequences holds the kind 1 sections by identifier: documents, updates, deletes; nil for none.
	Sequences map[string][]bson.Raw
	// MoreToCome says that the message is unacknowledged.
	MoreToCome bool
	// Compressed says that the message came as OP_COMPRESSED.
	Compressed bool
	// Time is when the server took the message up, before any delay.
	Time time.Time
}

// IsHandshake reports whether the message is a hello or isMaster: the first of every connection, and all that a
// driver's monitor sends.
func (m *Message) IsHandshake() bool {
	return m.Command == "hello" || m.Command == "isMaster" || m.Command == "ismaster"
}

// Match selects messages. It must not keep m, nor any slice of it, and is called from many goroutines.
type Match func(m *Message) bool

// Commands matches messages of the named commands.
func Commands(names ...string) Match {
	return func(m *Message) bool { return slices.Contains(names, m.Command) }
}

// Unacknowledged matches messages with moreToCome.
func Unacknowledged() Match { return func(m *Message) bool { return m.MoreToCome } }

// OnConnection matches messages of one connection, by the connectionId of its hello.
func OnConnection(id int32) Match { return func(m *Message) bool { return m.ConnectionID == id } }

// newMessage describes a request. Its slices are those of the request.
func newMessage(r *command.Request, w *wire.Message) Message {
	return Message{
		ConnectionID: r.Conn.ID,
		AppName:      r.Conn.AppName,
		RequestID:    w.Header.RequestID,
		Command:      r.Name,
		Database:     r.Database,
		Body:         r.Body,
		Sequences:    r.Sequences,
		MoreToCome:   r.Unacknowledged,
		Compressed:   w.Compressor != wire.NoCompression,
		Time:         time.Now(),
	}
}

// clone returns a message with slices of its own.
func (m *Message) clone() Message {
	c := *m
	c.Body = slices.Clone(m.Body)
	c.Sequences = maps.Clone(m.Sequences)
	for name, docs := range c.Sequences {
		copies := make([]bson.Raw, len(docs))
		for i, d := range docs {
			copies[i] = slices.Clone(d)
		}
		c.Sequences[name] = copies
	}
	return c
}
