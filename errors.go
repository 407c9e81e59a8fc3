package monorail

import (
	"errors"
	"fmt"
)

var (
	// ErrRequestEnded is returned for an operation whose context carries a request that has ended:
	// by End, by the end of the context that StartRequest was given, or by Disconnect. An operation that
	// was issued behind the end did not run; one that had been sent and was waiting for its reply may have.
	// Use a context outside the request, or start another one.
	ErrRequestEnded = errors.New("monorail: the request has ended; use a context outside it, or start another request")

	// ErrRequestBroken is in the chain of every error of a request whose socket is gone: errors.Is
	// finds it, errors.As finds the *BrokenError that tells more.
	ErrRequestBroken = errors.New("monorail: the request is broken")

	// ErrWaitQueueTimeout is in the chain of the error of an operation that waited in vain for a
	// connection of a full pool: the *WaitQueueError that errors.As finds tells who holds them.
	ErrWaitQueueTimeout = errors.New("monorail: timed out in the wait queue of the connection pool")

	// ErrTooManyWaiting is in the chain of the error of an operation that SetMaxWaiting did not let wait
	// for a connection. errors.As finds a *WaitQueueError. It is no timeout: retrying at once makes it
	// worse.
	ErrTooManyWaiting = errors.New("monorail: too many operations wait for a connection")

	// ErrServerMismatch is in the chain of the error of an operation that the server which its
	// request is pinned to cannot serve, because of the operation's read preference or because it
	// writes. Such an operation did not run, and the request goes on. Start the request with
	// RequestOptions().SetReadPreference, or run the operation outside it.
	ErrServerMismatch = errors.New("monorail: the server that the request is pinned to cannot serve the operation")
)

var (
	errNilCollection        = errors.New("monorail: the collection is nil; pass one that came from this client's Database method")
	errForeignClient        = errors.New("monorail: the collection belongs to another client; use one that came from this client's Database method")
	errOwnDeployment        = errors.New("monorail: ClientOptions has a Deployment already, and Monorail has to be it; leave it unset")
	errForeignSocket        = errors.New("monorail: the connection was not made by Monorail's dialer")
	errMonitorPanic         = errors.New("monorail: a monitor panicked while a connection was checked out")
	errNothingToWaitFor     = errors.New("monorail: the write concern asks for nothing that can be waited for; pass nil for {w: \"majority\", j: true}, or an acknowledged one")
	errConfirmThroughMongos = errors.New("monorail: a mongos hides when a shard changes its primary, so Confirm through it would prove nothing; use Barrier to know that writes were processed, and acknowledged writes with {w: \"majority\"} where they have to last")
	errUnasked              = errors.New("the server sent what nobody had asked for")
	errUnread               = errors.New("the connection was closed before the server had answered what was sent")
	errNoLongerPrimary      = errors.New("the server is no longer writable")
	errSuperseded           = fmt.Errorf("%w: the set has elected another primary", errNoLongerPrimary)
	errRemoved              = errors.New("the server was removed from the deployment")
	errPoolCleared          = errors.New("the driver closed the connection, with its pool")
)

// BrokenError says that the socket of a request is gone. The operation that met it and every later
// one in the request get it, and so does End. errors.Is finds ErrRequestBroken and everything in
// the chain of Cause. To the driver's users it is a network error: mongo.IsNetworkError is true.
//
// A BrokenError is never changed after it was returned, and may be shared between goroutines.
type BrokenError struct {
	// Cause is what ended the socket: an error of the network, a context's error if it ended in the
	// middle of a message, or the server's word that it is no longer writable, in which errors.As finds
	// a mongo.CommandError where an operation has met it.
	Cause error
	// Unconfirmed counts the statements of unacknowledged writes that were issued since the last
	// reply from the server, at the moment of the break. Each of them may have run or not: neither
	// an error nor the end of a connection tells what the server did.
	Unconfirmed int
	// Writes are those writes, in the order in which they were issued, where SetKeepUnconfirmed has them
	// kept; else nil. The slice and its documents are shared by all who get the error: do not change
	// them. A write that the server has processed is not among them, even if a rollback takes it away. See
	// Request.Replay.
	Writes []UnconfirmedWrite
	// Address is the server's, as host:port.
	Address string
	// ConnectionID is the driver's name of the connection, as in the driver's command events.
	ConnectionID string
}

// Error implements error.
func (e *BrokenError) Error() string {
	if e.Unconfirmed == 0 {
		return fmt.Sprintf("%v: %v; no unacknowledged write was outstanding; call Renew to go on with a new socket, or end the request", ErrRequestBroken, e.Cause)
	}
	return fmt.Sprintf("%v: %v; unacknowledged writes that may be lost: %d; when that is dealt with, call Renew to go on with a new socket, or end the request",
		ErrRequestBroken, e.Cause, e.Unconfirmed)
}

// Unwrap returns Cause.
func (e *BrokenError) Unwrap() error { return e.Cause }

// Is tells whether target is ErrRequestBroken.
func (e *BrokenError) Is(target error) bool { return target == ErrRequestBroken }

// HasErrorLabel makes a BrokenError what the driver calls a labeled error: its only label is
// "NetworkError".
func (e *BrokenError) HasErrorLabel(label string) bool { return label == "NetworkError" }

// mismatchError says which operation met which server.
type mismatchError struct {
	asked  string // which kind of server the operation wants
	pinned string // address and kind of the pinned server
}

func (e *mismatchError) Error() string {
	return fmt.Sprintf("%v: it asks for %s, and the request is pinned to %s; give the request a read preference that fits, or run the operation outside it",
		ErrServerMismatch, e.asked, e.pinned)
}

func (e *mismatchError) Is(target error) bool { return target == ErrServerMismatch }
