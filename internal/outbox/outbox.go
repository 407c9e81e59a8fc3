// Package outbox is the sending half of a pinned socket. It keeps messages in the order in which
// they were given to it, holds those that nobody waits for until one leaves that somebody waits
// for, and hands them to the kernel in as few write calls as it can.
//
// It has no goroutine: whoever finds the write baton free writes for everybody, and only the timer
// of a held message that nothing else has flushed runs elsewhere.
package outbox

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// ErrInterrupted is in the chain of the failure of an outbox whose writer's context ended in the
// middle of a message: the stream is cut, and nothing can follow on it.
var ErrInterrupted = errors.New("context ended in the middle of a message")

// Conn is what an outbox needs of its connection. It is written to by one goroutine at a time.
type Conn interface {
	Write(b []byte) (int, error)
	SetWriteDeadline(t time.Time) error
}

// Config says how an outbox behaves. All of it is fixed for the life of the outbox.
type Config struct {
	// Limit is the number of held bytes from which the caller of Hold writes them: back-pressure.
	Limit int
	// Interval is how long a held message may wait for company before a timer writes it. 0 means
	// that no timer does.
	Interval time.Duration
	// Resumable says that a Write which met its deadline can be gone on with: true for TCP and Unix
	// sockets, false for TLS, which a write deadline spoils for good.
	Resumable bool
	// Blocked is called, by the writer and with no lock held, when a write has been blocked for
	// blockedAfter. The function that it returns is called when that write has ended. It lets
	// somebody read meanwhile: a server that cannot write to us stops reading from us.
	Blocked func() (release func())
	// Failed is called with no lock held by the goroutine that met a failure of the connection, before
	// any caller hears of it.
	Failed func(error)
	// Wrote is called after each write call with what the kernel took of it: whole messages, bytes, and
	// how long the call took. The baton is held, so it must not use the outbox. Nil costs nothing.
	Wrote func(messages, bytes int, took time.Duration)
	// Company tells whether others than the sender are at work on the connection: then Send lets them
	// run before it writes, so that what they send leaves in the same write call. It is called with no
	// lock held. Nil means that nobody is.
	Company func() bool
	// TimerWrote is called, with no lock and no baton held, when the timer has written, or failed to,
	// on behalf of nobody. It may be nil.
	TimerWrote func()
	// Sealed is told of each message that came by Join, when nothing can join it any more and before it
	// leaves, unless Seal has returned it. It is called with the outbox's lock held, so it must do no more
	// than take a note. Nil costs nothing.
	Sealed func(Sealed)
}

const (
	// blockedAfter is how long a write may take before others are asked to read. A write into a
	// socket buffer that has room takes microseconds; pgx waits 15 ms for the same purpose.
	blockedAfter = 10 * time.Millisecond

	// writeRounds is how many write calls one caller makes while others go on sending: the first has its
	// own message. Each takes some 5 µs; with one call alone, and a goroutine for the rest, 64 callers
	// took 5 % more processor time.
	writeRounds = 16

	// keepBytes is the largest buffer that is kept for the next messages: it fits the default
	// Limit, and one big message must not cost its size for the rest of the socket's life.
	keepBytes = 64 << 10
)

// past is a deadline that ends a blocked write at once.
var past = time.Unix(1, 0)

// Outbox queues messages for one connection. It may be shared between goroutines. Messages leave
// in the order of the calls of Hold and Send; calls that overlap have no order between them.
type Outbox struct {
	conn Conn
	cfg  Config
	// yield lets other goroutines run.
	yield func()

	writeCalls atomic.Int64
	bytes      atomic.Int64 // written, for readers without the lock
	held       atomic.Int64 // len(queue), for readers without the lock

	// mu guards the fields below. It is never held during a write.
	mu sync.Mutex
	// queue holds whole messages that were not handed to the kernel, in order. Its first message is
	// whole even after an interrupted write: an interruption inside a message is a failure.
	queue []byte
	// open is the end of queue while messages may still join it.
	open openMessage
	// spare is the buffer that queue is swapped with; nil while a writer uses it.
	spare []byte
	// urgent says that queue holds a message that somebody waits for. The writer goes on while it is
	// set, and nobody leaves it set without a writer, or a timer that is due.
	urgent bool
	// writing is the write baton: true while a goroutine writes. Only that goroutine touches conn.
	writing bool
	// idle is closed, and then nil, when the write baton is put down. It is made by the first who
	// waits for that.
	idle chan struct{}
	// queued and written count bytes since the beginning: written is the position up to which the
	// kernel has the messages.
	queued, written int64
	// err is why nothing more can be sent. It is set once.
	err error
	// timer writes what is held Interval after the first held byte; armed says that it will.
	timer *time.Timer
	armed bool
}

// New returns an outbox that writes to conn.
func New(conn Conn, cfg Config) *Outbox { return &Outbox{conn: conn, cfg: cfg, yield: runtime.Gosched} }

// Hold appends a message that nobody waits for. It leaves with the next message that is sent, or at
// the limit, the interval or Flush. The message is copied before Hold returns. Hold does no I/O
// below the limit; at the limit it writes, for as long as ctx allows.
func (o *Outbox) Hold(ctx context.Context, message []byte) error {
	o.mu.Lock()
	if o.err != nil {
		defer o.mu.Unlock()
		return o.err
	}
	o.appendLocked(message)
	return o.heldUnlock(ctx)
}

// heldUnlock sees to it that what was appended last leaves some time. It is called with the lock and
// releases it.
func (o *Outbox) heldUnlock(ctx context.Context) error {
	if len(o.queue) >= o.cfg.Limit {
		return o.flushUnlock(ctx, o.queued)
	}
	if o.cfg.Interval > 0 {
		o.armLocked(o.cfg.Interval)
	}
	o.mu.Unlock()
	return nil
}

// Send appends a message that somebody waits for and has it written, with all that is held before
// it, in one write call. It returns when the message was handed to the kernel or when another
// goroutine is writing, which then writes this message too; a failure of that write is told to
// Config.Failed. The message is copied before Send returns.
//
// When ctx ends first between two messages, the outbox lives, and what was not written leaves
// without this caller; when it ends inside a message, the outbox fails with ErrInterrupted.
// With an error, queued tells whether the message may still reach the server: false when it was
// taken back or never taken, true when it has left, in whole or in part, or will leave.
func (o *Outbox) Send(ctx context.Context, message []byte) (queued bool, err error) {
	company := o.cfg.Company != nil && o.cfg.Company()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return false, o.err
	}
	o.appendLocked(message)
	o.urgent = true
	if o.writing {
		return true, nil
	}
	end := o.queued
	if company {
		// Those who are ready to run send their messages and wait for replies: with 64 callers, eight
		// messages or so then leave in one write call.
		o.writing = true
		o.callOutLocked(o.yield)
		if o.err != nil {
			o.putDownLocked()
			return true, o.err // dropped, or it had left with a write that failed: nobody knows
		}
	}
	if err := o.writeLocked(ctx); err != nil {
		return !o.takeBackLocked(end, len(message)), err
	}
	return true, nil
}

// Flush returns nil when everything that was appended before the call has been handed to the
// kernel. That says nothing about the server: a stopped one still takes megabytes.
func (o *Outbox) Flush(ctx context.Context) error {
	o.mu.Lock()
	return o.flushUnlock(ctx, o.queued)
}

// Fail makes every later call return err, unless the outbox has failed already. What is held is
// dropped. It does not end a write that is blocked: close the connection for that.
func (o *Outbox) Fail(err error) {
	o.mu.Lock()
	o.failLocked(err)
	o.mu.Unlock()
}

// Close makes every later call return err, if nothing is held and nobody writes, and tells whether it
// did. What was appended before the call is never lost by it: flush, and close again.
func (o *Outbox) Close(err error) (closed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil || o.writing || len(o.queue) > 0 {
		return false
	}
	o.failLocked(err)
	return true
}

// Writing tells whether a write is under way.
func (o *Outbox) Writing() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.writing
}

// Held returns how many bytes wait to be written.
func (o *Outbox) Held() int { return int(o.held.Load()) }

// Written returns how many bytes the kernel has taken.
func (o *Outbox) Written() int64 { return o.bytes.Load() }

// WriteCalls returns how many write calls there were.
func (o *Outbox) WriteCalls() int64 { return o.writeCalls.Load() }

func (o *Outbox) appendLocked(message []byte) {
	o.sealLocked(nil)
	o.queue = append(o.queue, message...)
	o.queued += int64(len(message))
	o.held.Store(int64(len(o.queue)))
}

// takeBackLocked removes the message that ends at position end, if no byte of it has left and
// nothing was appended behind it, and tells whether it did.
func (o *Outbox) takeBackLocked(end int64, length int) bool {
	if o.err != nil || o.writing || o.queued != end || o.written > end-int64(length) {
		return false
	}
	o.queue = o.queue[:len(o.queue)-length]
	o.queued -= int64(length)
	o.held.Store(int64(len(o.queue)))
	return true
}

// flushUnlock waits until position end is written, writing itself where nobody does. It is called
// with the lock and releases it.
func (o *Outbox) flushUnlock(ctx context.Context, end int64) error {
	defer o.mu.Unlock()
	for {
		if o.err != nil {
			return o.err
		}
		// The position may lie in a message that its sender took back: then there is nothing left.
		if o.written >= end || !o.writing && len(o.queue) == 0 {
			return nil
		}
		if !o.writing {
			if err := o.writeLocked(ctx); err != nil {
				return err
			}
			continue
		}
		if o.idle == nil {
			o.idle = make(chan struct{})
		}
		idle := o.idle
		o.mu.Unlock()
		var err error
		select {
		case <-idle:
		case <-ctx.Done():
			err = ctx.Err()
		}
		o.mu.Lock()
		if err != nil {
			return err
		}
	}
}

// writeLocked takes the write baton, writes what is queued and whatever urgent is queued meanwhile,
// and puts the baton down; after writeRounds, the next sender goes on, or the timer at once. The lock is
// held at entry and at return, and not while writing.
func (o *Outbox) writeLocked(ctx context.Context) error {
	o.writing = true
	var err error
	for rounds := 0; rounds == 0 || err == nil && o.err == nil && o.urgent && len(o.queue) > 0 && rounds < writeRounds; rounds++ {
		o.sealLocked(nil)
		out := o.queue
		o.queue, o.spare = o.spare[:0], nil
		o.held.Store(0)
		o.urgent = false
		o.disarmLocked()

		var n int
		var writeErr error
		o.callOutLocked(func() { n, writeErr = o.writeTold(ctx, out) })

		o.written += int64(n)
		o.bytes.Store(o.written)
		if n < len(out) {
			err = o.interruptedLocked(ctx, out, n, writeErr)
		}
		if o.spare == nil && cap(out) <= keepBytes {
			o.spare = out[:0]
		}
	}
	o.putDownLocked()
	if o.err == nil && len(o.queue) > 0 && (err != nil || o.urgent) {
		// This caller leaves, and others may wait for what it leaves behind: they must not wait for
		// the interval of a message that was held meanwhile, nor for one more sender.
		o.disarmLocked()
		o.armLocked(0)
	}
	if err == nil {
		err = o.err
	}
	return err
}

// putDownLocked puts the write baton down.
func (o *Outbox) putDownLocked() {
	o.writing = false
	if o.idle != nil {
		close(o.idle)
		o.idle = nil
	}
}

// errPanicked is why an outbox failed whose connection, or whoever is told of failures, panicked: both
// may be the user's. The panic goes on to the one who was writing.
var errPanicked = errors.New("panic while a message was written")

// callOutLocked calls f, by the holder of the write baton, without the lock. The lock is held at entry,
// at return, and while a panic of f goes up.
func (o *Outbox) callOutLocked(f func()) {
	o.mu.Unlock()
	returned := false
	defer func() {
		o.mu.Lock()
		if !returned {
			o.failLocked(errPanicked)
			o.putDownLocked()
		}
	}()
	f()
	returned = true
}

// interruptedLocked deals with a write of out that ended after n bytes. Between two messages, when
// it was the context that ended it, the rest goes back to the head of the queue; else the outbox
// fails.
func (o *Outbox) interruptedLocked(ctx context.Context, out []byte, n int, err error) error {
	if o.err != nil {
		return o.err
	}
	if ctx.Err() != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		err = ctx.Err()
		if o.cfg.Resumable && atBoundary(out, n) {
			o.sealLocked(nil)
			o.queue = append(append([]byte(nil), out[n:]...), o.queue...)
			o.held.Store(int64(len(o.queue)))
			return err
		}
		err = errors.Join(ErrInterrupted, err)
	}
	o.callOutLocked(func() { o.cfg.Failed(err) })
	o.failLocked(err)
	return o.err
}

func (o *Outbox) failLocked(err error) {
	o.sealLocked(err)
	if o.err == nil {
		o.err = err
	}
	o.queue, o.spare = nil, nil
	o.held.Store(0)
	o.urgent = false
	o.disarmLocked()
}
