package monorail

import "time"

// A handle that is unreachable without End, its context included, has leaked. The runtime finds out:
// each handle, and each scope, has a cleanup, which must not keep it reachable and must not wait,
// since all cleanups of the process share a goroutine or two.

// leaked ends a handle that nobody can end any more. It is called by the runtime's cleanup.
func (l *lease) leaked() {
	if l.unwatch != nil && !l.unwatch() {
		return // its context has ended, and that ends it
	}
	if l.become(leaseOpen, leaseEnded) {
		l.series.client.inBackground(l.reclaim)
	}
}

// reclaim reports the leak and gives the handle's share of the socket back.
func (l *lease) reclaim() {
	if l.series.over() {
		return // Disconnect ended it, and nothing was kept from anybody
	}
	defer func() {
		_ = l.series.leave() // what it reports, nobody is there to hear but the monitors
		l.series.tellMonitors()
	}()
	l.series.client.countLeak()
	l.series.noteLeaked(l.stack)
	l.series.tellMonitors()
}

// noteLeaked is for a handle that was made at stack.
func (s *series) noteLeaked(stack Stack) {
	if !s.client.observed() {
		return
	}
	s.mu.Lock()
	last := s.epoch
	s.mu.Unlock()
	e := RequestLeakedEvent{RequestEvent: s.event(), RequestSocket: last.socketEvent(), Age: time.Since(s.startedAt)}
	e.Stack = stack
	if last != nil {
		e.Unconfirmed = last.unconfirmed()
	}
	s.events.add(e)
}

// inBackground runs f in a goroutine that Disconnect waits for. After Disconnect it does nothing: every
// request has ended then. It tells whether it did.
func (c *Client) inBackground(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.background.Go(f)
	}
	return !c.closed
}
