package wiretest

import (
	"net"
	"sync"
	"time"
)

// Conn passes calls on to a connection, counts them, and fails or blocks those that it is told to.
// It may be shared between goroutines as far as the connection may.
type Conn struct {
	net.Conn

	// mu guards the fields below. It is not held while a call is passed on or blocked.
	mu            sync.Mutex
	reads         int
	readDeadlines int
	writes        []int // bytes of each write call
	writeFault    *fault
	readFault     *fault
	// gate, while it is not nil, blocks write calls until it is closed, by the function that
	// HoldWrites returned.
	gate chan struct{}
	// writeDeadline is the one that was set last.
	writeDeadline time.Time
}

// fault is what happens in the call that comes when so many others have come before.
type fault struct {
	after int
	taken int
	err   error
}

// Wrap returns a connection that passes everything on to conn.
func Wrap(conn net.Conn) *Conn { return &Conn{Conn: conn} }

// FailWrite makes the n-th write call from now, counted from 1, pass on only taken bytes and return
// err. The calls after it are passed on again.
func (c *Conn) FailWrite(n, taken int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writeFault = &fault{after: n, taken: taken, err: err}
}

// FailRead makes the n-th read call from now, counted from 1, return err without reading.
func (c *Conn) FailRead(n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readFault = &fault{after: n, err: err}
}

// HoldWrites makes write calls block, whatever their deadline, until release is called, once.
func (c *Conn) HoldWrites() (release func()) {
	gate := make(chan struct{})
	c.mu.Lock()
	c.gate = gate
	c.mu.Unlock()
	return func() {
		c.mu.Lock()
		c.gate = nil
		c.mu.Unlock()
		close(gate)
	}
}

// Reads returns how many read calls there were.
func (c *Conn) Reads() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reads
}

// ReadDeadlines returns how many times a read deadline was set.
func (c *Conn) ReadDeadlines() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.readDeadlines
}

// Writes returns how many bytes each write call was given. The caller owns the result.
func (c *Conn) Writes() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]int(nil), c.writes...)
}

// WriteDeadline returns the write deadline that was set last.
func (c *Conn) WriteDeadline() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writeDeadline
}

// Read implements net.Conn.
func (c *Conn) Read(b []byte) (int, error) {
	c.mu.Lock()
	c.reads++
	f := due(&c.readFault)
	c.mu.Unlock()
	if f != nil {
		return 0, f.err
	}
	return c.Conn.Read(b)
}

// Write implements net.Conn.
func (c *Conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.writes = append(c.writes, len(b))
	f, gate := due(&c.writeFault), c.gate
	c.mu.Unlock()
	if gate != nil {
		<-gate
	}
	if f == nil {
		return c.Conn.Write(b)
	}
	if f.taken == 0 {
		return 0, f.err
	}
	n, err := c.Conn.Write(b[:min(f.taken, len(b))])
	if err == nil {
		err = f.err
	}
	return n, err
}

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	c.readDeadlines++
	c.mu.Unlock()
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writeDeadline = t
	return c.Conn.SetWriteDeadline(t)
}

// due counts a call, and returns the fault and forgets it when the call is the one that it waits for.
func due(f **fault) *fault {
	if *f == nil {
		return nil
	}
	(*f).after--
	if (*f).after > 0 {
		return nil
	}
	now := *f
	*f = nil
	return now
}
