package monorail

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/description"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/mnet"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"
)

type connection = mnet.Connection

// server is what an operation has selected. A cursor keeps its server for the commands that follow,
// so it also decides where those run. It may be shared between goroutines.
type server struct {
	*topology.SelectedServer
	client *Client
	// series is the request of the operation that selected the server, and selector what it asked
	// for; nil outside requests.
	series   *series
	selector description.ServerSelector
	// began is the epoch in which the operation had its first connection; nil before that.
	began atomic.Pointer[epoch]
}

var (
	_ driver.Server         = (*server)(nil)
	_ driver.ErrorProcessor = (*server)(nil)
)

// Connection returns the pinned socket of the request in which the server was selected, whatever ctx
// is; when that request has ended, or there was none, the socket of the request in ctx, if that is
// pinned to this server or can be; else a connection of the pool. A cursor whose request has renewed
// itself is a cursor of this server still, and no more than that.
func (s *server) Connection(ctx context.Context) (*connection, error) {
	conn, err := s.connect(ctx)
	if err == nil && s.client.settings.mergeWrites {
		if h, ok := conn.ReadWriteCloser.(*handle); ok {
			h.tellMerged()
		}
	}
	return conn, err
}

// connect is Connection for a write that may be merged with those before.
func (s *server) connect(ctx context.Context) (*connection, error) {
	if s.series != nil && !s.series.over() {
		if began := s.began.Load(); began == nil || began == s.series.current() {
			return s.pinnedConnection(ctx, s.series)
		}
		return s.joinedConnection(ctx, s.series)
	}
	r, err := s.client.requestOf(ctx)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return s.client.checkOut(ctx, s.SelectedServer, nil)
	}
	return s.joinedConnection(ctx, r.series)
}

// joinedConnection returns the socket of a request, if that is pinned to this server or can be, else a
// connection of the pool.
func (s *server) joinedConnection(ctx context.Context, on *series) (*connection, error) {
	joins, err := s.joins(on)
	if err != nil {
		return nil, err
	}
	if joins {
		e, err := on.acquire(ctx, s.SelectedServer)
		if err != nil {
			return nil, err
		}
		if e.pin.server.Server == s.Server { // another operation may have pinned it elsewhere meanwhile
			return e.connection(), nil
		}
	}
	return s.client.checkOut(ctx, s.SelectedServer, nil)
}

// joins tells whether a command that has to run on this server, a getMore for one, can run on the
// socket of a request: the request is pinned to it, or not pinned yet and free to be.
func (s *server) joins(on *series) (bool, error) {
	if e := on.current(); e != nil {
		return e.pin.server.Server == s.Server, nil
	}
	if err := on.err(); err != nil {
		return false, err
	}
	pinTo, err := s.client.selectorFor(on.settings.readPreference)
	if err != nil {
		return false, err
	}
	return s.client.deployment.check(pinTo, s.client.deployment.describe(s.SelectedServer)) == nil, nil
}

func (s *server) pinnedConnection(ctx context.Context, on *series) (*connection, error) {
	e, err := on.acquire(ctx, s.SelectedServer)
	if err != nil {
		return nil, err
	}
	p := e.pin
	if p.server.Server != s.Server && s.selector != nil {
		// Two operations that began together chose differently, and the other one was first.
		if err := s.client.deployment.checkPinned(on, p, s.selector); err != nil {
			return nil, err
		}
	}
	s.began.CompareAndSwap(nil, e)
	return e.connection(), nil
}

// ProcessError implements driver.ErrorProcessor. A server that says it is not writable any more ends
// the request that needs it to be: what follows would be written into the void.
func (s *server) ProcessError(err error, describer mnet.Describer) driver.ProcessErrorResult {
	result := s.SelectedServer.ProcessError(err, describer)
	conn, _ := describer.(*connection)
	if conn == nil || err == nil {
		return result
	}
	h, ok := conn.ReadWriteCloser.(*handle)
	if !ok {
		return result
	}
	if answer := notWritable(err); answer != nil && h.epoch.series.needsWritable() {
		h.pin.fail(fmt.Errorf("%w: %w", errNoLongerPrimary, answer))
	}
	h.noteFailed(true) // a failure of the socket was noted as it was met
	h.epoch.series.tellMonitors()
	return result
}

// notWritable returns the server's answer that it is not primary, or leaving; nil for any other. It also
// says so inside a reply that is ok: 1, of the statement or of the write concern that a step-down has met.
// The answer is of the type that users of the driver know. The driver's own must not be in the chain of a
// break: the driver, which looks for it there, would take it for the answer to a later operation.
func notWritable(err error) error {
	var command driver.Error
	if errors.As(err, &command) {
		return ifNotWritable(command)
	}
	var write driver.WriteCommandError
	if !errors.As(err, &write) {
		return nil
	}
	for _, statement := range write.WriteErrors {
		if answer := ifNotWritable(driver.Error{Code: int32(statement.Code), Message: statement.Message}); answer != nil {
			return answer
		}
	}
	if concern := write.WriteConcernError; concern != nil {
		return ifNotWritable(driver.Error{Code: int32(concern.Code), Name: concern.Name, Message: concern.Message})
	}
	return nil
}

func ifNotWritable(e driver.Error) error {
	if !e.NotPrimary() && !e.NodeIsRecovering() {
		return nil
	}
	return mongo.CommandError{Code: e.Code, Name: e.Name, Message: e.Message, Labels: e.Labels, Raw: bson.Raw(e.Raw)}
}

// connection returns a view of the pinned socket for one operation.
func (e *epoch) connection() *connection {
	conn := mnet.NewConnection(&handle{epoch: e, pin: e.pin})
	if !e.pin.compresses {
		conn.Compressor = nil // saves the driver a copy of each message
	}
	return conn
}

// needsWritable tells whether the request was started for a writable server: by default, or with the
// read preference primary, which is the same.
func (s *series) needsWritable() bool {
	rp := s.settings.readPreference
	return rp == nil || rp.Mode() == readpref.PrimaryMode
}

// checkWritable breaks a request that needs a writable server and whose server is one no longer.
func (s *series) checkWritable(p *pin, now description.ServerKind) error {
	if !s.needsWritable() || !p.lostWritable(now) {
		return nil
	}
	p.fail(errNoLongerPrimary)
	s.tellMonitors()
	return s.err()
}
