package command

import "go.mongodb.org/mongo-driver/bson"

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
	// hello and isMaster.
	Monitoring bool
	// greeted says that a hello with client metadata came; a second is refused (186), as in MongoDB.
	greeted bool
	// last is the outcome of the last operation, which the legacy getLastError asks for.
	last bson.D
}
