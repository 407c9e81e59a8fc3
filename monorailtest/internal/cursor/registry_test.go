package cursor

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"go.mongodb.org/mongo-driver/bson"
)

// closing is a source that counts how often it was closed.
type closing struct {
	mu     sync.Mutex // guards closed
	closed int
}

func (c *closing) Next(int, int) ([]bson.Raw, bool, error) { return nil, false, nil }

func (c *closing) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed++
}

func (c *closing) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

func code(err error) int32 {
	var e *mongoerror.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

func TestOneGetMoreAtATime(t *testing.T) {
	g := NewRegistry()
	defer g.Close()
	src := &closing{}
	id := g.Open(src, Options{Namespace: "a.b", NoTimeout: true})
	if id <= 0 {
		t.Fatalf("id %d", id)
	}
	c, err := g.CheckOut(id, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.CheckOut(id, 0); code(err) != codeCursorInUse {
		t.Errorf("a second user: %v", err)
	}
	if !g.CheckIn(c, false) || src.count() != 0 {
		t.Error("the cursor ended with its first use")
	}
	if c, err = g.CheckOut(id, 0); err != nil {
		t.Fatal(err)
	}
	if g.CheckIn(c, true) || src.count() != 1 || g.Len() != 0 {
		t.Errorf("done: closed %d times, %d open", src.count(), g.Len())
	}
	if _, err := g.CheckOut(id, 0); code(err) != codeCursorNotFound {
		t.Errorf("after the end: %v", err)
	}
}

func TestKill(t *testing.T) {
	g := NewRegistry()
	idle, used, session := &closing{}, &closing{}, &closing{}
	idleID := g.Open(idle, Options{})
	usedID := g.Open(used, Options{})
	g.Open(session, Options{Session: "s"})
	c, err := g.CheckOut(usedID, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !g.Kill(idleID, 0) || g.Kill(idleID, 0) || idle.count() != 1 {
		t.Errorf("idle cursor closed %d times", idle.count())
	}
	if !g.Kill(usedID, 0) || used.count() != 0 {
		t.Errorf("a cursor in use was closed %d times under its user", used.count())
	}
	if g.CheckIn(c, false) || used.count() != 1 {
		t.Errorf("killed cursor given back: closed %d times", used.count())
	}
	g.KillSession("other")
	if session.count() != 0 {
		t.Error("another session's cursor was killed")
	}
	g.KillSession("s")
	if session.count() != 1 || g.Len() != 0 {
		t.Errorf("closed %d times, %d open", session.count(), g.Len())
	}
	g.Close()
	late := &closing{}
	if id := g.Open(late, Options{}); id != 0 || late.count() != 1 {
		t.Errorf("opened %d after Close, closed %d times", id, late.count())
	}
}

func TestIdleCursorsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewRegistry()
		defer g.Close()
		src, kept := &closing{}, &closing{}
		id := g.Open(src, Options{})
		g.Open(kept, Options{NoTimeout: true})
		time.Sleep(IdleTimeout - time.Second)
		synctest.Wait()
		c, err := g.CheckOut(id, 0)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * IdleTimeout) // a cursor in use is not idle
		synctest.Wait()
		if !g.CheckIn(c, false) {
			t.Fatal("ended while in use")
		}
		time.Sleep(IdleTimeout - time.Second)
		synctest.Wait()
		if src.count() != 0 {
			t.Fatal("ended early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if src.count() != 1 || kept.count() != 0 {
			t.Errorf("closed %d and %d times, want 1 and 0", src.count(), kept.count())
		}
		if _, err := g.CheckOut(id, 0); code(err) != codeCursorNotFound {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestKilledTellsWhoeverHasTheCursor(t *testing.T) {
	g := NewRegistry()
	defer g.Close()
	c, err := g.CheckOut(g.Open(&closing{}, Options{}), 0)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.Killed():
		t.Fatal("killed before it was")
	default:
	}
	for range 2 {
		if !g.Kill(c.ID, 0) {
			t.Error("the cursor is not there")
		}
	}
	<-c.Killed()
	if g.CheckIn(c, false) {
		t.Error("the cursor is open behind a kill")
	}
}
