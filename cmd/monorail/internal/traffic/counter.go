// Package traffic counts what a client does on its sockets.
package traffic

import (
	"bytes"
	"encoding/binary"
	"net"
	"sync/atomic"
)

// Counter counts. Handshakes and the driver's own monitoring are left out: they are no part of what a
// program asks for. It may be shared between goroutines.
type Counter struct {
	// Writes counts the write calls that carry commands.
	Writes atomic.Int64
	// RoundTrips counts how often something was read after something was written, on one socket.
	RoundTrips atomic.Int64
}

// Count returns a connection that does what conn does, and is counted.
func (c *Counter) Count(conn net.Conn) net.Conn { return &countedConn{Conn: conn, counter: c} }

// countedConn is a connection that counts.
type countedConn struct {
	net.Conn
	counter *Counter
	// asked is true from a write that counts until the first byte that is read after it.
	asked atomic.Bool
}

func (c *countedConn) Write(b []byte) (int, error) {
	if !isHandshake(b) {
		c.counter.Writes.Add(1)
		c.asked.Store(true)
	}
	return c.Conn.Write(b)
}

func (c *countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && c.asked.Swap(false) {
		c.counter.RoundTrips.Add(1)
	}
	return n, err
}

const (
	opQuery = 2004
	opMsg   = 2013
	// commandName is where an OP_MSG whose first section is the command has the command's name:
	// header 16, flags 4, section kind 1, document length 4, element type 1.
	commandName = 26
)

// handshakes are the commands of a connection's beginning and of the monitoring. The driver sends
// each of them in a write call of its own.
var handshakes = [][]byte{[]byte("hello\x00"), []byte("isMaster\x00"), []byte("ismaster\x00"), []byte("saslStart\x00"), []byte("saslContinue\x00")}

// isHandshake says whether the bytes of a write call begin with a message of the handshake or of
// the monitoring. Inside TLS it cannot know and says no.
func isHandshake(b []byte) bool {
	if len(b) < 16 {
		return false
	}
	switch binary.LittleEndian.Uint32(b[12:16]) {
	case opQuery:
		return true // drivers of today use it for the first hello alone
	case opMsg:
		for _, name := range handshakes {
			if len(b) > commandName && bytes.HasPrefix(b[commandName:], name) {
				return true
			}
		}
	}
	return false
}
