package outbox

import "context"

// Post appends a message whose reply is awaited, but not yet: it leaves as a held one does, or with
// Urge. It does no I/O: full says that the limit is reached, and that the caller is to call Urge. The
// message is copied before Post returns. With an error it was not taken.
func (o *Outbox) Post(message []byte) (full bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return false, o.err
	}
	o.appendLocked(message)
	if o.cfg.Interval > 0 {
		o.armLocked(o.cfg.Interval)
	}
	return len(o.queue) >= o.cfg.Limit, nil
}

// Urge has everything leave that was appended before the call: it writes, or leaves that to the
// goroutine that is writing, and then does not wait for it. When ctx ends first, what it has not
// written leaves without this caller, as with Send.
func (o *Outbox) Urge(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil || len(o.queue) == 0 {
		return o.err
	}
	o.urgent = true
	if o.writing {
		return nil
	}
	return o.writeLocked(ctx)
}
