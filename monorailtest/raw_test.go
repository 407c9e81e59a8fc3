package monorailtest

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
)

// patience bounds every wait of a test for something that must come.
const patience = 20 * time.Second

// rawConn is a client socket that speaks the protocol by hand, so that it can speak it wrongly.
type rawConn struct {
	t      testing.TB
	socket *net.TCPConn
	lastID int32
}

// dial connects to the server. The test closes the socket when it ends.
func dial(t testing.TB, s *Server) *rawConn {
	t.Helper()
	socket, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	c := &rawConn{t: t, socket: socket.(*net.TCPConn)}
	if err := socket.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

// newServer starts a server that ends with the test.
func newServer(t testing.TB, opts ...Option) *Server {
	t.Helper()
	s := NewServer(opts...)
	t.Cleanup(s.Close)
	return s
}

// marshal encodes a document.
func marshal(t testing.TB, d bson.D) []byte {
	t.Helper()
	b, err := bson.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// packet is a message: header and what follows.
func packet(id int32, opCode int32, rest []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(16+len(rest)))
	b = binary.LittleEndian.AppendUint32(b, uint32(id))
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(opCode))
	return append(b, rest...)
}

// message encodes a command for the database test.
func (c *rawConn) message(flags uint32, command bson.D, sections ...[]byte) []byte {
	c.t.Helper()
	c.lastID++
	b := binary.LittleEndian.AppendUint32(nil, flags)
	b = append(b, 0)
	b = append(b, marshal(c.t, append(command, bson.E{Key: "$db", Value: "test"}))...)
	for _, s := range sections {
		b = append(b, s...)
	}
	return packet(c.lastID, 2013, b)
}

// ask and tell are messages with and without a reply.
func (c *rawConn) ask(command bson.D) []byte  { return c.message(0, command) }
func (c *rawConn) tell(command bson.D) []byte { return c.message(2, command) }

// send writes all the messages with one call.
func (c *rawConn) send(messages ...[]byte) {
	c.t.Helper()
	var all []byte
	for _, m := range messages {
		all = append(all, m...)
	}
	if _, err := c.socket.Write(all); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// rawReply is a reply as it came.
type rawReply struct {
	responseTo int32
	opCode     int32
	body       bson.Raw
}

// read returns the next reply, or the error that ended the connection.
func (c *rawConn) read() (rawReply, error) {
	head := make([]byte, 16)
	if _, err := io.ReadFull(c.socket, head); err != nil {
		return rawReply{}, err
	}
	rest := make([]byte, binary.LittleEndian.Uint32(head)-16)
	if _, err := io.ReadFull(c.socket, rest); err != nil {
		return rawReply{}, err
	}
	r := rawReply{
		responseTo: int32(binary.LittleEndian.Uint32(head[8:])), opCode: int32(binary.LittleEndian.Uint32(head[12:])),
	}
	switch r.opCode {
	case 2013:
		r.body = rest[5:]
	case 1:
		r.body = rest[20:]
	}
	return r, nil
}

// reply returns the next reply, which must come.
func (c *rawConn) reply() rawReply {
	c.t.Helper()
	r, err := c.read()
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return r
}

// call sends a command and returns its reply.
func (c *rawConn) call(command bson.D) bson.Raw {
	c.t.Helper()
	c.send(c.ask(command))
	return c.reply().body
}

// ok is call for a command that must succeed.
func (c *rawConn) ok(command bson.D) bson.Raw {
	c.t.Helper()
	body := c.call(command)
	if body.Lookup("ok").Double() != 1 {
		c.t.Fatalf("%v: %v", command, body)
	}
	return body
}

// wantClosed fails unless the server has ended the connection and sent nothing more.
func (c *rawConn) wantClosed() {
	c.t.Helper()
	if r, err := c.read(); !isClosed(err) {
		c.t.Fatalf("got %v, %v, want the end of the connection", r, err)
	}
}

// wantAlive fails unless a ping is answered next.
func (c *rawConn) wantAlive() {
	c.t.Helper()
	c.send(c.ask(bson.D{{Key: "ping", Value: 1}}))
	if r := c.reply(); r.responseTo != c.lastID || r.body.Lookup("ok").Double() != 1 {
		c.t.Fatalf("ping %d: reply to %d: %v", c.lastID, r.responseTo, r.body)
	}
}

// isClosed reports whether the server ended the connection, by FIN or RST.
func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// code returns the error code of a reply, 0 for none.
func code(body bson.Raw) int32 {
	n, _ := body.Lookup("code").Int32OK()
	return n
}

// pingCommand and helloCommand are used all over.
func pingCommand() bson.D  { return bson.D{{Key: "ping", Value: 1}} }
func helloCommand() bson.D { return bson.D{{Key: "hello", Value: 1}} }
