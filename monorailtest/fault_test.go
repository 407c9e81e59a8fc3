package monorailtest

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// late is how late the late things of these tests are; shortWhile is how long a test looks for what must not come. A
// machine that is slower than that makes a test pass that might have failed, never the other way round.
const (
	late       = 150 * time.Millisecond
	shortWhile = 50 * time.Millisecond
)

// insertOne inserts {_id: id} into test.c.
func insertOne(id int32) bson.D {
	return bson.D{{Key: "insert", Value: "c"}, {Key: "documents", Value: bson.A{bson.D{{Key: "_id", Value: id}}}}}
}

// insertZero is insertOne with {w: 0}.
func insertZero(id int32) bson.D {
	return append(insertOne(id), bson.E{Key: "writeConcern", Value: bson.D{{Key: "w", Value: 0}}})
}

// ids returns the ids in test.c, in their order.
func (c *rawConn) ids() []int32 {
	c.t.Helper()
	body := c.ok(bson.D{{Key: "find", Value: "c"}, {Key: "sort", Value: bson.D{{Key: "_id", Value: 1}}},
		{Key: "batchSize", Value: 100000}})
	values, err := body.Lookup("cursor", "firstBatch").Array().Values()
	if err != nil {
		c.t.Fatal(err)
	}
	out := []int32{}
	for _, v := range values {
		out = append(out, v.Document().Lookup("_id").Int32())
	}
	return out
}

// wantIDs fails unless test.c holds exactly these documents, seen from another connection.
func wantIDs(t *testing.T, s *Server, want ...int32) {
	t.Helper()
	got := dial(t, s).ids()
	if len(got) != len(want) {
		t.Fatalf("documents %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("documents %v, want %v", got, want)
		}
	}
}

// wantNothing fails if a byte arrives within a short while.
func (c *rawConn) wantNothing() {
	c.t.Helper()
	if err := c.socket.SetReadDeadline(time.Now().Add(shortWhile)); err != nil {
		c.t.Fatal(err)
	}
	if n, err := c.socket.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatalf("read %d bytes, %v, want nothing", n, err)
	}
	if err := c.socket.SetReadDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
}

func TestDelay(t *testing.T) {
	s := newServer(t, WithDelay(late))
	c := dial(t, s)
	start := time.Now()
	c.send(c.tell(pingCommand()), c.ask(pingCommand()))
	c.reply()
	if d := time.Since(start); d < 2*late {
		t.Errorf("two messages took %v, want %v at least", d, 2*late)
	}
	s.SetDelay(time.Hour)
	c.ok(helloCommand()) // the handshake does not wait
	s.SetDelay(time.Hour, Commands("buildInfo"))
	c.wantAlive()
	s.SetDelay(0)
	c.ok(bson.D{{Key: "buildInfo", Value: 1}})
}

func TestStall(t *testing.T) {
	s := newServer(t)
	data, fresh := dial(t, s), dial(t, s)
	data.wantAlive()
	s.Stall()
	data.send(data.ask(pingCommand()))
	data.wantNothing()
	fresh.ok(helloCommand())
	fresh.send(fresh.ask(pingCommand()))
	fresh.wantNothing()
	s.Resume()
	data.reply()
	fresh.reply()

	s.StallAll()
	monitor := dial(t, s)
	monitor.send(monitor.ask(helloCommand()))
	monitor.wantNothing()
	s.ClearFaults()
	monitor.reply()
}

func TestStalledServerStopsReading(t *testing.T) {
	s := newServer(t)
	c := dial(t, s)
	c.wantAlive()
	s.Stall()
	message := c.message(2, bson.D{{Key: "ping", Value: 1}, {Key: "pad", Value: make([]byte, 1<<20)}})
	sent := 0
	for {
		if err := c.socket.SetWriteDeadline(time.Now().Add(shortWhile)); err != nil {
			t.Fatal(err)
		}
		n, err := c.socket.Write(message[sent%len(message):])
		sent += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		// The kernel of a real server took 4 MB; no kernel takes this much.
		if sent > 256<<20 {
			t.Fatalf("a stalled server took %d bytes", sent)
		}
	}
	s.Resume()
	if err := c.socket.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if rest := sent % len(message); rest > 0 {
		c.send(message[rest:])
	}
	c.wantAlive()
}

func TestReset(t *testing.T) {
	s := newServer(t)
	data, monitor := dial(t, s), dial(t, s)
	data.wantAlive()
	monitor.ok(helloCommand())
	s.Reset()
	if _, err := data.read(); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("data connection: %v, want RST", err)
	}
	monitor.ok(helloCommand())
	s.Reset(AllConnections)
	if _, err := monitor.read(); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("monitor: %v, want RST", err)
	}
	waitFor(t, func() bool { return s.Stats().Open == 0 })
}

func TestCloseConnections(t *testing.T) {
	s := newServer(t)
	one, two := dial(t, s), dial(t, s)
	one.wantAlive()
	id := two.ok(helloCommand()).Lookup("connectionId").Int32()
	two.wantAlive()
	s.CloseConnections(func(c int32, _ string, _ bool) bool { return c == id })
	if _, err := two.read(); err != io.EOF {
		t.Errorf("%v, want the end of the stream", err)
	}
	one.wantAlive()
}

func TestHangUpOnUnacknowledged(t *testing.T) {
	s := newServer(t)
	c := dial(t, s)
	s.HangUpOnUnacknowledged(func(m *Message) bool { return m.RequestID == 3 })
	c.send(c.tell(insertZero(1)), c.ask(pingCommand()), c.tell(insertZero(3)), c.tell(insertZero(4)), c.ask(insertOne(5)))
	if r := c.reply(); r.responseTo != 2 {
		t.Fatalf("reply to %d", r.responseTo)
	}
	c.wantClosed()
	wantIDs(t, s, 1)
	// It was the next one only.
	c = dial(t, s)
	c.send(c.tell(insertZero(6)))
	c.wantAlive()
	wantIDs(t, s, 1, 6)
}

func TestDropUnacknowledged(t *testing.T) {
	s := newServer(t)
	s.DropUnacknowledged(2)
	c := dial(t, s)
	c.send(c.ask(insertOne(1)), c.tell(insertZero(2)), c.tell(insertZero(3)), c.tell(insertZero(4)))
	c.reply()
	c.wantAlive()
	wantIDs(t, s, 1, 4)
}

func TestReplyDelay(t *testing.T) {
	s := newServer(t)
	s.SetReplyDelay(late, Commands("insert"))
	c, other := dial(t, s), dial(t, s)
	start := time.Now()
	c.send(c.ask(insertOne(1)))
	waitFor(t, func() bool { return len(other.ids()) == 1 })
	executed := time.Since(start)
	c.reply()
	if answered := time.Since(start); answered < late || executed >= answered {
		t.Errorf("executed after %v, answered after %v, want %v at least", executed, answered, late)
	}
}

func TestReplyChunks(t *testing.T) {
	s := newServer(t)
	s.SetReplyChunks(1, time.Microsecond)
	c := dial(t, s)
	c.wantAlive()
	s.SetReplyChunks(7, 0, Commands("ping"))
	c.wantAlive()
	s.SetReplyChunks(0, 0)
	c.wantAlive()
}

func TestCutReply(t *testing.T) {
	s := newServer(t)
	s.CutReply(20, Commands("insert"))
	c := dial(t, s)
	c.wantAlive()
	c.send(c.ask(insertOne(1)))
	got, err := io.ReadAll(c.socket)
	if err != nil || len(got) != 20 {
		t.Errorf("%d bytes, %v, want 20 and the end", len(got), err)
	}
	wantIDs(t, s, 1)
}

func TestRewriteReply(t *testing.T) {
	s := newServer(t)
	s.RewriteReply(func(reply []byte) []byte {
		binary.LittleEndian.PutUint32(reply[8:], 4711)
		return reply
	})
	c := dial(t, s)
	c.send(c.ask(pingCommand()))
	if r := c.reply(); r.responseTo != 4711 {
		t.Errorf("responseTo %d, want the rewritten one", r.responseTo)
	}
	c.wantAlive()
}

func TestFaultsSpareMonitors(t *testing.T) {
	s := newServer(t)
	client := connect(t, s, func(o *options.ClientOptions) { o.SetHeartbeatInterval(500 * time.Millisecond) })
	if err := client.Ping(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	s.SetDelay(time.Hour)
	s.HangUpOnUnacknowledged()
	s.CutReply(1)
	s.Stall()
	hellos := s.Record(1000, (*Message).IsHandshake)
	// A monitor that sends a second hello on one connection has had its answer to the first.
	waitFor(t, func() bool {
		perConnection := make(map[int32]int)
		for _, m := range hellos.Messages() {
			if perConnection[m.ConnectionID]++; perConnection[m.ConnectionID] > 1 {
				return true
			}
		}
		return false
	})
	s.ClearFaults()
	if err := client.Ping(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

func TestRecording(t *testing.T) {
	var seen []Message
	heard := make(chan Message, 100)
	s := newServer(t, WithRecorder(func(m Message) { heard <- m }))
	rec := s.Record(3, Commands("ping"))
	c := dial(t, s)
	c.ok(helloCommand())
	for range 5 {
		c.wantAlive()
	}
	documents := append([]byte{1}, binary.LittleEndian.AppendUint32(nil, uint32(4+10+14))...)
	documents = append(append(documents, "documents\x00"...), marshal(t, bson.D{{Key: "_id", Value: int32(1)}})...)
	c.send(c.message(2, bson.D{{Key: "insert", Value: "c"}}, documents))
	c.wantAlive()
	for range 8 {
		seen = append(seen, <-heard)
	}
	if m := seen[6]; m.Command != "insert" || m.Database != "test" || !m.MoreToCome || m.ConnectionID != 1 ||
		len(m.Sequences["documents"]) != 1 || m.Body.Lookup("insert").StringValue() != "c" {
		t.Errorf("recorded %+v", m)
	}
	for i, m := range seen {
		if m.Index != int64(i+1) {
			t.Errorf("message %d has index %d", i, m.Index)
		}
	}
	if got := rec.Messages(); len(got) != 3 || got[0].Index != 5 || got[2].Index != 8 || rec.Dropped() != 3 {
		t.Errorf("kept %+v, dropped %d", got, rec.Dropped())
	}
	rec.Stop()
	c.wantAlive()
	if rec.Messages()[2].Index != 8 {
		t.Error("recorded after Stop")
	}
	if _, _, err := net.SplitHostPort(c.ok(bson.D{{Key: "whatsmyuri", Value: 1}}).Lookup("you").StringValue()); err != nil {
		t.Error(err)
	}
}
