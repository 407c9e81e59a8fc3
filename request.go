package monorail

import (
	"context"
	"runtime"
	"time"
)

// Request is a handle to a series of operations that use one socket. Do not start one where
// acknowledged writes and a plain client do: a request holds a connection of the pool for itself.
// It may be shared between goroutines.
type Request struct {
	client *Client
	series *series // the lease's
	lease  *lease
	// cleanup ends the request where the handle became unreachable without End.
	cleanup runtime.Cleanup
}

// over tells whether the handle has ended.
func (r *Request) over() bool { return r.lease.over() }

// RequestInfo is a snapshot of a request.
type RequestInfo struct {
	// ID is the request's number, unique in its client, from 1.
	ID int64
	// Name is what SetName set.
	Name string
	// StartedAt is when the outermost handle was started.
	StartedAt time.Time
	// Depth counts the handles that have not ended: 1 for a request without nested ones.
	Depth int
	// Pinned tells whether the request has its socket.
	Pinned bool
	// Epoch counts the sockets that were lost and whose loss Renew has accepted: 0 at first.
	Epoch int
	// Address is the pinned server's, as host:port; empty before the first operation.
	Address string
	// ConnectionID is the driver's name of the connection, as in its command events; empty before
	// the first operation.
	ConnectionID string
	// ServerConnectionID is the server's name of the connection; nil where the server told none.
	ServerConnectionID *int64
	// Unconfirmed counts the statements of unacknowledged writes that were issued since the last
	// message that the server is known to have processed.
	Unconfirmed int
	// InFlight counts the replies that are still to come, those that nobody waits for included, and those
	// to commands of Go that are held.
	InFlight int
	// HeldBytes counts the bytes of unacknowledged writes and commands of Go that have not been sent.
	HeldBytes int
}

// End ends this handle. With the last handle of the request it sends what is held, and gives the
// socket back to the pool, or closes it where it cannot be given back clean. It waits for a server
// that does not read at most 10 s, and for replies that are outstanding at most 0.4 s, and as long
// again for the server's end of a socket that it closes. Operations of other goroutines that are still
// waiting then get ErrRequestEnded.
//
// The error is a *BrokenError: the request was broken, or its end has found it so; Unconfirmed says how
// many unacknowledged writes may be lost, 0 included where it was broken before. Nil says that the kernel
// has taken them all and that the socket was not known to be dead, not that the server has them: call Barrier
// before End to know. It says nothing about writes that the server refused. After the context has
// ended the request, the first End waits for that end and returns its error. Calling End again, or for
// a nil request, does nothing and returns nil.
func (r *Request) End() error {
	if r == nil {
		return nil
	}
	r.cleanup.Stop()
	defer r.series.tellMonitors()
	return r.lease.end()
}

// Flush returns nil when every unacknowledged write and every command of Go that was issued before has
// been handed to the kernel. That does not say that the server has it: see Barrier.
func (r *Request) Flush(ctx context.Context) error {
	if ctx == nil {
		ctx = context.Background()
	}
	e, err := r.usable()
	if e == nil || err != nil {
		return err
	}
	err = e.pin.outbox.Flush(ctx)
	r.series.tellMonitors()
	if err != nil {
		h := handle{epoch: e, pin: e.pin}
		return h.failure(ctx, err)
	}
	return nil
}

// Err returns nil while operations can run in the request, and else why they cannot: a *BrokenError
// or ErrRequestEnded.
func (r *Request) Err() error {
	if r.over() {
		return ErrRequestEnded
	}
	return r.series.err()
}

// Info returns a snapshot of the request, also of one that has broken or ended.
func (r *Request) Info() RequestInfo { return r.series.info() }

// usable returns the epoch, nil before its first operation, or why there is none any more.
func (r *Request) usable() (*epoch, error) {
	if err := r.Err(); err != nil {
		return nil, err
	}
	return r.series.current(), nil
}

// request implements carrier.
func (r *Request) request(bool) (*Request, error) {
	if r.over() || r.series.over() {
		return nil, ErrRequestEnded
	}
	return r, nil
}

// info describes the series.
func (s *series) info() RequestInfo {
	s.mu.Lock()
	e := s.epoch
	info := RequestInfo{
		ID:        s.id,
		Name:      s.settings.name,
		StartedAt: s.startedAt,
		Depth:     s.open,
		Pinned:    s.state == seriesPinned,
		Epoch:     s.renewals,
	}
	s.mu.Unlock()
	if e == nil || e.number < info.Epoch {
		return info
	}
	info.Unconfirmed = e.unconfirmed()
	if broken := e.broken.Load(); broken != nil {
		info.Unconfirmed = broken.Unconfirmed
	}
	p := e.pin
	info.Address = p.address().String()
	info.ConnectionID = p.id
	info.ServerConnectionID = p.serverConnectionID
	if info.Pinned {
		info.InFlight = p.inbox.Outstanding()
		info.HeldBytes = p.outbox.Held()
	}
	return info
}
