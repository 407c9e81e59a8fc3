package inbox

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mongo-monorail/monorail/internal/wire"
	"github.com/mongo-monorail/monorail/internal/wiretest"
)

// endless is a connection on which the same reply comes for ever.
type endless struct{ reply []byte }

func (e endless) Read(b []byte) (int, error)      { return copy(b, e.reply), nil }
func (e endless) SetReadDeadline(time.Time) error { return nil }

// TestWaitAllocatesTheReplyAlone: it belongs to the caller, and everything else is used again.
func TestWaitAllocatesTheReplyAlone(t *testing.T) {
	in := newInbox(endless{wiretest.Reply(1, 100)})
	run := func() {
		if _, err := in.Wait(context.Background(), in.Expect(1, nil, 0)); err != nil {
			t.Fatal(err)
		}
		w, _ := in.Reserve(1, 100, Limit{Replies: 1, Bytes: 100}, nil, 0)
		if _, err := in.Wait(context.Background(), w); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if n := testing.AllocsPerRun(1000, run); n > 2 {
		t.Errorf("%v allocations, want those of the two replies alone", n)
	}
}

// BenchmarkRoundTrip compares one caller with a plain write and two reads, and many callers on one
// connection. The server that echoes shares the processors.
func BenchmarkRoundTrip(b *testing.B) {
	request := wiretest.Request(1, 200)
	b.Run("plain, 1 caller", func(b *testing.B) {
		conn := echo(b)
		reply := make([]byte, len(request))
		for b.Loop() {
			if _, err := conn.Write(request); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(conn, reply); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("inbox, 1 caller", func(b *testing.B) {
		conn := echo(b)
		in := New(conn, wire.DefaultMaxMessageSize, func(err error) { b.Error(err) })
		for b.Loop() {
			w := in.Expect(1, nil, 0)
			if _, err := conn.Write(request); err != nil {
				b.Fatal(err)
			}
			if _, err := in.Wait(context.Background(), w); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("inbox, 64 callers", func(b *testing.B) {
		conn := echo(b)
		in := New(conn, wire.DefaultMaxMessageSize, func(err error) { b.Error(err) })
		var ids atomic.Int32
		var writing sync.Mutex // one message at a time, as the outbox has it
		b.SetParallelism(32)   // of two processors
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				id := ids.Add(1)
				w := in.Expect(id, nil, 0)
				writing.Lock()
				_, err := conn.Write(wiretest.Request(id, 200))
				writing.Unlock()
				if err != nil {
					b.Error(err)
					return
				}
				if _, err := in.Wait(context.Background(), w); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

// echo returns a connection to a server that answers each message with itself, as a reply to its own
// id. It ends with the benchmark.
func echo(b *testing.B) net.Conn {
	b.Helper()
	conn, peer := wiretest.Loopback(b)
	peer.Go(func() {
		peer.Serve(func(request []byte) []byte {
			reply := append([]byte(nil), request...)
			copy(reply[8:12], request[4:8])
			return reply
		})
	})
	return conn
}
