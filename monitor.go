package monorail

import "time"

// Monitor is told what happens to the requests of a client. Functions that are nil are not called. It
// is set with OptionsBuilder.SetMonitor, and must not be changed afterwards.
//
// The functions are called synchronously, by the goroutine that met the event, and never with a lock
// of Monorail's held: they may call the client, except for Disconnect, which waits for goroutines that
// call them; and what they take, the operation takes longer. The
// events of one request come one after the other, in their order: while a function runs for one
// event, those that follow it are told by the same goroutine. Those of different requests may come at
// the same time. A panic in a function goes up its goroutine; the request keeps its socket, and gives
// it back at its end.
//
// Each request has exactly one Started and one Ended, its first and its last event. Pinned comes before
// Flushed and Broken of the same socket, Broken before Renewed. A Leaked is followed by an Ended,
// once the other handles of the request have ended too.
//
// Events belong to the function that gets them. The driver's command and pool monitors see the
// operations and connections of requests too; see options.ClientOptions.
type Monitor struct {
	// Started is called when a request begins: by StartRequest or WithRequest outside a request, or by
	// the first operation of a scope. A nested StartRequest begins none.
	Started func(*RequestStartedEvent)
	// Pinned is called when a request has its socket, before the first operation uses it.
	Pinned func(*RequestPinnedEvent)
	// Flushed is called when messages were handed to the kernel, once for each write call: this is
	// where the unacknowledged writes that were held leave, in front of an operation for the most part.
	Flushed func(*RequestFlushedEvent)
	// Broken is called when a request lost its socket, or its end could not give it back in order and
	// unacknowledged writes may be lost.
	Broken func(*RequestBrokenEvent)
	// Renewed is called when Renew has accepted a break.
	Renewed func(*RequestRenewedEvent)
	// Ended is called when the last handle has ended and the socket has gone back.
	Ended func(*RequestEndedEvent)
	// Leaked is called when a handle became unreachable without End, context included; it is then
	// ended. The garbage collector finds it, so this comes some time later, or never.
	Leaked func(*RequestLeakedEvent)
	// Waiting is called when an operation begins to wait for a connection of a full pool, or is refused
	// because too many wait: an operation that takes its request's socket, or one outside requests
	// where requests hold sockets of the pool.
	Waiting func(*RequestWaitingEvent)
}

// RequestEvent says which request an event is about.
type RequestEvent struct {
	// RequestID is the request's number, unique in its client, from 1; 0 for an operation outside.
	RequestID int64
	// Name is what RequestOptions().SetName set.
	Name string
	// StartedAt is when the request began.
	StartedAt time.Time
	// Automatic tells whether a scope began it, because of SetAutoStartRequest.
	Automatic bool
	// Stack is where it was started; nil without SetCaptureStacks.
	Stack Stack
}

// RequestSocket says which socket an event is about. The zero value is no socket.
type RequestSocket struct {
	// Address is the server's, as host:port.
	Address string
	// ConnectionID is the driver's name of the connection, as in the driver's command events.
	ConnectionID string
	// ServerConnectionID is the server's name of it; nil where the server told none.
	ServerConnectionID *int64
	// Epoch counts the sockets that the request had before.
	Epoch int
}

// RequestStartedEvent is the beginning of a request.
type RequestStartedEvent struct{ RequestEvent }

// RequestPinnedEvent tells of the socket that a request has got.
type RequestPinnedEvent struct {
	RequestEvent
	RequestSocket
	// Duration is how long it took to get it from the driver's pool.
	Duration time.Duration
}

// RequestFlushedEvent is one write call.
type RequestFlushedEvent struct {
	RequestEvent
	RequestSocket
	// Bytes and Messages are what the kernel took. Bytes of a message that was cut off are counted, the
	// message is not.
	Bytes, Messages int
	// Duration is how long the call took.
	Duration time.Duration
}

// RequestBrokenEvent is the loss of a socket.
type RequestBrokenEvent struct {
	RequestEvent
	RequestSocket
	// Err is what operations of the request get from now on. It must not be changed.
	Err *BrokenError
}

// RequestRenewedEvent tells that a broken request goes on.
type RequestRenewedEvent struct {
	RequestEvent
	// Epoch counts the sockets that the request had before. Its next socket is told by Pinned.
	Epoch int
	// Lost is the break that was accepted. It must not be changed.
	Lost *BrokenError
}

// RequestEndedEvent is the end of a request.
type RequestEndedEvent struct {
	RequestEvent
	// RequestSocket is the last socket of the request; the zero value if it never needed one.
	RequestSocket
	// Duration is how long the request was open.
	Duration time.Duration
	// Unconfirmed counts the unacknowledged statements that were not confirmed at the end: sent, and
	// nothing known against them, where Err is nil.
	Unconfirmed int
	// Err is what the last End returned: nil, or a *BrokenError.
	Err error
}

// RequestLeakedEvent tells of a handle that nobody can reach any more and nobody ended. The Stack is
// that of the StartRequest that made the handle, or of the first operation of its scope.
type RequestLeakedEvent struct {
	RequestEvent
	RequestSocket
	// Age is how long the request has been open.
	Age time.Duration
	// Unconfirmed counts the unacknowledged statements that are not confirmed.
	Unconfirmed int
}

// RequestWaitingEvent tells of an operation that waits for a connection.
type RequestWaitingEvent struct {
	// RequestEvent is about the request that needs the connection; RequestID is 0 for an operation
	// outside requests.
	RequestEvent
	// Address is the server's, as host:port.
	Address string
	// MaxPoolSize is the size of the pool.
	MaxPoolSize int
	// Held counts the connections that requests hold.
	Held int
	// Waiting counts those that wait for a connection of the pool, this one included unless it was
	// refused. Operations
	// outside requests that began to wait while no request held a connection are not among them.
	Waiting int
	// Oldest is the request that has held its socket for the longest time; nil if none has one.
	Oldest *SocketHolder
	// Refused tells that SetMaxWaiting let this operation not wait: it got ErrTooManyWaiting.
	Refused bool
}

// SocketHolder is a request that holds a connection of the driver's pool.
type SocketHolder struct {
	RequestEvent
	RequestSocket
	// Age is how long it has held the connection.
	Age time.Duration
}

// monitorEvent is one of the events above.
type monitorEvent interface{ tell(m *Monitor) }

func tell[E any](f func(*E), e E) {
	if f != nil {
		f(&e)
	}
}

func (e RequestStartedEvent) tell(m *Monitor) { tell(m.Started, e) }
func (e RequestPinnedEvent) tell(m *Monitor)  { tell(m.Pinned, e) }
func (e RequestFlushedEvent) tell(m *Monitor) { tell(m.Flushed, e) }
func (e RequestBrokenEvent) tell(m *Monitor)  { tell(m.Broken, e) }
func (e RequestRenewedEvent) tell(m *Monitor) { tell(m.Renewed, e) }
func (e RequestEndedEvent) tell(m *Monitor)   { tell(m.Ended, e) }
func (e RequestLeakedEvent) tell(m *Monitor)  { tell(m.Leaked, e) }
func (e RequestWaitingEvent) tell(m *Monitor) { tell(m.Waiting, e) }
