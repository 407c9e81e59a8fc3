package monorailtest

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

func TestServerIsReadyAtOnce(t *testing.T) {
	start := time.Now()
	s := NewServer()
	defer s.Close()
	c := dial(t, s)
	c.wantAlive()
	// Milliseconds on a quiet machine; the bound leaves room for one that is not.
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("ready after %v", d)
	}
	if want := "mongodb://" + s.Addr(); s.URI() != want {
		t.Errorf("URI %q, want %q", s.URI(), want)
	}
	if host, _, err := net.SplitHostPort(s.Addr()); err != nil || !net.ParseIP(host).IsLoopback() {
		t.Errorf("listens on %q, %v, want loopback", s.Addr(), err)
	}
}

func TestNewServerPanicsWhereItCannotListen(t *testing.T) {
	s := newServer(t)
	defer func() {
		if recover() == nil {
			t.Error("no panic for an address in use")
		}
	}()
	NewServer(WithAddr(s.Addr())).Close()
}

func TestCloseEndsConnectionsAndIsIdempotent(t *testing.T) {
	s := NewServer()
	idle, stalled, blocked := dial(t, s), dial(t, s), dial(t, s)
	for _, c := range []*rawConn{idle, stalled, blocked} {
		c.wantAlive()
	}
	admin := dial(t, s)
	if r := admin.runAdmin(bson.D{
		{Key: "configureFailPoint", Value: "failCommand"}, {Key: "mode", Value: "alwaysOn"},
		{Key: "data", Value: bson.D{{Key: "failCommands", Value: bson.A{"buildInfo"}},
			{Key: "blockConnection", Value: true}, {Key: "blockTimeMS", Value: 3_600_000}}},
	}); r.Lookup("ok").Double() != 1 {
		t.Fatal(r)
	}
	taken := s.Record(1, Commands("buildInfo"))
	blocked.send(blocked.ask(bson.D{{Key: "buildInfo", Value: 1}}))
	waitFor(t, func() bool { return len(taken.Messages()) == 1 })
	s.Stall()
	stalled.send(stalled.ask(pingCommand()))

	var both sync.WaitGroup
	for range 2 {
		both.Go(s.Close)
	}
	both.Wait()
	s.Close()
	for _, c := range []*rawConn{idle, stalled, blocked} {
		for {
			if _, err := c.read(); err != nil {
				if !isClosed(err) {
					t.Errorf("after Close: %v", err)
				}
				break
			}
		}
	}
	if _, err := net.DialTimeout("tcp", s.Addr(), patience); err == nil {
		t.Error("a closed server accepts connections")
	}
	// Later calls change nothing, and do not fail.
	s.SetDelay(time.Second)
	s.Stall()
	s.Reset(AllConnections)
	s.ClearFaults()
}

// runAdmin runs a command on the database admin.
func (c *rawConn) runAdmin(command bson.D) bson.Raw {
	c.t.Helper()
	c.lastID++
	b := append([]byte{0, 0, 0, 0, 0}, marshal(c.t, append(command, bson.E{Key: "$db", Value: "admin"}))...)
	c.send(packet(c.lastID, 2013, b))
	return c.reply().body
}

// waitFor waits until a condition holds that other goroutines bring about without telling.
func waitFor(t testing.TB, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatal("what should happen has not happened")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestRepliesComeInOrder(t *testing.T) {
	s := newServer(t)
	c := dial(t, s)
	var all [][]byte
	var want []int32
	for range 1000 {
		if rand.IntN(3) == 0 {
			all = append(all, c.tell(pingCommand()))
			continue
		}
		all = append(all, c.ask(pingCommand()))
		want = append(want, c.lastID)
	}
	c.send(all...)
	for _, id := range want {
		if r := c.reply(); r.responseTo != id {
			t.Fatalf("reply to %d, want %d", r.responseTo, id)
		}
	}
	// The last message may have been unacknowledged: nothing is answered to it.
	c.wantAlive()
	if got := s.Stats(); got.Messages != 1001 || got.Unacknowledged != int64(1000-len(want)) ||
		got.Replies != int64(len(want)+1) || got.Open != 1 || got.Opened != 1 {
		t.Errorf("stats %+v", got)
	}
}

func TestMessagesCutAnywhere(t *testing.T) {
	s := newServer(t)
	c := dial(t, s)
	var stream []byte
	var want []int32
	for i := range 30 {
		stream = append(stream, c.ask(bson.D{{Key: "ping", Value: 1}, {Key: "pad", Value: make([]byte, i*17)}})...)
		want = append(want, c.lastID)
	}
	written := make(chan error, 1)
	// Owned by this test, which waits for written.
	go func() {
		for len(stream) > 0 {
			n := min(len(stream), 1+rand.IntN(200))
			if _, err := c.socket.Write(stream[:n]); err != nil {
				written <- err
				return
			}
			stream = stream[n:]
		}
		written <- nil
	}()
	for _, id := range want {
		if r := c.reply(); r.responseTo != id {
			t.Fatalf("reply to %d, want %d", r.responseTo, id)
		}
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
}

func TestMoreToComeIsNeverAnswered(t *testing.T) {
	s := newServer(t)
	c := dial(t, s)
	for _, command := range []bson.D{
		pingCommand(), helloCommand(), {{Key: "buildInfo", Value: 1}}, {{Key: "nope", Value: 1}},
		{{Key: "ping", Value: 1}, {Key: "ping", Value: 1}}, {{Key: "getMore", Value: int64(5)}},
		{{Key: "ping", Value: 1}, {Key: "lsid", Value: 1}}, {{Key: "replSetGetStatus", Value: 1}},
	} {
		c.send(c.tell(command))
		c.wantAlive()
	}
}

func TestMalformedMessages(t *testing.T) {
	s := newServer(t)
	other := dial(t, s)
	other.wantAlive()
	ping := func() []byte { return marshal(t, bson.D{{Key: "ping", Value: 1}, {Key: "$db", Value: "test"}}) }
	opMsg := func(flags uint32, rest ...byte) []byte {
		return packet(99, 2013, append(binary.LittleEndian.AppendUint32(nil, flags), rest...))
	}
	sized := func(n int32) []byte {
		p := packet(99, 2013, nil)
		binary.LittleEndian.PutUint32(p, uint32(n))
		return p
	}
	const closed, ignored = -1, 0
	for name, tt := range map[string]struct {
		message []byte
		want    int32 // an error code, or closed, or ignored
	}{
		"length 15":            {sized(15), closed},
		"length -1":            {sized(-1), closed},
		"length 48,000,001":    {sized(48_000_001), closed},
		"bare OP_MSG":          {sized(16), closed},
		"opcode 2011":          {packet(99, 2011, ping()), closed},
		"opcode 99999":         {packet(99, 99999, ping()), closed},
		"OP_REPLY":             {packet(99, 1, make([]byte, 20)), closed},
		"required flag":        {opMsg(1<<5, append([]byte{0}, ping()...)...), closed},
		"wrong checksum":       {opMsg(1, append(append([]byte{0}, ping()...), 1, 2, 3, 4)...), closed},
		"noop compression":     {packet(99, 2012, append([]byte{0xdd, 7, 0, 0, 4, 0, 0, 0, 0}, 0, 0, 0, 0)), closed},
		"opcode 0":             {packet(99, 0, ping()), ignored},
		"no section":           {opMsg(0), 40587},
		"two bodies":           {opMsg(0, append(append([]byte{0}, ping()...), append([]byte{0}, ping()...)...)...), 40430},
		"unknown kind":         {opMsg(0, 7), 40432},
		"missing $db":          {opMsg(0, append([]byte{0}, marshal(t, pingCommand())...)...), 40571},
		"no BSON":              {opMsg(0, 0, 5, 0, 0, 0, 9), 22},
		"sequence of no write": {opMsg(0, append(append([]byte{0}, ping()...), 1, 6, 0, 0, 0, 'x', 0)...), 40472},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, s)
			// What came before is answered, in every case.
			c.send(c.ask(pingCommand()), tt.message)
			if r := c.reply(); r.responseTo != c.lastID {
				t.Fatalf("reply to %d, want %d", r.responseTo, c.lastID)
			}
			switch tt.want {
			case closed:
				c.wantClosed()
			case ignored:
				c.wantAlive()
			default:
				if r := c.reply(); r.responseTo != 99 || code(r.body) != tt.want {
					t.Errorf("reply to %d: %v, want code %d", r.responseTo, r.body, tt.want)
				}
				c.wantAlive()
				// The same without a reply.
				unacknowledged := append([]byte(nil), tt.message...)
				unacknowledged[16] |= 2
				c.send(unacknowledged)
				c.wantAlive()
			}
			other.wantAlive()
		})
	}
}

func TestHandshakeByLegacyQuery(t *testing.T) {
	s := newServer(t)
	c := dial(t, s)
	query := func(ns string, command bson.D) []byte {
		c.lastID++
		b := append(make([]byte, 4), ns...)
		b = append(b, 0)
		b = append(b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff)
		return packet(c.lastID, 2004, append(b, marshal(t, command)...))
	}
	// All in the first write of the connection, as an eager driver might.
	c.send(query("admin.$cmd", bson.D{{Key: "isMaster", Value: 1}, {Key: "helloOk", Value: true}}),
		c.ask(helloCommand()), c.tell(pingCommand()), c.ask(pingCommand()),
		query("admin.$cmd", bson.D{{Key: "nope", Value: 1}}))
	r := c.reply()
	if r.opCode != 1 || !r.body.Lookup("ismaster").Boolean() || !r.body.Lookup("helloOk").Boolean() ||
		r.body.Lookup("setName").Type != 0 || r.body.Lookup("maxWireVersion").Int32() != 9 {
		t.Errorf("isMaster: opcode %d, %v", r.opCode, r.body)
	}
	if r := c.reply(); r.opCode != 2013 || !r.body.Lookup("isWritablePrimary").Boolean() {
		t.Errorf("hello: opcode %d, %v", r.opCode, r.body)
	}
	if r := c.reply(); r.body.Lookup("ok").Double() != 1 {
		t.Errorf("ping: %v", r.body)
	}
	if r := c.reply(); r.opCode != 1 || code(r.body) != 59 {
		t.Errorf("unknown command: %v", r.body)
	}
}

// connect returns a client of the plain driver that ends with the test.
func connect(t testing.TB, s *Server, change ...func(*options.ClientOptions)) *mongo.Client {
	t.Helper()
	o := options.Client().ApplyURI(s.URI())
	for _, f := range change {
		f(o)
	}
	client, err := mongo.Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := client.Disconnect(ctx); err != nil {
			t.Errorf("disconnect: %v", err)
		}
	})
	return client
}

func TestDriverConnects(t *testing.T) {
	for _, compressors := range [][]string{nil, {"snappy"}, {"zlib"}, {"zstd"}} {
		s := newServer(t)
		compressed := s.Record(10, func(m *Message) bool { return m.Compressed })
		client := connect(t, s, func(o *options.ClientOptions) { o.SetCompressors(compressors) })
		if err := client.Ping(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if got := len(compressed.Messages()) > 0; got != (len(compressors) > 0) {
			t.Errorf("compressors %v: compressed messages came: %v", compressors, got)
		}
	}
}
