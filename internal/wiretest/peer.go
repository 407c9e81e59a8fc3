package wiretest

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
)

// maxMessageSize is what a peer takes for a message: more is a torn stream.
const maxMessageSize = 64 << 20

// Peer is the other end of a connection under test. A test scripts it: it reads messages and writes
// bytes when it is told to, so that a reply can be early, late, in pieces, corrupt, or never come.
// One goroutine may receive while another writes. That the connection has ended is no failure of the
// test; a stream that holds no whole messages is.
type Peer struct {
	tb      testing.TB
	conn    net.Conn
	scripts sync.WaitGroup
}

// Pipe returns a connection without a buffer, a net.Pipe, and its peer. A write call ends when the
// peer has read all of it, so a test says how much of it leaves. Both ends are closed at the end of
// the test.
func Pipe(tb testing.TB) (*Conn, *Peer) {
	near, far := net.Pipe()
	return connect(tb, near, far)
}

// Loopback returns a TCP connection and its peer. Both ends are closed at the end of the test.
func Loopback(tb testing.TB) (*Conn, *Peer) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	near, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	far, err := listener.Accept()
	if err != nil {
		_ = near.Close()
		tb.Fatal(err)
	}
	return connect(tb, near, far)
}

func connect(tb testing.TB, near, far net.Conn) (*Conn, *Peer) {
	p := &Peer{tb: tb, conn: far}
	tb.Cleanup(func() {
		_ = near.Close()
		_ = far.Close()
		p.scripts.Wait()
	})
	return Wrap(near), p
}

// Go runs script in a goroutine of the peer's. The end of the test closes the connection and waits
// for it.
func (p *Peer) Go(script func()) { p.scripts.Go(script) }

// Serve answers every message with what answer returns for it, in one write call, until the
// connection ends. It does not read on while it cannot write, as a server does. The request belongs
// to answer, and the result to Serve until the next call.
func (p *Peer) Serve(answer func(request []byte) []byte) {
	for {
		request, ok := p.Receive()
		if !ok {
			return
		}
		if reply := answer(request); len(reply) > 0 && !p.Write(reply) {
			return
		}
	}
}

// Receive returns the next message, which belongs to the caller; false when the connection ended
// before its first byte, or in its middle, which fails the test if the sender ended it cleanly.
func (p *Peer) Receive() ([]byte, bool) {
	p.tb.Helper()
	var header [16]byte
	if n, err := io.ReadFull(p.conn, header[:]); err != nil {
		if n > 0 && errors.Is(err, io.ErrUnexpectedEOF) {
			p.tb.Errorf("stream ended after %d bytes of a header", n)
		}
		return nil, p.over(err)
	}
	length := int32(binary.LittleEndian.Uint32(header[:]))
	if length < Overhead || length > maxMessageSize {
		p.tb.Errorf("received a message with a length of %d bytes", length)
		return nil, false
	}
	message := make([]byte, length)
	copy(message, header[:])
	if n, err := io.ReadFull(p.conn, message[16:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			p.tb.Errorf("stream ended after %d bytes of a message of %d", 16+n, length)
		}
		return nil, p.over(err)
	}
	if err := Check(message); err != nil {
		p.tb.Error(err)
		return nil, false
	}
	return message, true
}

// ReceiveID receives a message and returns its requestID, 0 at the end of the connection.
func (p *Peer) ReceiveID() int32 {
	p.tb.Helper()
	message, ok := p.Receive()
	if !ok {
		return 0
	}
	return ID(message)
}

// ReadBytes reads n bytes, whatever they are, and tells whether it could.
func (p *Peer) ReadBytes(n int) bool {
	p.tb.Helper()
	_, err := io.CopyN(io.Discard, p.conn, int64(n))
	return err == nil || p.over(err)
}

// Write writes b in one write call, and tells whether it could.
func (p *Peer) Write(b []byte) bool {
	p.tb.Helper()
	_, err := p.conn.Write(b)
	return err == nil || p.over(err)
}

// WritePieces writes b in write calls of size bytes each, and tells whether it could.
func (p *Peer) WritePieces(b []byte, size int) bool {
	p.tb.Helper()
	for len(b) > 0 {
		n := min(size, len(b))
		if !p.Write(b[:n]) {
			return false
		}
		b = b[n:]
	}
	return true
}

// Reply answers the request with that id, and tells whether it could.
func (p *Peer) Reply(responseTo int32, padding int) bool {
	p.tb.Helper()
	return p.Write(Reply(responseTo, padding))
}

// Close closes the peer's end.
func (p *Peer) Close() { _ = p.conn.Close() }

// over returns false, and fails the test unless err says that the connection has ended.
func (p *Peer) over(err error) bool {
	p.tb.Helper()
	for _, ended := range []error{
		io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed,
		syscall.ECONNRESET, syscall.EPIPE, os.ErrDeadlineExceeded,
	} {
		if errors.Is(err, ended) {
			return false
		}
	}
	p.tb.Error(err)
	return false
}
