package outbox

import (
	"context"
	"time"
)

func (o *Outbox) armLocked(after time.Duration) {
	switch {
	case o.armed:
		return
	case o.timer == nil:
		o.timer = time.AfterFunc(after, o.timerFired)
	default:
		o.timer.Reset(after)
	}
	o.armed = true
}

func (o *Outbox) disarmLocked() {
	if o.armed {
		o.timer.Stop()
		o.armed = false
	}
}

// timerFired writes what is held. It has no caller to tell of a failure: the next one hears it, and
// Config.Failed.
func (o *Outbox) timerFired() {
	if o.cfg.TimerWrote != nil {
		defer o.cfg.TimerWrote()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.armed {
		return
	}
	o.armed = false
	if o.err == nil && !o.writing && len(o.queue) > 0 {
		_ = o.writeLocked(context.Background())
		return
	}
	// Whoever is writing has not taken what is held; it goes on with it.
	o.urgent = len(o.queue) > 0
}
