package cursor

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// IdleTimeout is how long a cursor may go without a getMore before the server ends it: cursorTimeoutMillis of
// MongoDB, 10 minutes.
const IdleTimeout = 10 * time.Minute

// Error codes of MongoDB's error_codes.yml.
const (
	codeCursorNotFound = 43
	codeCursorInUse    = 12051
)

// Registry holds the open cursors of a server. It is safe for concurrent use.
type Registry struct {
	// mu guards cursors, closed and the state of every cursor in cursors.
	mu      sync.Mutex
	cursors map[int64]*Cursor
	// closed goes from false to true once: then no cursor is open and none can be opened.
	closed bool
}

// state says who may touch a cursor's source. It changes in Registry only, under its lock.
type state int

const (
	// idle: nobody reads; the idle timer runs.
	idle state = iota
	// inUse: one getMore has the cursor and alone may use its source.
	inUse
	// doomed: killed while in use; whoever has it closes the source when giving it back.
	doomed
)

// Cursor is one open cursor. Its exported fields never change.
type Cursor struct {
	// ID is what clients call it by: positive, and never that of another open cursor.
	ID int64
	// Options are those of its opening.
	Options
	// Source may be used by whoever has checked the cursor out, until it is checked in.
	Source Source

	// killed is closed when the cursor is killed while it is in use. Whoever has checked it out receives.
	killed chan struct{}

	state state
	// used is when the cursor was opened or last checked in.
	used time.Time
	// timer ends the cursor when it fires; nil where NoTimeout.
	timer *time.Timer
}

// Options describe a cursor to Open.
type Options struct {
	// Namespace is "database.collection"; a getMore names it again.
	Namespace string
	// Session identifies the session that opened the cursor; "" for none. Only this session may read on.
	Session string
	// Service is which of the servers behind one address has the cursor. The others do not know it.
	Service int
	// Transaction says that the cursor was opened in the transaction with the given Number of the session.
	Transaction bool
	Number      int64
	// NoTimeout keeps the cursor open without limit (noCursorTimeout).
	NoTimeout bool
	// AwaitData says that the cursor may be asked to wait for data (tailable with awaitData); a getMore
	// with maxTimeMS is refused otherwise.
	AwaitData bool
}

// NewRegistry returns a registry without cursors. Close ends it.
func NewRegistry() *Registry {
	return &Registry{cursors: make(map[int64]*Cursor)}
}

// Open registers src and returns its id. The registry owns src from now on and closes it, at once if the registry
// is closed.
func (g *Registry) Open(src Source, o Options) int64 {
	c := &Cursor{Options: o, Source: src, killed: make(chan struct{}), used: time.Now()}
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		src.Close()
		return 0
	}
	defer g.mu.Unlock()
	for c.ID == 0 || g.cursors[c.ID] != nil {
		c.ID = rand.Int64()
	}
	g.cursors[c.ID] = c
	if !o.NoTimeout {
		c.timer = time.AfterFunc(IdleTimeout, func() { g.expire(c) })
	}
	return c.ID
}

// CheckOut lends the cursor to the caller, who gives it back with CheckIn. Only one caller has a cursor at a time:
// another gets CursorInUse (12051), and an id that the service does not know CursorNotFound (43).
func (g *Registry) CheckOut(id int64, service int) (*Cursor, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.cursors[id]
	if c == nil || c.Service != service {
		return nil, mongoerror.New(codeCursorNotFound, "cursor id %d not found", id)
	}
	if c.state != idle {
		return nil, mongoerror.New(codeCursorInUse, "cursor id %d is already in use", id)
	}
	c.state = inUse
	if c.timer != nil {
		c.timer.Stop()
	}
	return c, nil
}

// CheckIn gives a checked-out cursor back. With done, or when it was killed meanwhile, the cursor ends.
// It reports whether the cursor is still open.
func (g *Registry) CheckIn(c *Cursor, done bool) bool {
	g.mu.Lock()
	if done || c.state == doomed {
		delete(g.cursors, c.ID)
		g.mu.Unlock()
		c.Source.Close()
		return false
	}
	defer g.mu.Unlock()
	c.state = idle
	c.used = time.Now()
	if c.timer != nil {
		c.timer.Reset(IdleTimeout)
	}
	return true
}

// Killed returns a channel that is closed when the cursor is killed while somebody has it.
func (c *Cursor) Killed() <-chan struct{} { return c.killed }

// Kill ends the cursor, or dooms it while a getMore has it. It reports whether the service has one of that id.
func (g *Registry) Kill(id int64, service int) bool {
	g.mu.Lock()
	c := g.cursors[id]
	if c == nil || c.Service != service {
		g.mu.Unlock()
		return false
	}
	ended := g.endLocked(c)
	g.mu.Unlock()
	if ended {
		c.Source.Close()
	}
	return true
}

// KillSession ends every cursor of a session.
func (g *Registry) KillSession(session string) {
	g.killWhere(func(c *Cursor) bool { return c.Session == session })
}

// KillTransaction ends every cursor of a transaction of a session.
func (g *Registry) KillTransaction(session string, number int64) {
	g.killWhere(func(c *Cursor) bool { return c.Transaction && c.Session == session && c.Number == number })
}

// KillSessions ends every cursor that belongs to a session.
func (g *Registry) KillSessions() {
	g.killWhere(func(c *Cursor) bool { return c.Session != "" })
}

// Close ends every cursor. A cursor that a getMore has is closed when it is given back.
func (g *Registry) Close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.KillAll()
}

// KillAll kills every cursor.
func (g *Registry) KillAll() { g.killWhere(func(*Cursor) bool { return true }) }

// Source returns the source of an open cursor, nil where there is none. It belongs to whoever has checked the cursor out.
func (g *Registry) Source(id int64) Source {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c := g.cursors[id]; c != nil {
		return c.Source
	}
	return nil
}

// Len returns how many cursors are open.
func (g *Registry) Len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.cursors)
}

func (g *Registry) killWhere(match func(*Cursor) bool) {
	var ended []*Cursor
	g.mu.Lock()
	for _, c := range g.cursors {
		if match(c) && g.endLocked(c) {
			ended = append(ended, c)
		}
	}
	g.mu.Unlock()
	for _, c := range ended {
		c.Source.Close()
	}
}

// endLocked takes c out and reports whether the caller has to close the source, after releasing the lock. A cursor
// in use is only doomed: its source is not ours to close.
func (g *Registry) endLocked(c *Cursor) bool {
	switch c.state {
	case inUse:
		c.state = doomed
		close(c.killed)
		return false
	case doomed:
		return false
	}
	delete(g.cursors, c.ID)
	if c.timer != nil {
		c.timer.Stop()
	}
	return true
}

// expire ends c when its timer fired, unless a getMore came first: it may have come and gone while the timer's
// function waited for the lock, which is what used tells.
func (g *Registry) expire(c *Cursor) {
	g.mu.Lock()
	if g.cursors[c.ID] != c || c.state != idle || time.Since(c.used) < IdleTimeout {
		g.mu.Unlock()
		return
	}
	delete(g.cursors, c.ID)
	g.mu.Unlock()
	c.Source.Close()
}
