// Package inbox is the receiving half of a pinned socket. It reads replies and gives each to the
// operation that its responseTo names; a reply that nobody waits for any more is dropped.
//
// It has no goroutine: whoever finds the read baton free reads for everybody until its own reply is
// in, then hands the baton to the one who has waited longest. A reader whose context ends leaves a
// half-read message with the inbox, and the next reader goes on with it.
package inbox

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/mongo-monorail/monorail/internal/wire"
)

// Conn is what an inbox needs of its connection. It is read by one goroutine at a time.
type Conn interface {
	Read(b []byte) (int, error)
	SetReadDeadline(t time.Time) error
}

// Position is where a reply says that the server has got: Processed is called with the mark that
// Expect was given, for a late reply too. It is called with the inbox's lock held, so it must
// neither block nor call the inbox.
type Position interface{ Processed(mark int64) }

// Inbox receives for one connection. It may be shared between goroutines.
type Inbox struct {
	conn   Conn
	failed func(error)
	reader reader // belongs to the holder of the read baton

	// mu guards the fields below. It is never held during a read.
	mu sync.Mutex
	// first and last are the ends of the list of waiters, in the order of Expect, which is nearly
	// always the order of the replies: looking for a reply's waiter ends at the first.
	first, last *Waiter
	// outstanding counts the replies that are still to come, abandoned ones included. Those that were
	// reserved are also counted in reserved, and how many bytes their requests have in bytes.
	outstanding, reserved, bytes int
	// forRoom counts the waiters forRoom and forQuiet: nobody looks for them where there are none.
	forRoom int
	// reading is the read baton: true while a goroutine reads.
	reading bool
	// blocked is the waiter of that goroutine while it may be blocked in a read; else nil. nudged says that
	// its read is interrupted because it has what it waits for, without a reply.
	blocked *Waiter
	nudged  bool
	// err is why nothing more will be received. It is set once.
	err error
	// unasked says that a message came which nobody had expected: more of them may come.
	unasked bool
	free    *Waiter // waiters to use again, linked by next
}

// New returns an inbox that reads from conn. A message longer than maxMessageSize bytes is a
// failure. The function failed is called with no lock held by the goroutine that met the failure of
// the connection, before any waiter hears of it.
func New(conn Conn, maxMessageSize int32, failed func(error)) *Inbox {
	return &Inbox{conn: conn, failed: failed, reader: reader{maxMessageSize: maxMessageSize}}
}

// Expect announces the request with that id. It is called before a byte of the request can leave,
// so that no reply can come unannounced. When the reply is in, position, if it is not nil, is told
// mark.
func (in *Inbox) Expect(requestID int32, position Position, mark int64) *Waiter {
	in.mu.Lock()
	defer in.mu.Unlock()
	w := in.addLocked(forReply)
	w.requestID, w.position, w.mark = requestID, position, mark
	in.outstanding++
	return w
}

// Cancel takes back what Expect announced, for a request that was not sent.
func (in *Inbox) Cancel(w *Waiter) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !w.delivered {
		in.removeLocked(w)
		in.settleLocked(w)
	}
	in.recycleLocked(w)
	in.handOverLocked()
}

// Abandon says that nobody waits for the reply any more. It is dropped when it comes.
func (in *Inbox) Abandon(w *Waiter) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.leaveLocked(w)
	in.handOverLocked()
}

// Wait returns the reply, a whole wire message that belongs to the caller. When ctx ends first it
// abandons the reply and returns the context's error; the connection stays usable. Every other error
// is the inbox's own, and final.
func (in *Inbox) Wait(ctx context.Context, w *Waiter) ([]byte, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	err := in.waitLocked(ctx, w)
	reply := w.reply
	in.leaveLocked(w)
	in.handOverLocked()
	return reply, err
}

// Quiet tells whether no reply is outstanding and nobody reads: it can be closed clean.
func (in *Inbox) Quiet() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.outstanding == 0 && !in.reading
}

// Drain waits until no reply is outstanding, and nobody reads any more.
func (in *Inbox) Drain(ctx context.Context) error { return in.assist(ctx, forQuiet) }

// Pump reads for everybody until ctx ends. Without it nobody might be reading while a writer is
// blocked by a server that is blocked writing to us.
func (in *Inbox) Pump(ctx context.Context) error { return in.assist(ctx, forNone) }

// Probe calls look, unless somebody reads, and returns what it returns. look may examine the connection.
// It is called with the lock held, so that nobody begins to read meanwhile and Close finds the connection
// as it is: it must not wait, and not call the inbox.
func (in *Inbox) Probe(look func() error) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.reading || in.err != nil {
		return nil
	}
	return look()
}

// assist reads as one who expects no reply.
func (in *Inbox) assist(ctx context.Context, k kind) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	w := in.addLocked(k)
	err := in.waitLocked(ctx, w)
	in.leaveLocked(w)
	in.handOverLocked()
	return err
}

// Outstanding returns how many replies are still to come, abandoned ones included.
func (in *Inbox) Outstanding() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.outstanding
}

// Company tells whether more than one reply is outstanding: several callers use the connection.
func (in *Inbox) Company() bool { return in.Outstanding() > 1 }

// Close fails the inbox with err, as Fail does, and tells whether it was clean until then: not
// failed, nothing outstanding, and nothing read that nobody asked for. Only a clean connection may
// be used by somebody else.
func (in *Inbox) Close(err error) (clean bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	clean = in.err == nil && !in.reading && in.outstanding == 0 && !in.unasked && in.reader.empty()
	in.failLocked(err)
	return clean
}

// Fail makes every waiter return err, unless the inbox has failed already, and does not call the
// function failed. It does not end a read that is blocked: close the connection for that.
func (in *Inbox) Fail(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.failLocked(err)
}

func (in *Inbox) failLocked(err error) {
	if in.err != nil {
		return
	}
	in.err = err
	for w := in.first; w != nil; w = w.next {
		w.signal()
	}
}

// waitLocked returns when w has what it waits for, ctx has ended or the inbox has failed. The lock
// is held at entry and at return.
func (in *Inbox) waitLocked(ctx context.Context, w *Waiter) error {
	for {
		switch {
		case in.doneLocked(w) && !(in.reading && w.kind == forQuiet):
			return nil
		case in.err != nil:
			return in.err
		case ctx.Err() != nil:
			return ctx.Err()
		case in.reading:
			w.waiting = true
			in.mu.Unlock()
			select {
			case <-w.wake:
			case <-ctx.Done():
			}
			in.mu.Lock()
			w.waiting = false
		default:
			in.readLocked(ctx, w)
		}
	}
}

func (in *Inbox) doneLocked(w *Waiter) bool {
	switch w.kind {
	case forRoom:
		return w.room.granted
	case forQuiet:
		return in.outstanding == 0
	case forNone:
		return false
	default:
		return w.delivered
	}
}

// errPanicked is why an inbox failed whose connection, or whoever is told of failures, panicked: both
// may be the user's. The panic goes on to the one who was reading.
var errPanicked = errors.New("panic while a reply was read")

// readLocked takes the read baton, reads and delivers until w is done, ctx has ended or the inbox
// has failed, and puts the baton down. The lock is held at entry and at return, and not while
// reading.
func (in *Inbox) readLocked(ctx context.Context, w *Waiter) {
	in.reading, in.blocked = true, w
	in.mu.Unlock()
	err := errPanicked // unless read returns
	defer func() {
		in.mu.Lock()
		if err != nil {
			in.failLocked(err)
		}
		in.reading, in.blocked = false, nil
	}()
	defer func() {
		if err != nil {
			in.tell(err) // before any waiter can hear of it, with the baton still taken
		}
	}()
	err = in.read(ctx, w)
}

// read is readLocked without the lock and the baton. It returns a failure of the connection.
func (in *Inbox) read(ctx context.Context, w *Waiter) error {
	interrupt := watch(ctx, in.conn)
	var err error
	nudged := false
	for done := false; err == nil && (!done || in.reader.buffered()); {
		var message []byte
		message, err = in.reader.next(in.conn)
		in.mu.Lock()
		in.blocked = nil
		nudged = nudged || in.nudged
		in.nudged = false
		if err == nil {
			in.deliverLocked(message, w)
			done = in.doneLocked(w) || in.err != nil || ctx.Err() != nil
		}
		if err == nil && !done {
			in.blocked = w
		}
		in.mu.Unlock()
	}
	if nudged {
		_ = in.conn.SetReadDeadline(time.Time{})
	}
	if (interrupt.end() || nudged) && errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	in.reader.release()
	return err
}

// tell calls the function failed, unless the inbox has failed already.
func (in *Inbox) tell(err error) {
	in.mu.Lock()
	failed := in.err != nil
	in.mu.Unlock()
	if !failed {
		in.failed(err)
	}
}

// deliverLocked gives a message to the waiter that its responseTo names; reader needs no signal.
func (in *Inbox) deliverLocked(message []byte, reader *Waiter) {
	id := wire.ResponseTo(message)
	for w := in.first; w != nil; w = w.next {
		if w.kind != forReply || w.requestID != id {
			continue
		}
		in.removeLocked(w)
		in.settleLocked(w)
		if w.position != nil {
			w.position.Processed(w.mark)
		}
		if w.abandoned {
			in.recycleLocked(w)
			return
		}
		w.reply, w.delivered = message, true
		if w != reader {
			w.signal()
		}
		return
	}
	in.unasked = true
}

// handOverLocked wakes the one who has waited longest, if nobody reads. Who is not blocked yet needs
// no signal: it will see that the baton is free, and until then others must not wait for it.
func (in *Inbox) handOverLocked() {
	if in.reading || in.err != nil {
		return
	}
	for w := in.first; w != nil; w = w.next {
		if w.waiting {
			w.signal()
			return
		}
	}
}

// leaveLocked ends the owner's use of w. A reply that is still to come keeps its place in the list.
func (in *Inbox) leaveLocked(w *Waiter) {
	switch {
	case w.delivered:
		in.recycleLocked(w)
	case w.kind == forReply && in.err == nil:
		w.abandoned = true
	default:
		in.removeLocked(w)
		if w.kind == forReply {
			in.settleLocked(w)
		} else {
			in.grantLocked() // it may have stood in the way of others
		}
		in.recycleLocked(w)
	}
}

// settleLocked counts the reply to w's request as no longer outstanding.
func (in *Inbox) settleLocked(w *Waiter) {
	in.outstanding--
	if w.reserved {
		in.reserved--
		in.bytes -= w.size
	}
	in.grantLocked()
}
