package outbox

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mongo-monorail/monorail/internal/wiretest"
)

var errEnded = errors.New("ended")

const size = wiretest.Overhead + 10

func message(id int32) []byte { return wiretest.Request(id, 10) }

func hold(t testing.TB, o *Outbox, ids ...int32) {
	t.Helper()
	for _, id := range ids {
		if err := o.Hold(t.Context(), message(id)); err != nil {
			t.Fatal(err)
		}
	}
}

func send(t testing.TB, o *Outbox, id int32) {
	t.Helper()
	if _, err := o.Send(t.Context(), message(id)); err != nil {
		t.Fatal(err)
	}
}

func receive(t testing.TB, peer *wiretest.Peer, ids ...int32) {
	t.Helper()
	for _, id := range ids {
		if got := peer.ReceiveID(); got != id {
			t.Errorf("received %d, want %d", got, id)
		}
	}
}

func wantWrites(t testing.TB, conn *wiretest.Conn, sizes ...int) {
	t.Helper()
	if got := conn.Writes(); !slices.Equal(got, sizes) {
		t.Errorf("write calls of %d bytes, want %d", got, sizes)
	}
}

func newOutbox(conn Conn, cfg Config) *Outbox {
	if cfg.Limit == 0 {
		cfg.Limit = 1 << 15
	}
	if cfg.Failed == nil {
		cfg.Failed = func(error) {}
	}
	return New(conn, cfg)
}

func TestHeldMessagesLeaveWithTheNextSend(t *testing.T) {
	conn, peer := wiretest.Loopback(t)
	o := newOutbox(conn, Config{Resumable: true})
	hold(t, o, 1, 2, 3)
	if o.Held() != 3*size {
		t.Errorf("%d bytes held, want %d", o.Held(), 3*size)
	}
	wantWrites(t, conn)
	send(t, o, 4)
	receive(t, peer, 1, 2, 3, 4)
	wantWrites(t, conn, 4*size)
	if !o.Close(errEnded) {
		t.Error("not clean after everything has left")
	}
}

func TestHeldMessagesLeaveAtTheLimitAndAtFlush(t *testing.T) {
	conn, peer := wiretest.Loopback(t)
	o := newOutbox(conn, Config{Resumable: true, Limit: 2 * size})
	hold(t, o, 1, 2, 3)
	wantWrites(t, conn, 2*size)
	for range 2 {
		if err := o.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	wantWrites(t, conn, 2*size, size)
	receive(t, peer, 1, 2, 3)
}

func TestHeldMessagesLeaveAtTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := wiretest.Pipe(t)
		o := newOutbox(conn, Config{Resumable: true, Interval: time.Second})
		var received atomic.Int32
		peer.Go(func() {
			for peer.ReceiveID() != 0 {
				received.Add(1)
			}
		})
		hold(t, o, 1)
		time.Sleep(time.Second / 2)
		hold(t, o, 2)
		time.Sleep(time.Second/2 - time.Nanosecond)
		synctest.Wait()
		wantWrites(t, conn)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		wantWrites(t, conn, 2*size)
		hold(t, o, 3)
		send(t, o, 4) // disarms the timer
		time.Sleep(time.Hour)
		synctest.Wait()
		wantWrites(t, conn, 2*size, 2*size)
		if received.Load() != 4 {
			t.Errorf("%d messages received, want 4", received.Load())
		}
	})
}

func TestSendWhileAnotherWritesLeavesWithThatWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := wiretest.Pipe(t)
		o := newOutbox(conn, Config{Resumable: true})
		release := conn.HoldWrites()
		var writer sync.WaitGroup
		writer.Go(func() { send(t, o, 1) })
		synctest.Wait()
		hold(t, o, 2)
		send(t, o, 3)
		release()
		receive(t, peer, 1, 2, 3)
		writer.Wait()
		wantWrites(t, conn, size, 2*size)
	})
}

// An interruption between two messages breaks nothing: the rest leaves without the caller, whose own
// message is taken back.
func TestContextEndsBetweenMessages(t *testing.T) {
	for name, interval := range map[string]time.Duration{"no timer": 0, "timer": time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, peer := wiretest.Pipe(t)
				o := newOutbox(conn, Config{Resumable: true, Interval: interval})
				hold(t, o, 1, 2)
				peer.Go(func() { receive(t, peer, 1) })
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				queued, err := o.Send(ctx, message(3))
				if queued || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("queued %t, error %v: want the message taken back and the context's error", queued, err)
				}
				start := time.Now()
				receive(t, peer, 2)
				var sender sync.WaitGroup
				sender.Go(func() { send(t, o, 4) })
				receive(t, peer, 4)
				sender.Wait()
				if waited := time.Since(start); waited > time.Second {
					t.Errorf("the rest left after %v", waited)
				}
			})
		})
	}
}

// What others send during a write that is interrupted does not wait for the interval.
func TestInterruptedWriterLeavesOthersBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := wiretest.Pipe(t)
		o := newOutbox(conn, Config{Resumable: true, Interval: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		var writer sync.WaitGroup
		writer.Go(func() {
			if queued, err := o.Send(ctx, message(1)); !queued || !errors.Is(err, context.Canceled) {
				t.Errorf("queued %t, error %v: want true and the context's error", queued, err)
			}
		})
		time.Sleep(time.Second)
		hold(t, o, 2) // arms the timer
		send(t, o, 3)
		cancel()
		writer.Wait()
		start := time.Now()
		receive(t, peer, 1, 2, 3)
		if waited := time.Since(start); waited >= time.Hour {
			t.Errorf("a message that somebody waits for left after %v", waited)
		}
	})
}

// A flush that waits for a message which is then taken back ends, and writes nothing.
func TestFlushOfAMessageThatWasTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, _ := wiretest.Pipe(t)
		o := newOutbox(conn, Config{Resumable: true})
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() {
			if queued, err := o.Send(ctx, message(1)); queued || err == nil {
				t.Errorf("queued %t, error %v: want the message taken back", queued, err)
			}
		})
		time.Sleep(time.Second)
		flushCtx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		done.Go(func() {
			if err := o.Flush(flushCtx); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		cancel()
		done.Wait()
		if n := o.WriteCalls(); n != 1 {
			t.Errorf("%d write calls, want 1", n)
		}
	})
}

func TestContextEndsInsideAMessage(t *testing.T) {
	for name, resumable := range map[string]bool{"resumable": true, "not resumable": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, peer := wiretest.Pipe(t)
				var told atomic.Bool
				o := newOutbox(conn, Config{Resumable: resumable, Failed: func(error) { told.Store(true) }})
				taken := size / 2
				if !resumable {
					taken = size // at a boundary, and spoilt all the same
				}
				hold(t, o, 1)
				peer.Go(func() { peer.ReadBytes(taken) })
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				queued, err := o.Send(ctx, message(2))
				if !queued || !errors.Is(err, ErrInterrupted) || !errors.Is(err, context.DeadlineExceeded) || !told.Load() {
					t.Errorf("queued %t, error %v, told %t: want a failure that was told", queued, err, told.Load())
				}
				if err := o.Hold(t.Context(), message(3)); !errors.Is(err, ErrInterrupted) {
					t.Errorf("error %v after a failure, want the same", err)
				}
			})
		})
	}
}

// TestContextEndsOfAWriteThatIsNotBlocked: a connection that is not resumable outlives the end of a context
// whose write the peer takes.
func TestContextEndsOfAWriteThatIsNotBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := wiretest.Pipe(t)
		o := newOutbox(conn, Config{Failed: func(err error) { t.Error(err) }})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		peer.Go(func() {
			time.Sleep(blockedAfter / 2)
			peer.ReadBytes(2 * size)
		})
		hold(t, o, 1)
		if queued, err := o.Send(ctx, message(2)); !queued || err != nil {
			t.Errorf("queued %t, error %v, want a message that was sent", queued, err)
		}
	})
}

func TestFailureStays(t *testing.T) {
	errFault := errors.New("fault")
	conn, peer := wiretest.Loopback(t)
	peer.Go(func() { peer.ReadBytes(7) })
	var failures atomic.Int32
	o := newOutbox(conn, Config{Resumable: true, Failed: func(error) { failures.Add(1) }})
	conn.FailWrite(1, 7, errFault)
	for range 2 {
		if _, err := o.Send(t.Context(), message(1)); !errors.Is(err, errFault) || failures.Load() != 1 {
			t.Errorf("error %v, %d failures told: want %v, 1", err, failures.Load(), errFault)
		}
	}
	if err := o.Flush(t.Context()); !errors.Is(err, errFault) {
		t.Errorf("flush: error %v, want %v", err, errFault)
	}
	if o.Close(errEnded) || o.Held() != 0 {
		t.Error("clean, or something held, after a failure")
	}
}

func TestBlockedWriteLetsOthersReadOnce(t *testing.T) {
	for name, resumable := range map[string]bool{"resumable": true, "not resumable": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, peer := wiretest.Pipe(t)
				var blocked, released atomic.Int32
				o := newOutbox(conn, Config{Resumable: resumable, Blocked: func() func() {
					blocked.Add(1)
					return func() { released.Add(1) }
				}})
				peer.Go(func() {
					receive(t, peer, 1)
					time.Sleep(time.Second)
					receive(t, peer, 2)
				})
				send(t, o, 1)
				if blocked.Load() != 0 {
					t.Error("Blocked was called for a write that was not")
				}
				send(t, o, 2)
				if blocked.Load() != 1 || released.Load() != 1 {
					t.Errorf("blocked %d times, released %d times: want 1, 1", blocked.Load(), released.Load())
				}
			})
		})
	}
}

// Each goroutine's own order is kept, and nothing is left behind when the last one has returned.
func TestOrderOfManyGoroutines(t *testing.T) {
	const senders, messages = 16, 100
	conn, peer := wiretest.Loopback(t)
	o := newOutbox(conn, Config{Resumable: true, Limit: 20 * size})
	received := make(chan struct{}) // closed by the peer's goroutine at its end
	peer.Go(func() {
		defer close(received)
		var last [senders]int32
		for range senders * messages {
			id := peer.ReceiveID()
			sender, n := id/1000, id%1000
			if n != last[sender]+1 {
				t.Errorf("sender %d: message %d after %d", sender, n, last[sender])
			}
			last[sender] = n
		}
	})
	var done sync.WaitGroup
	for sender := range int32(senders) {
		done.Go(func() {
			for n := range int32(messages) {
				m := message(sender*1000 + n + 1)
				var err error
				if n%2 == 0 {
					err = o.Hold(t.Context(), m)
				} else {
					_, err = o.Send(t.Context(), m)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	done.Wait()
	<-received
	if !o.Close(errEnded) {
		t.Error("not clean at the end")
	}
}
