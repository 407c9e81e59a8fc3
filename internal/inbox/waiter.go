package inbox

// kind is what a waiter waits for.
type kind uint8

const (
	forReply kind = iota // waits for the reply to one request
	forRoom              // waits until what is reserved leaves the room that its limit asks for
	forQuiet             // waits until nothing is outstanding and nobody reads
	forNone              // reads for others until its context ends
)

// Waiter stands for one reply that will come. It belongs to the operation that expects it, which
// calls Wait or Abandon once, from one goroutine; then it belongs to the inbox again.
type Waiter struct {
	requestID int32
	kind      kind
	room      room // what a waiter forRoom waits for
	// reserved says that Reserve has announced the request, and size is how many bytes it has; else 0.
	reserved bool
	size     int
	// waiting says that the owner is blocked until a signal comes. It is false before Wait and once
	// the reply is abandoned: a signal would then wake nobody who reads.
	waiting bool
	// abandoned says that nobody waits any more, although the reply is still to come.
	abandoned bool
	// delivered says that the reply is in; it has then left the list of waiters.
	delivered  bool
	reply      []byte
	mark       int64
	position   Position
	prev, next *Waiter
	// wake has room for one signal. Any goroutine that holds the lock sends, only the owner
	// receives, nobody closes. A signal says: look again, your reply is in, or the baton is free.
	wake chan struct{}
}

func (in *Inbox) addLocked(k kind) *Waiter {
	w := in.free
	if w == nil {
		w = &Waiter{wake: make(chan struct{}, 1)}
	} else {
		in.free, w.next = w.next, nil
	}
	w.kind = k
	if k == forRoom || k == forQuiet {
		in.forRoom++
	}
	in.appendLocked(w)
	return w
}

func (in *Inbox) appendLocked(w *Waiter) {
	if in.last == nil {
		in.first = w
	} else {
		in.last.next, w.prev = w, in.last
	}
	in.last = w
}

func (in *Inbox) removeLocked(w *Waiter) {
	if w.kind == forRoom || w.kind == forQuiet {
		in.forRoom--
	}
	if w.prev == nil {
		in.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		in.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
}

// recycleLocked keeps w for the next Expect, without a signal that was meant for this one.
func (in *Inbox) recycleLocked(w *Waiter) {
	select {
	case <-w.wake:
	default:
	}
	*w = Waiter{wake: w.wake, next: in.free}
	in.free = w
}

func (w *Waiter) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}
