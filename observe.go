package monorail

import (
	"errors"
	"time"
)

// observed tells whether anybody is told of events. Where nobody is, none are made.
func (c *Client) observed() bool { return len(c.monitors) > 0 }

// watchesFlushes tells whether a monitor is to be told of every write call.
func (c *Client) watchesFlushes() bool {
	for _, m := range c.monitors {
		if m.Flushed != nil {
			return true
		}
	}
	return false
}

// tellMonitors delivers the events of the request. It is called with no lock and no baton held, by
// whoever may have added some.
func (s *series) tellMonitors() {
	if s.client.settings.mergeWrites && s.client.monitor != nil {
		s.merged.deliver(s.client)
	}
	if s.client.observed() {
		s.events.deliver(s.client.monitors)
	}
}

// note adds an event, which tellMonitors delivers. It may be called with a lock held.
func (s *series) note(e monitorEvent) {
	if s.client.observed() {
		s.events.add(e)
	}
}

// event says which request this is.
func (s *series) event() RequestEvent {
	return RequestEvent{
		RequestID: s.id,
		Name:      s.settings.name,
		StartedAt: s.startedAt,
		Automatic: s.settings.automatic,
		Stack:     s.settings.stack,
	}
}

// socketEvent says which socket this is; nil is none.
func (e *epoch) socketEvent() RequestSocket {
	if e == nil || e.pin == nil {
		return RequestSocket{}
	}
	return RequestSocket{
		Address:            e.pin.address().String(),
		ConnectionID:       e.pin.id,
		ServerConnectionID: e.pin.serverConnectionID,
		Epoch:              e.number,
	}
}

func (e *epoch) notePinned(took time.Duration) {
	if e.series.client.observed() {
		e.series.events.add(RequestPinnedEvent{e.series.event(), e.socketEvent(), took})
	}
}

// noteFlushed is called by the outbox, in the middle of its writing.
func (e *epoch) noteFlushed(messages, bytes int, took time.Duration) {
	e.series.note(RequestFlushedEvent{e.series.event(), e.socketEvent(), bytes, messages, took})
}

func (e *epoch) noteBroken(broken *BrokenError) {
	if e.series.client.observed() {
		e.series.events.add(RequestBrokenEvent{e.series.event(), e.socketEvent(), broken})
	}
}

// noteRenewed is for a request that has accepted the loss of lost, and had so many sockets.
func (s *series) noteRenewed(epoch int, lost *BrokenError) {
	if s.client.observed() {
		s.events.add(RequestRenewedEvent{s.event(), epoch, lost})
	}
}

// noteEnded is for a request whose last epoch, nil if there was none, has given its socket back, and
// whose end gives err: an error of a break that the end met is told as one.
func (s *series) noteEnded(last *epoch, err error) {
	if err != nil && last != nil && last.broken.Load() == nil {
		if broken := (*BrokenError)(nil); errors.As(err, &broken) {
			s.mu.Lock()
			s.brokeAtEnd = true
			s.mu.Unlock()
			last.noteBroken(broken)
		}
	}
	if !s.client.observed() {
		return
	}
	e := RequestEndedEvent{RequestEvent: s.event(), RequestSocket: last.socketEvent(), Duration: time.Since(s.startedAt), Err: err}
	if last != nil {
		e.Unconfirmed = last.unconfirmed()
	}
	s.events.add(e)
}
