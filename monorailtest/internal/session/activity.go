package session

import (
	"sync"
	"time"
)

// Activity remembers when each session was last used, whatever for, and ends those that nobody has used for Timeout, as
// MongoDB does with their transactions and cursors. It is safe for concurrent use.
type Activity struct {
	// expired is told of each session that ends, without the lock. Set once.
	expired func(id string)

	// mu guards what follows.
	mu sync.Mutex
	// sessions holds the sessions by the bytes of their lsid.
	sessions map[string]*active
	// timer looks for sessions that end; nil while there are none.
	timer *time.Timer
	// closed goes from false to true once: then no session is remembered.
	closed bool
}

// active is a session in use.
type active struct {
	id   string
	used time.Time
}

// NewActivity returns an Activity without sessions, which calls expired with the id of each session that ends. Close ends it.
func NewActivity(expired func(id string)) *Activity {
	return &Activity{expired: expired, sessions: map[string]*active{}}
}

// Touch says that a session is used. key is what its lsid consists of; id is asked for the name of one that is new.
func (a *Activity) Touch(key []byte, id func() string) {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.sessions[string(key)]; s != nil {
		s.used = now
		return
	}
	if a.closed {
		return
	}
	a.sessions[string(key)] = &active{id(), now}
	if a.timer == nil {
		a.timer = time.AfterFunc(sweepInterval, a.sweep)
	}
}

// Forget says that a session was ended by its client.
func (a *Activity) Forget(key []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.sessions, string(key))
}

// Len returns how many sessions are remembered.
func (a *Activity) Len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.sessions)
}

// sweep ends the sessions whose time has come, and looks again later.
func (a *Activity) sweep() {
	now := time.Now()
	var ids []string
	a.mu.Lock()
	for key, s := range a.sessions {
		if now.Sub(s.used) >= Timeout {
			ids = append(ids, s.id)
			delete(a.sessions, key)
		}
	}
	a.timer = nil
	if len(a.sessions) > 0 && !a.closed {
		a.timer = time.AfterFunc(sweepInterval, a.sweep)
	}
	a.mu.Unlock()
	for _, id := range ids {
		a.expired(id)
	}
}

// Close forgets every session, without ending it.
func (a *Activity) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	clear(a.sessions)
	if a.timer != nil {
		a.timer.Stop()
	}
}
