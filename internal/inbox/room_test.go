package inbox

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mongo-monorail/monorail/internal/wiretest"
)

// reserve returns a waiter that was granted room at once.
func reserve(t testing.TB, in *Inbox, id int32, size int, limit Limit) *Waiter {
	t.Helper()
	w, granted := in.Reserve(id, size, limit, nil, 0)
	if !granted {
		t.Fatalf("no room for request %d of %d bytes, %d are outstanding", id, size, in.Outstanding())
	}
	return w
}

// queue begins to wait for room, and returns a channel that gets what came of it.
func queue(t testing.TB, in *Inbox, ctx context.Context, id int32, size int, limit Limit) (*Waiter, <-chan error) {
	t.Helper()
	w, granted := in.Reserve(id, size, limit, nil, 0)
	if granted {
		t.Fatalf("room for request %d of %d bytes, %d are outstanding", id, size, in.Outstanding())
	}
	got := make(chan error, 1) // the goroutine sends once
	go func() { got <- in.AwaitRoom(ctx, w) }()
	synctest.Wait()
	return w, got
}

// waits fails the test if something has come.
func waits(t testing.TB, name string, got <-chan error) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-got:
		t.Errorf("%s does not wait: %v", name, err)
	default:
	}
}

// has fails the test unless there is room.
func has(t testing.TB, name string, got <-chan error) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-got:
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	default:
		t.Fatalf("%s still waits", name)
	}
}

// TestRoom: requests wait in line for replies that are outstanding, but not for those of others that
// stand in no line, and each reads for everybody meanwhile.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := wiretest.Pipe(t)
		in := newInbox(conn)
		limit := Limit{Replies: 2}
		other, another := in.Expect(1, nil, 0), in.Expect(5, nil, 0)
		zeroth := reserve(t, in, 0, 10, limit)
		first := reserve(t, in, 2, 10, limit)
		_, second := queue(t, in, t.Context(), 3, 10, limit)
		_, third := queue(t, in, t.Context(), 4, 10, limit)
		if !in.InLine() || in.Outstanding() != 4 {
			t.Errorf("InLine %t, %d outstanding, want 4", in.InLine(), in.Outstanding())
		}
		peer.Go(func() { peer.Reply(1, 0) })
		waits(t, "the second", second)
		peer.Go(func() { peer.Reply(0, 0) })
		has(t, "the second", second)
		waits(t, "the third", third)
		in.Abandon(first) // its reply is still to come
		waits(t, "the third", third)
		peer.Go(func() { peer.Reply(2, 0) })
		has(t, "the third", third)
		reply, err := in.Wait(t.Context(), other)
		checkReply(t, reply, err, 1)
		reply, err = in.Wait(t.Context(), zeroth)
		checkReply(t, reply, err, 0)
		if in.InLine() || in.Outstanding() != 3 {
			t.Errorf("InLine %t, %d outstanding, want the second, the third and another", in.InLine(), in.Outstanding())
		}
		in.Cancel(another)
	})
}

// TestRoomInBytes: a long request waits until nothing else is outstanding, and short ones behind it wait
// for their turn.
func TestRoomInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := wiretest.Pipe(t)
		in := newInbox(conn)
		limit := Limit{Bytes: 100}
		small := reserve(t, in, 1, 40, limit)
		exact := reserve(t, in, 2, 60, limit)
		long, hasLong := queue(t, in, t.Context(), 3, 1000, limit)
		short, hasShort := queue(t, in, t.Context(), 4, 1, limit)
		in.Cancel(exact)
		waits(t, "the long one", hasLong)
		waits(t, "the short one, which would fit", hasShort)
		peer.Go(func() { peer.Reply(1, 0) })
		has(t, "the long one", hasLong)
		waits(t, "the short one", hasShort)
		reply, err := in.Wait(t.Context(), small)
		checkReply(t, reply, err, 1)
		in.Cancel(long)
		has(t, "the short one", hasShort)
		in.Cancel(short)
		if in.bytes != 0 || !in.Close(errEnded) {
			t.Errorf("%d bytes outstanding at the end, and not clean", in.bytes)
		}
	})
}

// TestRoomIsNotWaitedForLonger: those who give up leave the line to those behind them.
func TestRoomIsNotWaitedForLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, _ := wiretest.Pipe(t)
		in := newInbox(conn)
		limit := Limit{Replies: 3, Bytes: 100}
		first := reserve(t, in, 1, 50, limit)
		ctx, cancel := context.WithCancel(t.Context())
		_, long := queue(t, in, ctx, 2, 60, limit)
		short, hasShort := queue(t, in, t.Context(), 3, 50, limit)
		drained := make(chan error, 1) // the goroutine sends once
		go func() { drained <- in.Drain(t.Context()) }()
		waits(t, "the short one", hasShort)
		cancel()
		synctest.Wait()
		if err := <-long; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want the context's", err)
		}
		has(t, "the short one", hasShort)
		waits(t, "Drain", drained)
		_, last := queue(t, in, t.Context(), 4, 1, limit)
		in.Cancel(first)
		has(t, "the last one", last)
		in.Cancel(short)
		waits(t, "Drain", drained)
		in.Fail(errEnded)
		_ = conn.Close() // somebody reads
		if err := <-drained; !errors.Is(err, errEnded) {
			t.Errorf("error %v, want that of the inbox", err)
		}
		w, granted := in.Reserve(5, 1000, limit, nil, 0)
		if granted {
			t.Error("granted more than the limit")
		}
		if err := in.AwaitRoom(t.Context(), w); !errors.Is(err, errEnded) {
			t.Errorf("error %v, want that of the inbox", err)
		}
	})
}

// TestRoomWithoutAReply: a request that was not sent leaves room to one who is blocked in a read in which
// nothing comes.
func TestRoomWithoutAReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := wiretest.Pipe(t)
		in := newInbox(conn)
		first := reserve(t, in, 1, 10, Limit{Replies: 1})
		second, hasSecond := queue(t, in, t.Context(), 2, 10, Limit{Replies: 1})
		in.Cancel(first)
		has(t, "the second", hasSecond)
		drained := make(chan error, 1) // the goroutine sends once
		go func() { drained <- in.Drain(t.Context()) }()
		waits(t, "Drain", drained)
		in.Cancel(second)
		has(t, "Drain", drained)
		w := in.Expect(3, nil, 0)
		peer.Go(func() { peer.Reply(3, 0) })
		reply, err := in.Wait(t.Context(), w)
		checkReply(t, reply, err, 3)
	})
}

// TestDrainWaitsForTheReader: who gave the last reply away may still have the baton, and a connection
// that is closed then is not clean.
func TestDrainWaitsForTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := wiretest.Pipe(t)
		in := newInbox(conn)
		last := in.Expect(1, nil, 0)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		pumped := make(chan error, 1) // the goroutine sends once
		go func() { pumped <- in.Pump(ctx) }()
		synctest.Wait()                // it reads
		drained := make(chan error, 1) // the goroutine sends once
		go func() { drained <- in.Drain(t.Context()) }()
		peer.Go(func() { peer.Reply(1, 0) })
		reply, err := in.Wait(t.Context(), last)
		checkReply(t, reply, err, 1)
		waits(t, "Drain", drained)
		if in.Quiet() {
			t.Error("quiet while somebody reads")
		}
		short, cancelShort := context.WithTimeout(t.Context(), time.Second)
		defer cancelShort()
		if err := in.Drain(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Drain gives %v while somebody reads, want its context's error", err)
		}
		cancel()
		has(t, "Drain", drained)
		if !in.Quiet() || !in.Close(errEnded) {
			t.Error("not clean behind Drain")
		}
		if err := <-pumped; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// TestWhatCameTogetherIsGivenTogether: who has read several replies in one call gives them all away
// before the baton, and nobody has to be woken to look at what is there.
func TestWhatCameTogetherIsGivenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := wiretest.Pipe(t)
		in := newInbox(conn)
		first, second, third := in.Expect(1, nil, 0), in.Expect(2, nil, 0), in.Expect(3, nil, 0)
		stream := append(wiretest.Reply(1, 10), append(wiretest.Reply(2, 10), wiretest.Reply(3, 10)...)...)
		peer.Go(func() { peer.Write(stream[:len(stream)-1]) })
		reply, err := in.Wait(t.Context(), first)
		checkReply(t, reply, err, 1)
		if !second.delivered || third.delivered {
			t.Errorf("the second %t, the third %t, want what was whole", second.delivered, third.delivered)
		}
		peer.Go(func() { peer.Write(stream[len(stream)-1:]) })
		for i, w := range []*Waiter{second, third} {
			reply, err := in.Wait(t.Context(), w)
			checkReply(t, reply, err, int32(2+i))
		}
	})
}

// TestNobodyReadsForOthersForLong: a reader reads what comes before its own reply, and no more, and one who
// waits for room leaves with it, not with what it will be followed by.
func TestNobodyReadsForOthersForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := wiretest.Pipe(t)
		in := newInbox(conn)
		limit := Limit{Replies: 4}
		first, second := reserve(t, in, 1, 10, limit), reserve(t, in, 2, 10, limit)
		third, fourth := reserve(t, in, 3, 10, limit), reserve(t, in, 4, 10, limit)
		peer.Go(func() {
			for id := range int32(5) {
				peer.Reply(1+id, 0) // blocks until somebody reads
			}
		})
		reply, err := in.Wait(t.Context(), second)
		checkReply(t, reply, err, 2)
		synctest.Wait()
		if !first.delivered || third.delivered || in.reading {
			t.Errorf("the first %t, the third %t, reading %t: want what came before", first.delivered, third.delivered, in.reading)
		}
		room := func(id int32) *Waiter {
			w, granted := in.Reserve(id, 10, limit, nil, 0)
			if granted {
				return w
			}
			if err := in.AwaitRoom(t.Context(), w); err != nil {
				t.Error(err)
			}
			return w
		}
		fifth := room(5)
		room(6)
		if third.delivered {
			t.Error("read for others, although there was room")
		}
		room(7)
		synctest.Wait()
		if !third.delivered || fourth.delivered || in.reading {
			t.Errorf("the third %t, the fourth %t, reading %t: want the third, which made room", third.delivered, fourth.delivered, in.reading)
		}
		reply, err = in.Wait(t.Context(), fifth)
		checkReply(t, reply, err, 5)
	})
}

// TestRandomRoom has many wait for room, and give up at random moments: the limit holds, and nobody
// waits for ever.
func TestRandomRoom(t *testing.T) {
	conn, peer := wiretest.Loopback(t)
	in := newInbox(conn)
	limit := Limit{Replies: 4, Bytes: 400}
	requests := make(chan int32, 4) // callers send, the peer receives; closed when all have ended
	peer.Go(func() {
		for id := range requests {
			if !peer.Reply(id, int(id)%100) {
				return
			}
		}
	})
	var callers sync.WaitGroup
	for caller := range int32(16) {
		callers.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(caller)))
			for i := range int32(200) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(300))*time.Microsecond)
				id := caller*1000 + i
				w, granted := in.Reserve(id, 1+random.IntN(200), limit, nil, 0)
				if !granted && in.AwaitRoom(ctx, w) != nil {
					cancel()
					continue
				}
				in.mu.Lock()
				replies, bytes := in.reserved, in.bytes
				in.mu.Unlock()
				if replies > limit.Replies || bytes > limit.Bytes {
					t.Errorf("%d replies to %d bytes are outstanding, want at most %+v", replies, bytes, limit)
				}
				requests <- id
				if reply, err := in.Wait(ctx, w); err == nil {
					checkReply(t, reply, err, id)
				}
				cancel()
			}
		})
	}
	callers.Wait()
	close(requests)
	if err := in.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	if in.InLine() || in.bytes != 0 || in.reserved != 0 || !in.Close(errEnded) {
		t.Errorf("InLine %t, %d replies to %d bytes outstanding, or not clean at the end", in.InLine(), in.reserved, in.bytes)
	}
}
