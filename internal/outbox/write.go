package outbox

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"time"
)

// writeTold is write, and tells Config.Wrote of it.
func (o *Outbox) writeTold(ctx context.Context, b []byte) (int, error) {
	if o.cfg.Wrote == nil {
		return o.write(ctx, b)
	}
	began := time.Now()
	n, err := o.write(ctx, b)
	o.cfg.Wrote(wholeMessages(b, n), n, time.Since(began))
	return n, err
}

// write hands b to the kernel and returns how much of it was taken. Only the holder of the write
// baton calls it.
//
// The first attempt on a resumable connection is bounded by a deadline in place of a watcher of
// ctx: setting one costs no allocation, and nearly every write ends in microseconds. Only a write
// that is still blocked after that pays for watching ctx.
func (o *Outbox) write(ctx context.Context, b []byte) (int, error) {
	o.writeCalls.Add(1)
	if !o.cfg.Resumable {
		return o.writeWatched(ctx, b, blockedAfter)
	}
	if err := o.conn.SetWriteDeadline(time.Now().Add(blockedAfter)); err != nil {
		return 0, err
	}
	n, err := o.conn.Write(b)
	if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return n, err
	}
	rest, err := o.writeWatched(ctx, b[n:], 0)
	return n + rest, err
}

// writeWatched writes b until ctx ends, or blockedAfter later where the connection is not resumable, and
// lets others read once it has been blocked for patience.
func (o *Outbox) writeWatched(ctx context.Context, b []byte, patience time.Duration) (int, error) {
	if err := o.conn.SetWriteDeadline(time.Time{}); err != nil {
		return 0, err
	}
	if ctx.Done() != nil {
		// A deadline that is set too late, after this write, meets the next one, which sets its own.
		var ended sync.Mutex
		over := false
		stop := context.AfterFunc(ctx, func() {
			ended.Lock()
			defer ended.Unlock()
			if over {
				return
			}
			deadline := past
			if !o.cfg.Resumable {
				// It is spoilt for everybody by what a write that is not blocked does not need, as one of
				// messages of others behind the caller's own.
				deadline = time.Now().Add(blockedAfter)
			}
			_ = o.conn.SetWriteDeadline(deadline)
		})
		defer func() {
			if !stop() {
				ended.Lock()
				over = true
				ended.Unlock()
			}
		}()
	}
	if o.cfg.Blocked != nil {
		defer o.whenBlocked(patience)()
	}
	return o.conn.Write(b)
}

// whenBlocked calls Config.Blocked after patience, at once where that is 0. The function that it
// returns ends what that began.
func (o *Outbox) whenBlocked(patience time.Duration) (end func()) {
	if patience == 0 {
		return o.cfg.Blocked()
	}
	released := make(chan func(), 1) // the timer sends once; the writer receives if the timer ran
	timer := time.AfterFunc(patience, func() { released <- o.cfg.Blocked() })
	return func() {
		if !timer.Stop() {
			(<-released)()
		}
	}
}

// wholeMessages counts the messages that lie whole in the first n bytes of messages.
func wholeMessages(messages []byte, n int) (count int) {
	for n >= 4 {
		length := int(int32(binary.LittleEndian.Uint32(messages)))
		if length <= 0 || length > n {
			break
		}
		messages, n = messages[length:], n-length
		count++
	}
	return count
}

// atBoundary tells whether n bytes of messages, which are whole, end between two of them.
func atBoundary(messages []byte, n int) bool {
	for n > 0 && len(messages) >= 4 {
		length := int(int32(binary.LittleEndian.Uint32(messages)))
		if length <= 0 || length > len(messages) {
			return false
		}
		messages, n = messages[length:], n-length
	}
	return n == 0
}
