package monorailtest

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/command"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/wire"
	"go.mongodb.org/mongo-driver/bson"
)

// conn serves one connection, on one goroutine.
type conn struct {
	server *Server
	socket *net.TCPConn
	// stream is what the protocol is spoken on: the socket, or TLS on it. Only the connection's goroutine uses it.
	stream net.Conn
	reader *wire.Reader
	client *command.Conn
	// serverCtx is done when the server ends, and ends commands.
	serverCtx context.Context
	// ctx is done when the connection is closed from outside its goroutine; it ends waits, not commands.
	ctx    context.Context
	cancel context.CancelFunc
	// out is the buffer of replies, used again for each.
	out []byte
	// replied is the id of the last reply that was encoded.
	replied int32

	// monitoring, hangUp and appName are copies of what client knows, for other goroutines.
	monitoring atomic.Bool
	hangUp     atomic.Bool
	appName    atomic.Pointer[string]
}

func newConn(ctx context.Context, s *Server, socket *net.TCPConn, id int32) *conn {
	c := &conn{
		server:    s,
		serverCtx: ctx,
		socket:    socket,
		stream:    socket,
		client:    command.NewConn(id, socket.RemoteAddr().String()),
	}
	if s.tls != nil {
		c.stream = tls.Server(socket, s.tls)
	}
	c.reader = wire.NewReader(c.stream)
	c.ctx, c.cancel = context.WithCancel(ctx)
	c.publish()
	return c
}

// publish lets other goroutines see what the client has told.
func (c *conn) publish() {
	if name := c.appName.Load(); name == nil || *name != c.client.AppName {
		name := c.client.AppName
		c.appName.Store(&name)
	}
	if c.monitoring.Load() != c.client.Monitoring {
		c.monitoring.Store(c.client.Monitoring)
	}
	if c.hangUp.Load() != c.client.HangUp {
		c.hangUp.Store(c.client.HangUp)
	}
}

func (c *conn) matches(match []ConnMatch) bool {
	monitoring := c.monitoring.Load()
	if len(match) == 0 {
		return !monitoring
	}
	for _, f := range match {
		if !f(c.client.ID, *c.appName.Load(), monitoring) {
			return false
		}
	}
	return true
}

// close closes the socket, and under TLS says nothing before; the goroutine ends by itself. Where input is left unread, the kernel sends RST, as it does
// for MongoDB.
func (c *conn) close() {
	c.cancel()
	// An error says that the socket is closed already.
	_ = c.socket.Close()
}

// reset closes the socket with RST.
func (c *conn) reset() {
	// An error says that the socket is closed already.
	_ = c.socket.SetLinger(0)
	c.close()
}

// shut shuts the socket down in both directions but leaves it open: the client finds the end of the stream, while what
// it had sent can still be read.
func (c *conn) shut() {
	// An error says that the peer is gone, which the next read tells too.
	_ = c.socket.CloseWrite()
	_ = c.socket.CloseRead()
}

// serve takes one message after another until the connection ends. The next message is looked at when the reply to the
// one before has been written.
func (c *conn) serve() {
	defer c.server.remove(c)
	defer c.close()
	for {
		// A stalled server reads nothing. The handshake has to be read to be known as one.
		if err := c.server.stall.wait(c.ctx, c.client.Monitoring); err != nil {
			return
		}
		h, b, err := c.reader.Read()
		var m *wire.Message
		if err == nil {
			m, err = parse(h, b)
		} else if !errors.Is(err, wire.ErrFatal) {
			return
		}
		if errors.Is(err, wire.ErrFatal) {
			c.tellFatal(err)
			return
		}
		if !c.handle(m, err) {
			return
		}
	}
}

// handle serves what was parsed: nothing, a request, or something malformed with the error to answer. It reports
// whether the connection goes on.
func (c *conn) handle(m *wire.Message, err error) bool {
	if m == nil {
		return true
	}
	counters := &c.server.state.Counters
	counters.Messages.Add(1)
	if m.MoreToCome {
		counters.Unacknowledged.Add(1)
	}
	if err != nil {
		return c.refuse(m, err)
	}
	r, err := command.NewRequest(c.client, m)
	if err != nil {
		return c.refuse(m, err)
	}
	r.Wait = c.ctx
	return c.run(r, m)
}

// run executes a request, under the faults in force.
func (c *conn) run(r *command.Request, m *wire.Message) bool {
	s := c.server
	msg := newMessage(r, m)
	s.recorder.take(&msg)
	if f := s.faults.delay.Load(); f != nil && f.d > 0 && selects(f.match, &msg) && !c.sleep(f.d) {
		return false
	}
	if s.stall.wait(c.ctx, msg.IsHandshake()) != nil || c.ctx.Err() != nil {
		return false
	}
	if f := s.faults.hangUp.Load(); f != nil && f.hits(&msg) {
		return false
	}
	if f := s.faults.drop.Load(); f != nil && f.hits(&msg) {
		return true
	}
	result, failed := c.execute(r)
	c.publish()
	c.tellResult(r, &result)
	switch {
	case result.After == command.HangUp:
		return false
	case result.After == command.Shut:
		c.shut()
		return true
	case m.MoreToCome:
		return !failed
	case result.Stream != nil:
		return c.streamReplies(r, m, &msg, result)
	}
	if m.ExhaustAllowed && !failed {
		return c.exhaust(m, &msg, result)
	}
	out, ok := c.encode(m, result.Reply)
	return ok && c.reply(&msg, out) && !failed
}

// exhaust answers a request whose client may take several replies: with all the batches of its cursor, or with the one reply that
// there is.
func (c *conn) exhaust(m *wire.Message, msg *Message, result command.Result) bool {
	for {
		out, ok := c.encode(m, result.Reply)
		if !ok || !c.reply(msg, out) {
			return false
		}
		body, err := bson.Marshal(result.Reply)
		if err != nil {
			return false
		}
		if m = m.Following(body, c.replied); m == nil {
			return true
		}
		r, err := command.NewRequest(c.client, m)
		if err != nil {
			return false
		}
		r.Wait = c.ctx
		var failed bool
		result, failed = c.execute(r)
		if failed || result.After != command.Keep || c.server.stall.wait(c.ctx, false) != nil || c.ctx.Err() != nil {
			return false
		}
	}
}

// streamReplies answers a request whose client takes a stream of replies: it runs the request again and again, each time
// telling it what the reply before has told, and ends with the connection, or with a reply that announces no other.
func (c *conn) streamReplies(r *command.Request, m *wire.Message, msg *Message, result command.Result) bool {
	responseTo := m.Header.RequestID
	for {
		id := c.server.lastReply.Add(1)
		body, err := bson.Marshal(result.Reply)
		if err != nil {
			return false
		}
		if c.out, err = wire.AppendStreamed(c.out[:0], id, responseTo, m, body, result.Stream != nil); err != nil {
			return false
		}
		if !c.reply(msg, c.out) || result.Stream == nil {
			return result.Stream == nil
		}
		responseTo, r.Known = id, result.Stream
		var failed bool
		result, failed = c.execute(r)
		// A stall may have begun while it waited for something to tell.
		if failed || result.After != command.Keep || c.server.stall.wait(c.ctx, true) != nil || c.ctx.Err() != nil {
			return false
		}
	}
}

// refuse answers a malformed message, unless the client wants no answer.
func (c *conn) refuse(m *wire.Message, err error) bool {
	reply := command.ErrorReply(err)
	c.tellMalformed(m, reply)
	if m.MoreToCome {
		return true
	}
	out, ok := c.encode(m, reply)
	return ok && c.write(out)
}

// encode returns the bytes of a reply, which are valid until the next call.
func (c *conn) encode(m *wire.Message, reply bson.D) ([]byte, bool) {
	body, err := bson.Marshal(reply)
	if err == nil && len(body) > wire.MaxDocumentSize {
		err = mongoerror.New(mongoerror.BSONObjectTooLarge, "reply of %d bytes is too large", len(body))
	}
	if err != nil {
		if body, err = bson.Marshal(command.ErrorReply(err)); err != nil {
			return nil, false
		}
	}
	if cap(c.out) > maxKeptReply {
		c.out = nil
	}
	c.replied = c.server.lastReply.Add(1)
	c.out, err = wire.AppendReply(c.out[:0], c.replied, m, body)
	return c.out, err == nil
}

// maxKeptReply is the largest reply buffer that is kept for the next reply.
const maxKeptReply = 1 << 20

// reply sends the reply to msg, under the faults in force.
func (c *conn) reply(msg *Message, out []byte) bool {
	f := &c.server.faults
	if d := f.replyDelay.Load(); d != nil && d.d > 0 && selects(d.match, msg) && !c.sleep(d.d) {
		return false
	}
	if r := f.rewrite.Load(); r != nil && r.hits(msg) {
		out = r.rewrite(out)
	}
	if cut := f.cut.Load(); cut != nil && cut.hits(msg) {
		// An error says that the client is gone already.
		_, _ = c.stream.Write(out[:min(max(cut.bytes, 0), len(out))])
		return false
	}
	if k := f.chunks.Load(); k != nil && k.size > 0 && selects(k.match, msg) {
		for len(out) > k.size {
			if _, err := c.stream.Write(out[:k.size]); err != nil || !c.sleep(k.pause) {
				return false
			}
			out = out[k.size:]
		}
	}
	return c.write(out)
}

// write sends a reply. It is counted before, so that whoever has read it finds it counted.
func (c *conn) write(out []byte) bool {
	c.server.state.Counters.Replies.Add(1)
	if _, err := c.stream.Write(out); err != nil {
		c.server.state.Counters.Replies.Add(-1)
		return false
	}
	return true
}

// sleep waits, and reports whether the connection is still open afterwards.
func (c *conn) sleep(d time.Duration) bool { return pause(c.ctx, d) }

// pause waits, and reports whether ctx is still not done afterwards.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
