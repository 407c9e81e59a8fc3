package inbox

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mongo-monorail/monorail/internal/wiretest"
)

var errEnded = errors.New("ended")

func newInbox(conn Conn) *Inbox { return New(conn, 1<<24, func(error) {}) }

// checkReply fails the test unless reply is whole and answers id.
func checkReply(t testing.TB, reply []byte, err error, id int32) {
	t.Helper()
	if err != nil {
		t.Errorf("reply to %d: %v", id, err)
		return
	}
	if err := wiretest.Check(reply); err != nil {
		t.Error(err)
	}
	if got := wiretest.ResponseTo(reply); got != id {
		t.Errorf("reply to %d, want %d", got, id)
	}
}

func TestRepliesAreMatchedInAnyOrderAndAnySplit(t *testing.T) {
	for name, size := range map[string]int{"byte by byte": 1, "in sevens": 7, "at once": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			conn, peer := wiretest.Pipe(t)
			in := newInbox(conn)
			var stream []byte
			for _, id := range []int32{3, 99, 1, 2} { // nobody asked for 99
				stream = append(stream, wiretest.Reply(id, int(id)*30)...)
			}
			stream = append(stream, wiretest.Reply(4, 3*bufferSize)...)
			peer.Go(func() { peer.WritePieces(stream, size) })
			var waiters []*Waiter
			for id := range int32(4) {
				waiters = append(waiters, in.Expect(id+1, nil, 0))
			}
			for i, w := range waiters {
				reply, err := in.Wait(t.Context(), w)
				checkReply(t, reply, err, int32(i+1))
			}
			if n := in.Outstanding(); n != 0 {
				t.Errorf("%d outstanding after every reply was read, want 0", n)
			}
		})
	}
}

type marks struct{ last atomic.Int64 }

func (m *marks) Processed(mark int64) { m.last.Store(mark) }

// A reader that leaves in the middle of a message leaves its part to the next one, and the late
// reply still tells of the position.
func TestCancelledReaderLeavesAPartialMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := wiretest.Pipe(t)
		in := newInbox(conn)
		var position marks
		late, next := in.Expect(1, &position, 42), in.Expect(2, nil, 0)
		reply := wiretest.Reply(1, 100)
		peer.Go(func() { peer.Write(reply[:50]) })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := in.Wait(ctx, late); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the context's", err)
		}
		if in.Outstanding() != 2 {
			t.Errorf("%d outstanding, want 2", in.Outstanding())
		}
		peer.Go(func() { peer.Write(append(reply[50:], wiretest.Reply(2, 10)...)) })
		got, err := in.Wait(t.Context(), next)
		checkReply(t, got, err, 2)
		if position.last.Load() != 42 {
			t.Errorf("position %d, want 42: a late reply tells of it too", position.last.Load())
		}
		if !in.Close(errEnded) {
			t.Error("not clean at the end")
		}
	})
}

// The baton must go to one who is blocked: the first in the list may not have come to Wait yet.
func TestHandOverSkipsWhoIsNotWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := wiretest.Pipe(t)
		in := newInbox(conn)
		sending, reading, blocked := in.Expect(1, nil, 0), in.Expect(2, nil, 0), in.Expect(3, nil, 0)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var done sync.WaitGroup
		done.Go(func() { _, _ = in.Wait(ctx, reading) })
		synctest.Wait()
		var got atomic.Bool
		done.Go(func() {
			reply, err := in.Wait(t.Context(), blocked)
			checkReply(t, reply, err, 3)
			got.Store(true)
		})
		synctest.Wait()
		cancel()
		synctest.Wait() // the reader has left before the reply comes
		peer.Go(func() { peer.Reply(3, 5) })
		synctest.Wait()
		if !got.Load() {
			t.Error("nobody reads for one who waits, while the first in the list is still sending")
		}
		in.Abandon(sending)
		_ = conn.Close()
		done.Wait()
	})
}

func TestFailureIsToldBeforeAnybodyHears(t *testing.T) {
	bad := wiretest.Reply(1, 0)
	for name, length := range map[string]byte{"too short": 15, "too large": 255} {
		t.Run(name, func(t *testing.T) {
			conn, peer := wiretest.Pipe(t)
			var told atomic.Bool
			in := New(conn, 200, func(error) { told.Store(true) })
			w := in.Expect(1, nil, 0)
			bad := append([]byte{length}, bad[1:]...)
			peer.Go(func() { peer.Write(bad) })
			if _, err := in.Wait(t.Context(), w); err == nil || !told.Load() {
				t.Errorf("error %v, told %t: want an error that was told first", err, told.Load())
			}
			if in.Close(errEnded) {
				t.Error("clean after a failure")
			}
		})
	}
}

func TestFailWakesEveryWaiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, _ := wiretest.Pipe(t)
		in := newInbox(conn)
		var waiting sync.WaitGroup
		for id := range int32(4) {
			w := in.Expect(id+1, nil, 0)
			waiting.Go(func() {
				if _, err := in.Wait(t.Context(), w); !errors.Is(err, errEnded) {
					t.Errorf("error %v, want %v", err, errEnded)
				}
			})
		}
		synctest.Wait()
		in.Fail(errEnded)
		_ = conn.Close()
		waiting.Wait()
		if n := in.Outstanding(); n != 0 {
			t.Errorf("%d outstanding, want 0", n)
		}
	})
}

// 64 callers, a third of whom give up at random: no reply reaches another, and nothing is left.
func TestManyWaitersWithCancellations(t *testing.T) {
	const callers, calls = 64, 50
	conn, peer := wiretest.Loopback(t)
	in := newInbox(conn)
	peer.Go(func() {
		peer.Serve(func(request []byte) []byte { return wiretest.Reply(wiretest.ID(request), rand.IntN(300)) })
	})
	var ids atomic.Int32
	var sending sync.Mutex // guards write calls of conn
	var done sync.WaitGroup
	for range callers {
		done.Go(func() {
			for range calls {
				ctx, cancel := context.WithCancel(t.Context())
				if rand.IntN(3) == 0 {
					time.AfterFunc(time.Duration(rand.IntN(200))*time.Microsecond, cancel)
				}
				id := ids.Add(1)
				w := in.Expect(id, nil, 0)
				sending.Lock()
				_, err := conn.Write(wiretest.Request(id, 0))
				sending.Unlock()
				if err != nil {
					t.Error(err)
				}
				reply, err := in.Wait(ctx, w)
				if !errors.Is(err, context.Canceled) {
					checkReply(t, reply, err, id)
				}
				cancel()
			}
		})
	}
	done.Wait()
	if err := in.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	if !in.Close(errEnded) {
		t.Error("not clean at the end")
	}
}

func TestContextThatCannotEndCostsNoWatcher(t *testing.T) {
	conn, peer := wiretest.Pipe(t)
	in := newInbox(conn)
	peer.Go(func() { peer.Reply(1, 0) })
	w := in.Expect(1, nil, 0)
	reply, err := in.Wait(context.Background(), w)
	checkReply(t, reply, err, 1)
	if n := conn.ReadDeadlines(); n != 0 {
		t.Errorf("%d read deadlines were set, want none", n)
	}
	ctx := context.Background()
	if n := testing.AllocsPerRun(100, func() { watch(ctx, conn).end() }); n != 0 {
		t.Errorf("%v allocations for a context that cannot end, want 0", n)
	}
	if n := testing.AllocsPerRun(100, func() { in.Cancel(in.Expect(2, nil, 0)) }); n != 0 {
		t.Errorf("%v allocations for a waiter, want 0", n)
	}
}

// A reply that nobody asked for may be followed by more of them: the next user of the connection
// must not find them.
func TestStrayReplyIsNotClean(t *testing.T) {
	conn, peer := wiretest.Pipe(t)
	in := newInbox(conn)
	w := in.Expect(1, nil, 0)
	peer.Go(func() {
		peer.Reply(77, 0)
		peer.Reply(1, 0)
	})
	reply, err := in.Wait(t.Context(), w)
	checkReply(t, reply, err, 1)
	if in.Close(errors.New("closed")) {
		t.Error("the connection is clean, although it brought a reply that nobody had asked for")
	}
}

// TestProbe looks at the connection only while nobody reads it.
func TestProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := wiretest.Pipe(t)
		in := newInbox(conn)
		if err := in.Probe(func() error { return errEnded }); !errors.Is(err, errEnded) {
			t.Errorf("a probe of an idle inbox gives %v, want what look returns", err)
		}
		never := func() error { t.Error("a probe looked while somebody was reading, or had failed"); return nil }
		w := in.Expect(1, nil, 0)
		got := make(chan error, 1) // the goroutine sends once
		go func() {
			reply, err := in.Wait(t.Context(), w)
			checkReply(t, reply, err, 1)
			got <- err
		}()
		synctest.Wait() // it reads
		if err := in.Probe(never); err != nil {
			t.Error(err)
		}
		peer.Go(func() { peer.WritePieces(wiretest.Reply(1, 30), 1<<20) })
		if err := <-got; err != nil {
			t.Error(err)
		}
		if !in.Close(errEnded) {
			t.Error("an inbox that was probed is not clean")
		}
		if err := in.Probe(never); err != nil {
			t.Errorf("a probe of a closed inbox gives %v", err)
		}
	})
}
