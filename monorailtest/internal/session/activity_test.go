package session

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestUnusedSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended []string
		a := NewActivity(func(id string) { ended = append(ended, id) })
		defer a.Close()
		touch := func(id string) { a.Touch([]byte(id), func() string { return "session " + id }) }
		for _, id := range []string{"idle", "used", "left"} {
			touch(id)
		}
		time.Sleep(Timeout - sweepInterval)
		synctest.Wait()
		touch("used")
		a.Forget([]byte("left"))
		if len(ended) != 0 || a.Len() != 2 {
			t.Errorf("ended %v early, %d sessions", ended, a.Len())
		}
		time.Sleep(2 * sweepInterval)
		synctest.Wait()
		if !slices.Equal(ended, []string{"session idle"}) || a.Len() != 1 {
			t.Errorf("ended %v, %d sessions", ended, a.Len())
		}
		time.Sleep(Timeout)
		synctest.Wait()
		if len(ended) != 2 || a.Len() != 0 {
			t.Errorf("ended %v, %d sessions", ended, a.Len())
		}
		touch("again")
		time.Sleep(Timeout + sweepInterval)
		synctest.Wait()
		if len(ended) != 3 {
			t.Errorf("ended %v after a time without sessions", ended)
		}
	})
}

func TestAClosedActivityRemembersNothing(t *testing.T) {
	a := NewActivity(func(string) { t.Error("a session ended") })
	a.Touch([]byte("a"), func() string { return "a" })
	a.Close()
	a.Touch([]byte("b"), func() string { return "b" })
	if a.Len() != 0 {
		t.Errorf("%d sessions", a.Len())
	}
}
