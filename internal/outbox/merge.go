package outbox

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"
)

// headerEnd is where a message's flags begin: what comes before, its length and its ids, differs from
// message to message.
const headerEnd = 16

// Batch says where in a message, as offsets from its beginning, the parts lie that statements of a later
// one can be added to, and what the server takes. The statements must be the end of the message.
type Batch struct {
	// CommandEnd is where the command ends: two messages can be joined if they are the same from the
	// flags up to there, except for the byte at Ordered.
	CommandEnd int
	// Ordered is where the boolean lies that says whether the first error ends the command. A message
	// that others have joined says false, as separate messages do not end each other.
	Ordered int
	// Sequence is where the length of the statements lies: four bytes, themselves counted.
	Sequence int
	// Kind is of the caller's choice: messages of different kinds are not joined.
	Kind uint8
	// Statements is where the first statement begins, and Count how many there are.
	Statements, Count int
	// MaxSize is the largest message in bytes that the server takes, MaxCount the most statements.
	MaxSize, MaxCount int
}

// Sealed is a message to which Join adds no more.
type Sealed struct {
	// Context is that of the call of Join that brought the message, and Began when that was.
	Context context.Context
	Began   time.Time
	// Message is a copy.
	Message []byte
	Batch   Batch
	// Err is why the message cannot be sent; nil where it will be.
	Err error
}

// openMessage is a held message that others may join. It is the last of the queue, and no byte of it
// was handed to the kernel.
type openMessage struct {
	Batch // with a Count of 0 where no message is open
	// start is where in the queue the message begins.
	start int
	// ctx and began are for Sealed; not set where nobody is told.
	ctx   context.Context
	began time.Time
}

// Join is Hold for a message whose statements may be added to those of the message before it, where
// that came by Join too, is still the last that is held, says the same but for its statements, and has
// room for them. Nothing that is held is copied. It tells whether the message was queued: with an
// error, a message that was may have left or still leave.
func (o *Outbox) Join(ctx context.Context, message []byte, b *Batch) (queued bool, err error) {
	o.mu.Lock()
	if o.err != nil {
		defer o.mu.Unlock()
		return false, o.err
	}
	if !o.joinLocked(message, b) {
		o.appendLocked(message)
		o.openLocked(ctx, len(message), b)
	}
	return true, o.heldUnlock(ctx)
}

// Seal has no message join what is held now. It returns the message that could be joined, if there was
// one, of which Config.Sealed is not told then.
func (o *Outbox) Seal() (s Sealed, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open.Count == 0 {
		return s, false
	}
	s = o.sealedLocked(nil)
	o.open = openMessage{}
	return s, true
}

// joinLocked adds the statements of message to the open one, and tells whether it did.
func (o *Outbox) joinLocked(message []byte, b *Batch) bool {
	open := &o.open
	statements := message[b.Statements:]
	if open.Count == 0 || open.CommandEnd != b.CommandEnd || open.Ordered != b.Ordered || open.Kind != b.Kind ||
		open.Count+b.Count > b.MaxCount || len(o.queue)-open.start+len(statements) > b.MaxSize {
		return false
	}
	into := o.queue[open.start:]
	if !bytes.Equal(into[headerEnd:b.Ordered], message[headerEnd:b.Ordered]) ||
		!bytes.Equal(into[b.Ordered+1:b.CommandEnd], message[b.Ordered+1:b.CommandEnd]) {
		return false
	}
	into[b.Ordered] = 0
	addLength(into, len(statements))
	addLength(into[b.Sequence:], len(statements))
	open.Count += b.Count
	o.queue = append(o.queue, statements...)
	o.queued += int64(len(statements))
	o.held.Store(int64(len(o.queue)))
	return true
}

// addLength adds n to the length at the head of b.
func addLength(b []byte, n int) {
	binary.LittleEndian.PutUint32(b, binary.LittleEndian.Uint32(b)+uint32(n))
}

// openLocked lets others join the message of that length which was appended last.
func (o *Outbox) openLocked(ctx context.Context, length int, b *Batch) {
	o.open.Batch, o.open.start = *b, len(o.queue)-length
	if o.cfg.Sealed != nil {
		o.open.ctx, o.open.began = ctx, time.Now()
	}
}

// sealLocked lets no more join the open message, if there is one; err is why it cannot be sent, if so.
// It comes before any other change to the queue.
func (o *Outbox) sealLocked(err error) {
	if o.open.Count == 0 {
		return
	}
	if o.cfg.Sealed != nil {
		o.cfg.Sealed(o.sealedLocked(err))
	}
	o.open = openMessage{}
}

// sealedLocked describes the open message.
func (o *Outbox) sealedLocked(err error) Sealed {
	return Sealed{
		Context: o.open.ctx, Began: o.open.began, Batch: o.open.Batch, Err: err,
		Message: bytes.Clone(o.queue[o.open.start:]),
	}
}
