// Package sink is a server that answers every command from canned bytes and does nothing else, so
// that a benchmark against it measures the client. To the driver it is a standalone MongoDB.
package sink

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
)

const (
	headerLength = 16
	// bodyOffset is where the command document begins in an OP_MSG, behind the header, the flags and
	// the kind of the first section, which drivers make the command.
	bodyOffset = headerLength + 4 + 1
	// keyOffset is where the name of the command begins: behind the document's length and the type
	// of its first element.
	keyOffset = bodyOffset + 4 + 1
	// readSize is how much one read call takes: twice what a request of Monorail holds by default.
	readSize = 64 << 10
)

// Server is a running sink.
type Server struct {
	listener net.Listener
	replies  map[string][]byte // whole messages but for responseTo, by the command's name
	other    []byte            // the reply to every other command: {ok: 1}
	legacy   []byte            // the OP_REPLY to the OP_QUERY with which a driver introduces itself

	// running counts the goroutines of the server; Close waits for them.
	running sync.WaitGroup

	// mu guards the fields below.
	mu     sync.Mutex
	conns  map[net.Conn]struct{} // open connections
	closed bool                  // set by Close; no connection is added then
}

// Start starts a sink on loopback. The caller closes it.
func Start() (*Server, error) {
	hello := document(bson.D{
		{Key: "helloOk", Value: true},
		{Key: "ismaster", Value: true},
		{Key: "isWritablePrimary", Value: true},
		{Key: "maxBsonObjectSize", Value: 16 << 20},
		{Key: "maxMessageSizeBytes", Value: 48000000},
		{Key: "maxWriteBatchSize", Value: 100000},
		{Key: "logicalSessionTimeoutMinutes", Value: 30},
		{Key: "minWireVersion", Value: 0},
		{Key: "maxWireVersion", Value: 21},
		{Key: "readOnly", Value: false},
		{Key: "ok", Value: 1.0},
	})
	written := bson.D{{Key: "n", Value: 1}, {Key: "nModified", Value: 1}, {Key: "ok", Value: 1.0}}
	found := bson.D{
		{Key: "cursor", Value: bson.D{
			{Key: "firstBatch", Value: bson.A{bson.D{{Key: "_id", Value: 1}, {Key: "n", Value: 1}}}},
			{Key: "id", Value: int64(0)},
			{Key: "ns", Value: "analytics.counts"},
		}},
		{Key: "ok", Value: 1.0},
	}
	s := &Server{
		replies: map[string][]byte{
			"hello":    message(hello),
			"isMaster": message(hello),
			"insert":   message(document(bson.D{{Key: "n", Value: 1}, {Key: "ok", Value: 1.0}})),
			"update":   message(document(written)),
			"find":     message(document(found)),
		},
		other:  message(document(bson.D{{Key: "ok", Value: 1.0}})),
		legacy: legacyReply(hello),
		conns:  make(map[net.Conn]struct{}),
	}
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	s.running.Go(s.accept)
	return s, nil
}

// Address returns host:port.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Close ends every connection and waits for the goroutines.
func (s *Server) Close() {
	_ = s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for conn := range s.conns {
		_ = conn.Close() // never blocks: no linger is set
	}
	s.mu.Unlock()
	s.running.Wait()
}

// accept runs until Close, which closes the listener and waits.
func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		if !s.keep(conn) {
			_ = conn.Close()
			return
		}
		// Ends with its connection, which Close closes.
		s.running.Go(func() { s.serve(conn) })
	}
}

func (s *Server) keep(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.conns[conn] = struct{}{}
	}
	return !s.closed
}

// serve answers the messages of one connection until that ends. It allocates nothing for a message.
func (s *Server) serve(conn net.Conn) {
	defer func() {
		_ = conn.Close()
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
	}()
	reader := bufio.NewReaderSize(conn, readSize)
	var message, reply []byte
	for {
		header, err := reader.Peek(headerLength)
		if err != nil {
			return
		}
		length := int(binary.LittleEndian.Uint32(header))
		if length < keyOffset {
			return
		}
		if cap(message) < length {
			message = make([]byte, length)
		}
		message = message[:length]
		if _, err := io.ReadFull(reader, message); err != nil {
			return
		}
		canned := s.replyTo(message)
		if canned == nil {
			continue
		}
		reply = append(reply[:0], canned...)
		copy(reply[8:12], message[4:8]) // responseTo is the id of the request
		if _, err := conn.Write(reply); err != nil {
			return
		}
	}
}

// replyTo returns the canned reply, nil for a message that wants none.
func (s *Server) replyTo(message []byte) []byte {
	if opcode := binary.LittleEndian.Uint32(message[12:]); opcode != uint32(wiremessage.OpMsg) {
		return s.legacy
	}
	if flags := wiremessage.MsgFlag(binary.LittleEndian.Uint32(message[headerLength:])); flags&wiremessage.MoreToCome != 0 {
		return nil
	}
	name := message[keyOffset:]
	if end := bytes.IndexByte(name, 0); end >= 0 {
		if reply, ok := s.replies[string(name[:end])]; ok {
			return reply
		}
	}
	return s.other
}

// message returns an OP_MSG with one document.
func message(body []byte) []byte {
	start, out := wiremessage.AppendHeaderStart(nil, 0, 0, wiremessage.OpMsg)
	out = wiremessage.AppendMsgFlags(out, 0)
	out = wiremessage.AppendMsgSectionType(out, wiremessage.SingleDocument)
	out = append(out, body...)
	binary.LittleEndian.PutUint32(out[start:], uint32(len(out)))
	return out
}

// legacyReply returns an OP_REPLY with one document.
func legacyReply(body []byte) []byte {
	start, out := wiremessage.AppendHeaderStart(nil, 0, 0, wiremessage.OpReply)
	out = wiremessage.AppendReplyFlags(out, 0)
	out = wiremessage.AppendReplyCursorID(out, 0)
	out = wiremessage.AppendReplyStartingFrom(out, 0)
	out = wiremessage.AppendReplyNumberReturned(out, 1)
	out = append(out, body...)
	binary.LittleEndian.PutUint32(out[start:], uint32(len(out)))
	return out
}

// document encodes a constant of this file.
func document(d bson.D) []byte {
	encoded, err := bson.Marshal(d)
	if err != nil {
		panic("sink: " + err.Error())
	}
	return encoded
}
