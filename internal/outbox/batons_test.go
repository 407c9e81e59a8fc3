package outbox_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mongo-monorail/monorail/internal/inbox"
	"github.com/mongo-monorail/monorail/internal/outbox"
	"github.com/mongo-monorail/monorail/internal/wire"
	"github.com/mongo-monorail/monorail/internal/wiretest"
)

// exchange sends a request and returns when its reply is in: one way to share a connection.
type exchange interface {
	roundTrip(id int32, request []byte) error
	// close ends what the exchange has started; the connection is closed already.
	close()
}

// BenchmarkSharing compares ways to share one connection: the batons of this package and of inbox with
// what one would write otherwise. The server that echoes shares the processors.
func BenchmarkSharing(b *testing.B) {
	ways := []struct {
		name  string
		share func(conn net.Conn) exchange
	}{
		{"batons", shareByBatons},
		{"mutexes", shareByMutexes},
		{"goroutines", shareByGoroutines},
	}
	for _, callers := range []int{1, 8, 64, 512} {
		for _, way := range ways {
			b.Run(fmt.Sprintf("callers=%d/way=%s", callers, way.name), func(b *testing.B) {
				conn, served := echo(b)
				e := way.share(conn)
				defer func() {
					_ = conn.Close()
					e.close()
					<-served
				}()
				b.ReportAllocs()
				b.ResetTimer()
				var next atomic.Int32
				var running sync.WaitGroup
				for range callers {
					running.Go(func() {
						request := wiretest.Request(0, 200)
						for id := next.Add(1); int(id) <= b.N; id = next.Add(1) {
							binary.LittleEndian.PutUint32(request[4:], uint32(id))
							if err := e.roundTrip(id, request); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				running.Wait()
			})
		}
	}
}

// echo returns a connection to a server that answers each message with itself, in a write call of its
// own as MongoDB does, and a channel that is closed when the server has ended.
func echo(b *testing.B) (net.Conn, <-chan struct{}) {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		buffered := bufio.NewReaderSize(conn, 64<<10)
		message := make([]byte, 1<<10)
		for {
			if readMessage(buffered, message) != nil {
				return
			}
			copy(message[8:12], message[4:8])
			if _, err := conn.Write(message[:wire.Length(message)]); err != nil {
				return
			}
		}
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	_ = listener.Close()
	return conn, served
}

// readMessage reads one message, which must fit into b.
func readMessage(r io.Reader, b []byte) error {
	if _, err := io.ReadFull(r, b[:wire.HeaderLength]); err != nil {
		return err
	}
	_, err := io.ReadFull(r, b[wire.HeaderLength:wire.Length(b)])
	return err
}

type batons struct {
	out *outbox.Outbox
	in  *inbox.Inbox
}

func shareByBatons(conn net.Conn) exchange {
	e := &batons{in: inbox.New(conn, wire.DefaultMaxMessageSize, func(error) {})}
	e.out = outbox.New(conn, outbox.Config{
		Limit: 32 << 10, Resumable: true, Company: e.in.Company, Failed: e.in.Fail,
	})
	return e
}

func (e *batons) roundTrip(id int32, request []byte) error {
	w := e.in.Expect(id, nil, 0)
	if _, err := e.out.Send(context.Background(), request); err != nil {
		return err
	}
	_, err := e.in.Wait(context.Background(), w)
	return err
}

func (e *batons) close() {}

// mutexes has a lock around a write, and one around a read: who has it reads one reply, and leaves
// that of somebody else behind.
type mutexes struct {
	conn    net.Conn
	writing sync.Mutex
	// reading guards the fields below, too.
	reading  sync.Mutex
	buffered *bufio.Reader
	replies  map[int32][]byte
}

func shareByMutexes(conn net.Conn) exchange {
	return &mutexes{conn: conn, buffered: bufio.NewReaderSize(conn, 16<<10), replies: make(map[int32][]byte)}
}

func (e *mutexes) roundTrip(id int32, request []byte) error {
	e.writing.Lock()
	_, err := e.conn.Write(request)
	e.writing.Unlock()
	for err == nil {
		e.reading.Lock()
		if _, ok := e.replies[id]; ok {
			delete(e.replies, id)
			e.reading.Unlock()
			return nil
		}
		reply := make([]byte, len(request))
		if err = readMessage(e.buffered, reply); err == nil {
			e.replies[wire.ResponseTo(reply)] = reply
		}
		e.reading.Unlock()
	}
	return err
}

func (e *mutexes) close() {}

// goroutines has one goroutine that writes what callers give it, all that is there in one call, and one
// that reads and gives each caller its reply.
type goroutines struct {
	requests chan []byte // callers send, the writer receives, close closes
	running  sync.WaitGroup

	mu      sync.Mutex
	callers map[int32]chan []byte // each with room for its reply; closed when the reader has ended
}

func shareByGoroutines(conn net.Conn) exchange {
	e := &goroutines{requests: make(chan []byte, 1024), callers: make(map[int32]chan []byte)}
	e.running.Go(func() { e.write(conn) })
	e.running.Go(func() { e.read(conn) })
	return e
}

func (e *goroutines) write(conn net.Conn) {
	var out []byte
	for request := range e.requests {
		out = append(out[:0], request...)
		for more := true; more; {
			select {
			case request = <-e.requests:
				out = append(out, request...)
				more = request != nil
			default:
				more = false
			}
		}
		if _, err := conn.Write(out); err != nil {
			return
		}
	}
}

func (e *goroutines) read(conn net.Conn) {
	buffered := bufio.NewReaderSize(conn, 16<<10)
	for {
		var header [wire.HeaderLength]byte
		if _, err := io.ReadFull(buffered, header[:]); err != nil {
			break
		}
		reply := make([]byte, wire.Length(header[:]))
		copy(reply, header[:])
		if _, err := io.ReadFull(buffered, reply[wire.HeaderLength:]); err != nil {
			break
		}
		e.mu.Lock()
		caller := e.callers[wire.ResponseTo(reply)]
		delete(e.callers, wire.ResponseTo(reply))
		e.mu.Unlock()
		caller <- reply
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, caller := range e.callers {
		close(caller)
	}
}

// callerChannels are used again, as the inbox uses its waiters.
var callerChannels = sync.Pool{New: func() any { return make(chan []byte, 1) }}

func (e *goroutines) roundTrip(id int32, request []byte) error {
	caller := callerChannels.Get().(chan []byte)
	e.mu.Lock()
	e.callers[id] = caller
	e.mu.Unlock()
	e.requests <- request // it stays the caller's until the reply is in
	if _, ok := <-caller; !ok {
		return io.ErrUnexpectedEOF
	}
	callerChannels.Put(caller)
	return nil
}

func (e *goroutines) close() {
	close(e.requests)
	e.running.Wait()
}

// TestBatonsUnderCancellation has many callers post, urge, send and hold on one connection, wait for
// replies, and give up at random moments: every reply finds its caller, and nothing stays behind.
func TestBatonsUnderCancellation(t *testing.T) {
	const calls = 150
	conn, peer := wiretest.Loopback(t)
	served := make(chan int, 1) // the peer sends once: how many requests came
	peer.Go(func() {
		n := 0
		peer.Serve(func(request []byte) []byte {
			if id := wire.RequestID(request); id%4 != 3 { // 3 wants no reply
				n++
				return wiretest.Reply(id, int(id)%300)
			}
			return nil
		})
		served <- n
	})
	in := inbox.New(conn, wire.DefaultMaxMessageSize, func(err error) { t.Error(err) })
	out := outbox.New(conn, outbox.Config{
		Limit: 2 << 10, Interval: time.Millisecond, Resumable: true, Company: in.Company, Failed: func(err error) { t.Error(err) },
	})
	var expected atomic.Int64
	var callers sync.WaitGroup
	for caller := range int32(16) {
		callers.Go(func() {
			random := rand.New(rand.NewPCG(2, uint64(caller)))
			for i := range int32(calls) {
				id := caller*4*calls + 4*i + random.Int32N(4)
				request := wiretest.Request(id, random.IntN(300))
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(1000))*time.Microsecond)
				call(t, ctx, in, out, id, request, &expected)
				cancel()
			}
		})
	}
	callers.Wait()
	if err := out.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if err := in.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	ended := errors.New("ended")
	if !out.Close(ended) || !in.Close(ended) {
		t.Error("not clean at the end")
	}
	peer.Close()
	if n := <-served; int64(n) != expected.Load() {
		t.Errorf("%d requests came, want %d", n, expected.Load())
	}
}

// call is one caller's use of the connection, of the kind that id says.
func call(t *testing.T, ctx context.Context, in *inbox.Inbox, out *outbox.Outbox, id int32, request []byte, expected *atomic.Int64) {
	if id%4 == 3 {
		_ = out.Hold(context.Background(), request) // it leaves with others
		return
	}
	w, granted := in.Reserve(id, len(request), inbox.Limit{Replies: 8, Bytes: 4 << 10}, nil, 0)
	if !granted {
		_ = out.Urge(ctx)
		if in.AwaitRoom(ctx, w) != nil {
			return
		}
	}
	full := false
	var err error
	if id%4 == 0 {
		full, err = out.Post(request)
	} else {
		// A write is not interrupted here: that would end the connection if it came inside a message.
		_, err = out.Send(context.Background(), request)
	}
	if err != nil {
		t.Error(err)
		in.Cancel(w)
		return
	}
	expected.Add(1)
	if id%4 == 0 && (full || id%8 == 0 || in.InLine()) {
		_ = out.Urge(context.Background())
	}
	if reply, err := in.Wait(ctx, w); err == nil {
		if err := wiretest.Check(reply); err != nil || wiretest.ResponseTo(reply) != id {
			t.Errorf("the reply to %d is one to %d: %v", id, wiretest.ResponseTo(reply), err)
		}
	}
}
