package command

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/access"
)

// Conn is what the server knows about one client connection. Only the goroutine that serves the connection may use
// it, with the exception of the fields that never change after the connection was accepted.
type Conn struct {
	// ID is the connectionId of hello, unique within the server; set once.
	ID int32
	// RemoteAddr is the client's address as whatsmyuri gives it; set once.
	RemoteAddr string

	// AppName is client.application.name of the first hello, or "".
	AppName string
	// Monitoring says that this looks like a connection of a driver's monitor: so far it has sent nothing but
	// hello and isMaster. NewConn sets it.
	Monitoring bool
	// HangUp says that the server closes the connection when it rolls back or leaves its set: it has sent a hello
	// without hangUpOnStepDown: false.
	HangUp bool
	// greeted says that a hello with client metadata came; a second is refused (186), as in MongoDB.
	greeted bool
	// compression is the list of compressors that hello has agreed on.
	compression []string
	// last is the reply that the last operation had, or would have had if it was acknowledged: getLastError reads it.
	// nil where that operation was no write and did not fail.
	last bson.D
	// sasl is the conversation that saslContinue goes on with, or nil.
	sasl *access.Conversation
	// user is who the client has authenticated as, or nil.
	user *access.User
}

// NewConn returns what the server knows about a connection that it just accepted.
func NewConn(id int32, remoteAddr string) *Conn {
	return &Conn{ID: id, RemoteAddr: remoteAddr, Monitoring: true}
}

// remember keeps the reply of an operation for getLastError, if it tells something.
func (c *Conn) remember(reply bson.D, telling bool) {
	c.last = nil
	if telling {
		c.last = reply
	}
}
