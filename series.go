package monorail

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"
)

// seriesState says how far a series is with its socket.
type seriesState uint8

const (
	// seriesUnpinned: no operation has needed the socket yet.
	seriesUnpinned seriesState = iota
	// seriesAcquiring: one operation is getting the socket, others wait for it.
	seriesAcquiring
	// seriesPinned: the socket is there.
	seriesPinned
	// seriesBroken: the socket was lost. Only renewing or ending the request leads on from here.
	seriesBroken
	// seriesEnded: the last handle has ended.
	seriesEnded
)

// series is what the nested handles of one request share: the socket, or the want of one, and what
// was sent on it. It may be shared between goroutines.
type series struct {
	client    *Client
	id        int64 // unique in the client, from 1
	settings  requestSettings
	startedAt time.Time
	// events are those that the monitors have not been told yet.
	events eventQueue
	// merged are the messages of merged writes that the command monitor has not been told yet.
	merged mergedMessages

	// mu guards the fields below. It is not held during I/O.
	mu    sync.Mutex
	state seriesState // changed in setStateLocked only
	// pinned is epoch in seriesPinned, else nil. It is written with the lock held, and read without.
	pinned atomic.Pointer[epoch]
	// open counts the handles that have not ended.
	open int
	// renewals counts the breaks that were accepted with Renew.
	renewals int
	// failed are the operations that the last break met; see retry.go.
	failed failedAttempts
	// epoch is what runs on the socket; set with seriesPinned, and kept when that breaks or ends, to
	// tell of it. In seriesBroken its broken is set.
	epoch *epoch
	// settled is closed, and nil again, when the state leaves seriesAcquiring. It is closed by the
	// operation that acquires; those that wait for the socket receive.
	settled chan struct{}
	// stopAcquiring makes the operation that waits for the pool give up; nil but in seriesAcquiring.
	stopAcquiring context.CancelFunc
	// done is made with seriesEnded, and closed by the call that ended the series when the socket has
	// gone back. Whoever ends it once more receives.
	done chan struct{}
	// brokeAtEnd says that giving the socket back failed, and unacknowledged writes may be lost.
	brokeAtEnd bool
}

func newSeries(c *Client, settings requestSettings) *series {
	return &series{client: c, settings: settings, startedAt: time.Now(), open: 1}
}

// setStateLocked is where the state changes; those who wait for a socket look again.
func (s *series) setStateLocked(to seriesState) {
	if s.state == seriesAcquiring && s.settled != nil {
		close(s.settled)
		s.settled = nil
	}
	s.state = to
	if to == seriesPinned {
		s.pinned.Store(s.epoch)
	} else {
		s.pinned.Store(nil)
	}
}

// acquire returns the epoch with its socket, which it checks out of server's pool if this is the first
// operation.
func (s *series) acquire(ctx context.Context, server *topology.SelectedServer) (*epoch, error) {
	s.mu.Lock()
	for {
		switch s.state {
		case seriesPinned:
			e := s.epoch
			s.mu.Unlock()
			return e, nil
		case seriesBroken:
			err := s.epoch.broken.Load()
			s.mu.Unlock()
			return nil, err
		case seriesEnded:
			s.mu.Unlock()
			return nil, ErrRequestEnded
		case seriesAcquiring:
			if s.settled == nil {
				s.settled = make(chan struct{})
			}
			settled := s.settled
			s.mu.Unlock()
			select {
			case <-settled:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			s.mu.Lock()
		default:
			s.setStateLocked(seriesAcquiring)
			return s.checkOutUnlock(ctx, server)
		}
	}
}

// checkOutUnlock gets the socket from the pool. It is called with the lock and releases it.
func (s *series) checkOutUnlock(ctx context.Context, server *topology.SelectedServer) (e *epoch, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.stopAcquiring = cancel
	e = newEpoch(s, s.renewals)
	s.mu.Unlock()
	began := time.Now()
	defer s.tellMonitors()
	err = errMonitorPanic // unless newPin returns: a monitor of the user's may panic in it
	defer func() {
		if err = s.acquired(e, time.Since(began), err); err != nil {
			e = nil
		}
	}()
	err = newPin(ctx, s.client, server, e)
	return e, err
}

// acquired notes how acquiring went, and how long it took.
func (s *series) acquired(e *epoch, took time.Duration, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopAcquiring = nil
	if s.state != seriesAcquiring { // the request ended meanwhile
		if err == nil {
			s.mu.Unlock()
			_ = e.pin.release() // nothing was sent on it
			s.mu.Lock()
		}
		return ErrRequestEnded
	}
	if err != nil {
		s.setStateLocked(seriesUnpinned)
		return err
	}
	s.epoch = e
	s.setStateLocked(seriesPinned)
	e.notePinned(took)
	if broken := e.broken.Load(); broken != nil { // before anybody used it
		e.noteBroken(broken)
		s.setStateLocked(seriesBroken)
		return broken
	}
	s.client.watcher.attend()
	return nil
}

// current returns the epoch while it has its socket, else nil.
func (s *series) current() *epoch { return s.pinned.Load() }

// over tells whether the last handle has ended.
func (s *series) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == seriesEnded
}

// err returns why no operation can run, or nil.
func (s *series) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.state {
	case seriesBroken:
		return s.epoch.broken.Load()
	case seriesEnded:
		return ErrRequestEnded
	default:
		return nil
	}
}

// enter counts one more handle; it tells false when the last one has ended already.
func (s *series) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == seriesEnded {
		return false
	}
	s.open++
	return true
}

// leave counts one handle less, and ends the series with the last one. The caller tells the monitors,
// when it waits for nothing and nobody waits for it: a function of theirs may end the handle once more.
func (s *series) leave() error {
	s.mu.Lock()
	s.open--
	if s.open > 0 {
		s.mu.Unlock()
		return nil
	}
	return s.endUnlock()
}

// end ends the series, however many handles are open. When ctx ends before the socket could be given
// back in order, it is closed.
func (s *series) end(ctx context.Context) error {
	defer s.tellMonitors()
	s.mu.Lock()
	if e := s.epoch; e != nil {
		defer context.AfterFunc(ctx, func() {
			e.pin.fail(ctx.Err())
			s.tellMonitors()
		})()
	}
	return s.endUnlock()
}

// endUnlock gives the socket back. It is called with the lock and releases it. The error says that
// unacknowledged writes may be lost. The caller tells the monitors.
func (s *series) endUnlock() (err error) {
	state, e, stop := s.state, s.epoch, s.stopAcquiring
	if state == seriesEnded {
		done := s.done
		s.mu.Unlock()
		<-done
		return nil // what it lost was told to whoever ended it
	}
	done := make(chan struct{})
	s.done = done
	s.setStateLocked(seriesEnded)
	s.mu.Unlock()
	if stop != nil {
		stop()
	}
	defer close(done)
	// Not before the socket has gone back: Disconnect waits for those that it knows.
	defer s.client.forget(s)
	defer func() { s.noteEnded(e, err) }()
	switch state {
	case seriesBroken:
		e.pin.bury()
		return e.broken.Load()
	case seriesPinned:
		return e.release()
	default:
		return nil
	}
}
