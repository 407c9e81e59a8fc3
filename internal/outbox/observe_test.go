package outbox

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mongo-monorail/monorail/internal/wiretest"
)

// told is what Config.Wrote was called with.
type told struct{ messages, bytes int }

// TestWroteTellsEachWriteCall: how many messages and bytes leave in each.
func TestWroteTellsEachWriteCall(t *testing.T) {
	conn := &sliceConn{}
	var calls []told
	o := New(conn, Config{Limit: 1 << 20, Resumable: true, Failed: func(error) {}, Wrote: func(messages, bytes int, took time.Duration) {
		calls = append(calls, told{messages, bytes})
	}})
	hold(t, o, 1, 2)
	if len(calls) != 0 {
		t.Errorf("a message that is held is told as written: %v", calls)
	}
	send(t, o, 3)
	hold(t, o, 4)
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(calls) != 2 || calls[0] != (told{3, 3 * size}) || calls[1] != (told{1, size}) {
		t.Errorf("told %v, want 3 messages and then 1 of %d bytes", calls, size)
	}
	if n := o.Written(); n != 4*size {
		t.Errorf("Written is %d, want %d", n, 4*size)
	}

	// What was cut off is counted in bytes alone.
	conn.fails = size + 5
	hold(t, o, 5, 6)
	if err := o.Flush(t.Context()); !errors.Is(err, errEnded) {
		t.Fatalf("a failed write gives %v", err)
	}
	if last := calls[len(calls)-1]; len(calls) != 3 || last != (told{1, size + 5}) {
		t.Errorf("of two messages cut off in the second, told %v", last)
	}
}

// TestTimerWroteIsToldWithoutTheLock: the function may use the outbox, after a failure too.
func TestTimerWroteIsToldWithoutTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := &sliceConn{}
		calls, failed := 0, 0
		var o *Outbox
		o = New(conn, Config{Limit: 1 << 20, Interval: time.Millisecond, Resumable: true,
			Failed: func(error) { failed++ },
			TimerWrote: func() {
				calls++
				_ = o.Flush(context.Background())
			}})
		hold(t, o, 1)
		time.Sleep(time.Second)
		synctest.Wait()
		if calls != 1 || o.Held() != 0 {
			t.Errorf("the timer told %d times, %d bytes are held", calls, o.Held())
		}
		conn.fails = 3
		hold(t, o, 2)
		time.Sleep(time.Second)
		synctest.Wait()
		if calls != 2 || failed != 1 {
			t.Errorf("after a failure the timer told %d times, want 2; %d failures", calls, failed)
		}
	})
}

// sliceConn takes everything, or fails after so many bytes.
type sliceConn struct{ fails int }

func (c *sliceConn) Write(b []byte) (int, error) {
	if c.fails > 0 && c.fails < len(b) {
		return c.fails, errEnded
	}
	return len(b), nil
}

func (c *sliceConn) SetWriteDeadline(time.Time) error { return nil }

// TestNobodyToldCostsNothing: without Wrote, a message that is sent allocates nothing.
func TestNobodyToldCostsNothing(t *testing.T) {
	o := New(&sliceConn{}, Config{Limit: 1 << 20, Resumable: true})
	message, ctx := wiretest.Request(1, 10), context.Background()
	if n := testing.AllocsPerRun(1000, func() {
		if err := o.Hold(ctx, message); err != nil {
			t.Fatal(err)
		}
		if _, err := o.Send(ctx, message); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
