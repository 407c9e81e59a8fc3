package monorail

import (
	"context"
	"fmt"
)

// Renew accepts that the request's socket is gone: the request goes on with a new one, which the next
// operation takes, and Info counts one more Epoch. It is for the whole request, nested handles and
// every goroutine that shares it: operations that are issued after it run, in order among themselves,
// but not behind what was sent on the old socket. Before calling it, look at the *BrokenError (Err has
// it): Unconfirmed and Writes tell what may be lost, and nobody tells so again.
//
// Where the old socket is still there (the program gave up in the middle of a message, the server
// is no longer writable, its reply was malformed, the driver cleared its pool), Renew first
// waits until the server has executed what was sent on it and closed it, so that nothing of the old
// epoch can run after something of the new one; at most 10 s from the break on. Where the network or
// the server has ended the socket already, nothing can be waited for: what was sent before may still
// be executed after what follows.
//
// What the break has failed stays failed: the driver's retry of it is refused on the new socket. (Only a
// read may be repeated there, if Renew comes between the failure and the retry: one in a session of the
// program's own, or one that the server has answered, by which it has processed what was issued before.)
//
// On a request that is not broken it does nothing. The error is ErrRequestEnded, or the context's
// error when ctx ended before the old socket did; the request then still is broken, and Renew may be
// called again.
func (r *Request) Renew(ctx context.Context) error {
	if ctx == nil {
		ctx = context.Background()
	}
	if r.over() {
		return ErrRequestEnded
	}
	return r.series.renew(ctx)
}

// renew leaves seriesBroken, behind the fence of the epoch that broke.
func (s *series) renew(ctx context.Context) error {
	s.mu.Lock()
	state, e := s.state, s.epoch
	s.mu.Unlock()
	switch state {
	case seriesEnded:
		return ErrRequestEnded
	case seriesBroken:
	default:
		return nil
	}
	_, err := e.pin.fence(ctx)
	if err != nil {
		return fmt.Errorf("monorail: the server has not ended the broken connection yet; the request is still broken: %w", err)
	}
	defer s.tellMonitors()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state == seriesEnded:
		return ErrRequestEnded
	case s.state == seriesBroken && s.epoch == e: // else another call has renewed it
		s.renewals++
		s.setStateLocked(seriesUnpinned)
		s.noteRenewed(s.renewals, e.broken.Load())
	}
	return nil
}
