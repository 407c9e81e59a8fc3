package monorail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"go.mongodb.org/mongo-driver/v2/mongo/address"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/description"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/mnet"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/mongo-monorail/monorail/internal/inbox"
	"github.com/mongo-monorail/monorail/internal/outbox"
	"github.com/mongo-monorail/monorail/internal/wire"
)

// handle is one operation's view of a pinned socket, in the place of the driver's connection. The
// operation uses it from one goroutine; Close gives nothing back, for the request has the socket.
type handle struct {
	epoch *epoch
	pin   *pin // the epoch's
	// waiter expects the reply to the message that was written last; nil when that is read.
	waiter *inbox.Waiter
	// silent is the requestID of a message that wants no reply, seen before it was compressed, and
	// statements what it holds. Compression hides both.
	silent     int32
	statements int
	// original is that message, where the epoch keeps what is not confirmed.
	original []byte
	// sent is the message that was written last, with ctx, and stays the operation's until its reply is
	// read; attempt, where that is compressed, is what it belongs to.
	sent    []byte
	ctx     context.Context
	attempt wire.Attempt
}

var (
	_ mnet.ReadWriteCloser = (*handle)(nil)
	_ mnet.Describer       = (*handle)(nil)
	_ mnet.Compressor      = (*handle)(nil)
	_ mnet.Pinner          = (*handle)(nil)
)

// Write hands a message over: held when nobody will wait for its reply, else sent with everything
// held before it. The driver uses message again after Write returned; it is copied before.
func (h *handle) Write(ctx context.Context, message []byte) error {
	if len(message) < wire.HeaderLength {
		return fmt.Errorf("monorail: a wire message of %d bytes", len(message))
	}
	id := wire.RequestID(message)
	if wire.MoreToCome(message) {
		h.epoch.note(message)
		_, err := h.holdCompressed(ctx, message, message, wire.Statements(message), nil)
		return err
	}
	if h.statements > 0 && h.silent == id {
		_, err := h.holdCompressed(ctx, message, h.original, h.statements, nil)
		return err
	}
	h.epoch.note(message) // nothing, of a compressed one
	h.sent, h.ctx = message, ctx
	if err := h.refuseRetry(); err != nil {
		return topology.ConnectionError{ConnectionID: h.pin.id, Wrapped: err}
	}
	if f := flightOf(ctx); f != nil && !f.over() {
		if err := f.takeTurn(ctx); err != nil { // a getMore has selected no server
			return h.failure(ctx, err)
		}
		if f.posted.CompareAndSwap(false, true) {
			return h.post(ctx, f, id, message)
		}
	}
	// The mark is read before the message is queued, so that its reply confirms no write that may
	// have been queued behind it.
	w := h.pin.inbox.Expect(id, h.epoch, h.epoch.issued.Load())
	queued, err := h.pin.outbox.Send(ctx, message)
	h.epoch.series.tellMonitors()
	switch {
	case err == nil:
		h.waiter = w
		return nil
	case queued:
		h.pin.inbox.Abandon(w)
	default:
		h.pin.inbox.Cancel(w)
	}
	return h.failure(ctx, err)
}

// Read returns the reply to the message that was written last. It belongs to the caller.
func (h *handle) Read(ctx context.Context) ([]byte, error) {
	w := h.waiter
	if w == nil {
		return nil, errors.New("monorail: a reply is read before its request was written")
	}
	h.waiter = nil
	reply, err := h.pin.inbox.Wait(ctx, w)
	if err != nil {
		return nil, h.failure(ctx, err)
	}
	return reply, nil
}

// Close keeps the socket: the request gives it back.
func (h *handle) Close() error {
	if w := h.waiter; w != nil {
		h.waiter = nil
		h.pin.inbox.Abandon(w)
	}
	return nil
}

// hold appends one whole unacknowledged wire message, uncompressed, that holds so many write
// statements. It is copied before hold returns.
func (h *handle) hold(ctx context.Context, message []byte, statements int) error {
	compressed := message
	if h.pin.compresses {
		var err error
		if compressed, err = h.pin.connection.CompressWireMessage(message, nil); err != nil {
			return h.failure(ctx, err)
		}
	}
	_, err := h.holdCompressed(ctx, compressed, message, statements, nil)
	return err
}

// join is hold for a message whose statements may be added to those before, and tells whether it was
// queued.
func (h *handle) join(ctx context.Context, message []byte, batch *outbox.Batch) (queued bool, err error) {
	return h.holdCompressed(ctx, message, message, batch.Count, batch)
}

// holdCompressed appends a message in the form in which it travels; original is the same without
// compression. With a batch its statements may join a message, and only then queued tells anything.
func (h *handle) holdCompressed(ctx context.Context, message, original []byte, statements int, batch *outbox.Batch) (queued bool, err error) {
	kept, err := h.keep(ctx, original)
	if err != nil {
		return false, err
	}
	h.epoch.begun.Add(int64(statements))
	if batch != nil {
		queued, err = h.pin.outbox.Join(ctx, message, batch)
	} else {
		err = h.pin.outbox.Hold(ctx, message)
	}
	// Counted after it was queued: see the mark in Write. A break meanwhile either counted it or is
	// told now. A caller that gave up waiting for the write left its message queued.
	issued := h.epoch.issued.Add(int64(statements))
	if kept != nil {
		h.epoch.kept.queued(kept, issued)
	}
	h.epoch.series.tellMonitors()
	if err != nil {
		return queued, h.failure(ctx, err)
	}
	if h.epoch.brokenMeanwhile() {
		return queued, h.failure(ctx, nil)
	}
	return queued, nil
}

// keep puts an unacknowledged message into the epoch's ledger, where it has one. A message for which
// that has no room waits until the server has processed what is there.
func (h *handle) keep(ctx context.Context, original []byte) (*ledgerEntry, error) {
	kept := h.epoch.kept
	if kept == nil {
		return nil, nil
	}
	if !kept.fits(len(original), h.epoch.confirmed.Load()) {
		if err := h.epoch.barrier(ctx); err != nil {
			return nil, fmt.Errorf("monorail: a write waits for room in SetKeepUnconfirmed: %w", err)
		}
		kept.fits(len(original), h.epoch.confirmed.Load()) // forgets what the barrier has confirmed
	}
	return kept.add(original), nil
}

// failure turns an error of the socket into what the driver understands. What broke the socket is a
// topology.ConnectionError, by whose type the driver knows a network error; an operation that gave
// up waiting has the error that the driver's own connection gives; and the request's own conditions
// are never a ConnectionError.
func (h *handle) failure(ctx context.Context, err error) error {
	h.noteFailed(false)
	h.epoch.series.tellMonitors()
	if broken := h.epoch.broken.Load(); broken != nil {
		return topology.ConnectionError{ConnectionID: h.pin.id, Wrapped: broken}
	}
	if errors.Is(err, ErrRequestEnded) || errors.Is(err, topology.ErrConnectionClosed) {
		if ctx.Err() == nil {
			return ErrRequestEnded
		}
		err = ctx.Err()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w: client timed out waiting for server response: %w", context.DeadlineExceeded, os.ErrDeadlineExceeded)
	}
	return topology.ConnectionError{ConnectionID: h.pin.id, Wrapped: err}
}

// CompressWireMessage implements mnet.Compressor. It notes what compression will hide.
func (h *handle) CompressWireMessage(src, dst []byte) ([]byte, error) {
	h.statements, h.original = 0, nil
	h.attempt, _ = wire.ReadAttempt(src)
	h.epoch.note(src)
	if wire.MoreToCome(src) {
		h.silent, h.statements = wire.RequestID(src), wire.Statements(src)
		if h.epoch.kept != nil {
			h.original = bytes.Clone(src) // the driver may use it again before Write
		}
	}
	compressed, err := h.pin.connection.CompressWireMessage(src, dst)
	if err != nil {
		// The connection has gone back. Write says so: the driver, which has told the command monitor that
		// the command has started, does not tell it of an error from here.
		return append(dst, src...), nil
	}
	return compressed, nil
}

// Description returns the server's description as of the connection's handshake.
func (h *handle) Description() description.Server { return h.pin.description }

// ID returns the driver's name of the connection.
func (h *handle) ID() string { return h.pin.id }

// ServerConnectionID returns the server's name of the connection.
func (h *handle) ServerConnectionID() *int64 { return h.pin.serverConnectionID }

// DriverConnectionID returns the connection's number in its pool.
func (h *handle) DriverConnectionID() int64 { return h.pin.driverConnectionID }

// Address returns the server's address.
func (h *handle) Address() address.Address { return h.pin.address() }

// Stale tells whether the pool was cleared since the connection was made, or it has gone back.
func (h *handle) Stale() bool { return h.pin.connection.Stale() }

// OIDCTokenGenID implements mnet.Describer.
func (h *handle) OIDCTokenGenID() uint64 { return h.pin.connection.OIDCTokenGenID() }

// SetOIDCTokenGenID implements mnet.Describer.
func (h *handle) SetOIDCTokenGenID(id uint64) { h.pin.connection.SetOIDCTokenGenID(id) }

// The pins of cursors and transactions behind a load balancer have nothing to add: the request holds
// the connection already.

// PinToCursor implements mnet.Pinner.
func (h *handle) PinToCursor() error { return nil }

// PinToTransaction implements mnet.Pinner.
func (h *handle) PinToTransaction() error { return nil }

// UnpinFromCursor implements mnet.Pinner.
func (h *handle) UnpinFromCursor() error { return nil }

// UnpinFromTransaction implements mnet.Pinner.
func (h *handle) UnpinFromTransaction() error { return nil }
