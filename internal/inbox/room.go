package inbox

import "context"

// Limit bounds what may be outstanding on a connection of the requests that Reserve announced: back-pressure.
// Those that Expect announced do not count, since they do not wait either: many of them would leave no
// room for ever. A field of 0 bounds nothing.
type Limit struct {
	// Replies is how many replies may be outstanding.
	Replies int
	// Bytes is how many bytes their requests may have. A longer one has its turn when none is outstanding.
	Bytes int
}

// room is what a waiter forRoom waits for.
type room struct {
	limit Limit
	// granted says that the request has been given the room, and counts as outstanding.
	granted bool
}

// Reserve is Expect for a request of so many bytes that must not go beyond the limit. Where there is
// no room, or others wait for some, it tells false, and AwaitRoom has to follow; what was granted to
// others may not have left yet, so the caller has it sent first. With true, or behind AwaitRoom, the
// waiter is what Expect returns.
func (in *Inbox) Reserve(requestID int32, size int, limit Limit, position Position, mark int64) (w *Waiter, granted bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	w = in.addLocked(forRoom)
	w.requestID, w.position, w.mark, w.size = requestID, position, mark, size
	w.room.limit = limit
	in.grantLocked()
	if w.room.granted {
		in.enterLocked(w)
		return w, true
	}
	return w, false
}

// AwaitRoom waits for the room that Reserve did not have at once. Nothing stays reserved when it
// returns an error, which is the context's or the inbox's own.
func (in *Inbox) AwaitRoom(ctx context.Context, w *Waiter) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	err := in.waitLocked(ctx, w)
	if err != nil {
		in.leaveLocked(w)
	} else {
		in.enterLocked(w)
	}
	in.handOverLocked()
	return err
}

// InLine tells whether somebody waits for room: what is held should leave then.
func (in *Inbox) InLine() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.forRoom > 0
}

// enterLocked makes a waiter that was granted room one for the reply, whose request is the newest.
func (in *Inbox) enterLocked(w *Waiter) {
	in.removeLocked(w)
	w.kind, w.reserved = forReply, true
	in.appendLocked(w)
}

// fitsLocked tells whether there is the room that w waits for.
func (in *Inbox) fitsLocked(w *Waiter) bool {
	limit := w.room.limit
	return (limit.Replies <= 0 || in.reserved < limit.Replies) &&
		(limit.Bytes <= 0 || in.reserved == 0 || in.bytes+w.size <= limit.Bytes)
}

// grantLocked gives what room there is to those who wait for it, in order: a long request is not
// overtaken for ever by short ones. Those who wait until nothing is outstanding look again when it is so.
func (in *Inbox) grantLocked() {
	inLine := true // nobody before has to wait
	left := in.forRoom
	for w := in.first; w != nil && left > 0; w = w.next {
		switch {
		case w.kind == forQuiet:
			left--
			if in.outstanding == 0 {
				in.wakeLocked(w)
			}
		case w.kind != forRoom:
		case w.room.granted:
			left--
		default:
			left--
			if inLine = inLine && in.fitsLocked(w); inLine {
				w.room.granted = true
				in.outstanding++
				in.reserved++
				in.bytes += w.size
				in.wakeLocked(w)
			}
		}
	}
}

// wakeLocked has w look again, although it may be reading itself, and no reply may come any more.
func (in *Inbox) wakeLocked(w *Waiter) {
	w.signal()
	if w == in.blocked {
		in.nudged = true
		_ = in.conn.SetReadDeadline(past)
	}
}
