package monorail

import (
	"errors"
	"testing"
	"testing/synctest"
)

// TestFailWaitsForTheFirstFailure has two goroutines meet the failure of one connection: the second may
// tell an operation of it only when the request is known to be broken.
func TestFailWaitsForTheFirstFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pin{known: make(chan struct{})}
		p.leave(pinBroken) // by a goroutine that goes on with fail below
		returned := false
		go func() {
			p.fail(errors.New("another failure"))
			returned = true
		}()
		synctest.Wait()
		if returned {
			t.Error("fail returns before the break is known")
		}
		close(p.known)
		synctest.Wait()
		if !returned {
			t.Error("fail does not return when the break is known")
		}
	})
}

// TestFailOfAReleasedConnectionDoesNothing: nobody will make its failure known.
func TestFailOfAReleasedConnectionDoesNothing(t *testing.T) {
	p := &pin{known: make(chan struct{})}
	p.leave(pinReleased)
	p.fail(errors.New("a failure"))
	if got := pinState(p.state.Load()); got != pinReleased {
		t.Errorf("the state is %d, want %d", got, pinReleased)
	}
}
