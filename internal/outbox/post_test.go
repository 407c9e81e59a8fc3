package outbox

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mongo-monorail/monorail/internal/wiretest"
)

func post(t testing.TB, o *Outbox, ids ...int32) {
	t.Helper()
	for _, id := range ids {
		if full, err := o.Post(message(id)); err != nil || full {
			t.Fatalf("full %t, %v", full, err)
		}
	}
}

func urge(t testing.TB, o *Outbox) {
	t.Helper()
	if err := o.Urge(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestPostedMessagesLeaveWithOthers(t *testing.T) {
	conn, peer := wiretest.Loopback(t)
	o := newOutbox(conn, Config{Resumable: true, Limit: 4 * size})
	urge(t, o)
	post(t, o, 1)
	hold(t, o, 2)
	post(t, o, 3)
	wantWrites(t, conn)
	urge(t, o)
	wantWrites(t, conn, 3*size)
	post(t, o, 4)
	send(t, o, 5)
	wantWrites(t, conn, 3*size, 2*size)
	post(t, o, 6, 7, 8)
	wantWrites(t, conn, 3*size, 2*size)
	if full, err := o.Post(message(9)); err != nil || !full {
		t.Errorf("full %t at the limit, %v", full, err)
	}
	wantWrites(t, conn, 3*size, 2*size) // Post does no I/O
	urge(t, o)
	wantWrites(t, conn, 3*size, 2*size, 4*size)
	receive(t, peer, 1, 2, 3, 4, 5, 6, 7, 8, 9)
}

func TestPostedMessagesLeaveAtTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := wiretest.Pipe(t)
		o := newOutbox(conn, Config{Interval: time.Second})
		post(t, o, 1, 2)
		began := time.Now()
		receive(t, peer, 1, 2)
		if took := time.Since(began); took != time.Second {
			t.Errorf("it left after %v, want after the interval", took)
		}
	})
}

// TestUrgeDoesNotWaitForTheWriter, which goes on with what is urgent now.
func TestUrgeDoesNotWaitForTheWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := wiretest.Pipe(t)
		o := newOutbox(conn, Config{})
		sent := make(chan error, 1) // the goroutine sends once
		go func() {
			_, err := o.Send(t.Context(), message(1))
			sent <- err
		}()
		synctest.Wait()
		post(t, o, 2)
		urge(t, o)
		receive(t, peer, 1, 2)
		if err := <-sent; err != nil {
			t.Error(err)
		}
		wantWrites(t, conn, size, size)
	})
}

func TestPostOnAFailedOutbox(t *testing.T) {
	o := newOutbox(sink{}, Config{})
	o.Fail(errEnded)
	if full, err := o.Post(message(1)); full || !errors.Is(err, errEnded) || o.Held() != 0 {
		t.Errorf("full %t, %v, %d bytes held", full, err, o.Held())
	}
	if err := o.Urge(t.Context()); !errors.Is(err, errEnded) {
		t.Error(err)
	}
}

// TestCompanyIsLetIn: what others send while the sender lets them run leaves in its write call.
func TestCompanyIsLetIn(t *testing.T) {
	conn, peer := wiretest.Loopback(t)
	company := false
	o := newOutbox(conn, Config{Resumable: true, Company: func() bool { return company }})
	o.yield = func() {
		send(t, o, 2)
		hold(t, o, 3)
	}
	send(t, o, 1)
	wantWrites(t, conn, size)
	company = true
	send(t, o, 1)
	wantWrites(t, conn, size, 3*size)
	receive(t, peer, 1, 1, 2, 3)

	o.yield = func() { o.Fail(errEnded) }
	if queued, err := o.Send(t.Context(), message(4)); !queued || !errors.Is(err, errEnded) {
		t.Errorf("queued %t, %v of a message that a failure has dropped", queued, err)
	}
	wantWrites(t, conn, size, 3*size)
	if o.Writing() {
		t.Error("the baton is still taken")
	}
}

// busy is a connection on which one more message is sent during each of the first writes.
type busy struct {
	o           *Outbox
	more, calls int
}

func (b *busy) Write(p []byte) (int, error) {
	b.calls++
	if b.more--; b.more >= 0 {
		_, _ = b.o.Send(context.Background(), message(2))
	}
	return len(p), nil
}

func (b *busy) SetWriteDeadline(time.Time) error { return nil }

// TestNobodyWritesForOthersForLong: the caller leaves after some calls, and the rest leaves all the same.
func TestNobodyWritesForOthersForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := &busy{more: 3 * writeRounds}
		conn.o = newOutbox(conn, Config{Resumable: true})
		conn.o.mu.Lock() // the caller alone, as long as it writes
		conn.o.urgent = true
		conn.o.appendLocked(message(1))
		if err := conn.o.writeLocked(t.Context()); err != nil {
			t.Error(err)
		}
		if conn.calls != writeRounds {
			t.Errorf("%d write calls by one caller, want %d", conn.calls, writeRounds)
		}
		if conn.o.writing || !conn.o.armed {
			t.Error("nobody goes on")
		}
		conn.o.mu.Unlock()
		synctest.Wait()
		time.Sleep(time.Nanosecond) // the timers that are due
		synctest.Wait()
		if conn.o.Held() != 0 || conn.calls != 1+3*writeRounds {
			t.Errorf("%d bytes are left after %d write calls", conn.o.Held(), conn.calls)
		}
	})
}
