package monorail

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

// A session of the program's has one command under way at a time. Operations that Go starts with the
// same session therefore take turns: each has the session until it has ended. (An implicit session is
// the driver's, which gives each operation one of its own.)

// sessionTurns has the turns of the sessions that operations of Go use or wait for. Sessions are
// unique, whichever client has them. It may be shared between goroutines.
var sessionTurns = turnTable{turns: make(map[string]*turn)}

type turnTable struct {
	// mu guards the fields below, and the users of each turn.
	mu    sync.Mutex
	turns map[string]*turn // by the session's id; those that have users
}

// turn is whose turn it is to use one session.
type turn struct {
	id string
	// taken has room for one: who sends it has the session, and receives it when it is done.
	taken chan struct{}
	// holder is the flight that has the session; nil between two of them.
	holder atomic.Pointer[flight]
	// flights counts the holder and the flights inside it that use the session with it.
	flights atomic.Int32
	// users counts the holder and those who wait.
	users atomic.Int32
}

// enter counts one more user of the session.
func (t *turnTable) enter(session *mongo.Session) *turn {
	id := string(session.ID())
	t.mu.Lock()
	defer t.mu.Unlock()
	of := t.turns[id]
	if of == nil {
		of = &turn{id: id, taken: make(chan struct{}, 1)}
		t.turns[id] = of
	}
	of.users.Add(1)
	return of
}

// leave counts one user less.
func (t *turnTable) leave(of *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if of.users.Add(-1) == 0 {
		delete(t.turns, of.id)
	}
}

// takeTurn waits until no other flight uses the session in ctx, if there is one, and has it until the
// flight ends. The session may be the outer flight's, of whose operation this one then is a part: nobody
// else has the session before both have ended.
func (f *flight) takeTurn(ctx context.Context) error {
	session := mongo.SessionFromContext(ctx)
	if session == nil || f.over() {
		return nil
	}
	t := sessionTurns.enter(session)
	for g := f; g != nil; g = g.outer {
		if g.shares(t, g != f) {
			sessionTurns.leave(t)
			if g != f {
				f.inline()
				f.keepTurn(t)
			}
			return nil
		}
	}
	select {
	case t.taken <- struct{}{}:
	default:
		// What the holder has not sent yet may be held, and this one must not wait for itself. A holder
		// that posts later sees that the session is awaited.
		if holder := t.holder.Load(); holder != nil {
			holder.urge(ctx)
		}
		select {
		case t.taken <- struct{}{}:
		case <-ctx.Done():
			sessionTurns.leave(t)
			return ctx.Err()
		}
	}
	t.holder.Store(f)
	t.flights.Store(1)
	f.keepTurn(t)
	return nil
}

// keepTurn has the flight pass the turn on when it ends.
func (f *flight) keepTurn(t *turn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended { // the operation has left a goroutine behind
		t.pass()
		return
	}
	f.turns = append(f.turns, t)
}

// shares tells whether the flight has the turn, and counts one more that has it where that is asked for:
// the flight may end before the one inside it does.
func (f *flight) shares(t *turn, more bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	has := slices.Contains(f.turns, t)
	if has && more {
		t.flights.Add(1)
	}
	return has
}

// awaited tells whether another flight waits for a session of this one.
func (f *flight) awaited() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range f.turns {
		if t.users.Load() > 1 {
			return true
		}
	}
	return false
}

// passTurns lets others have the sessions of the flight, which has ended.
func (f *flight) passTurns() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	for _, t := range f.turns {
		t.pass()
	}
	f.turns = nil
}

// pass is called by each that has the session: behind the last one, the next has it.
func (t *turn) pass() {
	if t.flights.Add(-1) > 0 {
		return
	}
	t.holder.Store(nil)
	<-t.taken
	sessionTurns.leave(t)
}
