// Package delay is a network in the process: it passes bytes on to a server, each direction delayed
// by the same time, in order and with no limit on bandwidth.
package delay

import (
	"net"
	"sync"
	"time"
)

const (
	readSize = 64 << 10
	// inTransit is how many chunks are on their way at most; at 64 KiB each the limit is out of reach
	// for what benchmarks send in a millisecond.
	inTransit = 256
)

// Proxy is a running proxy.
type Proxy struct {
	listener net.Listener
	target   string
	oneWay   time.Duration

	// running counts the goroutines of the proxy; Close waits for them.
	running sync.WaitGroup

	// mu guards the fields below.
	mu     sync.Mutex
	conns  map[net.Conn]struct{} // the open sockets of both sides
	closed bool                  // set by Close; no socket is added then
}

// Start starts a proxy on loopback in front of target, which is host:port. What goes through it
// arrives oneWay later. The caller closes it.
func Start(target string, oneWay time.Duration) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: listener, target: target, oneWay: oneWay, conns: make(map[net.Conn]struct{})}
	p.running.Go(p.accept)
	return p, nil
}

// Address returns host:port.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Close ends every connection and waits for the goroutines.
func (p *Proxy) Close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for conn := range p.conns {
		_ = conn.Close() // never blocks: no linger is set
	}
	p.mu.Unlock()
	p.running.Wait()
}

// accept runs until Close, which closes the listener and waits.
func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		// Ends when either side does; Close closes both.
		p.running.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer p.drop(client)
	if !p.keep(client) {
		return
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer p.drop(server)
	if !p.keep(server) {
		return
	}
	var directions sync.WaitGroup
	directions.Go(func() { p.pass(server, client) })
	directions.Go(func() { p.pass(client, server) })
	directions.Wait()
}

// chunk is what one read returned; due is when it arrives.
type chunk struct {
	bytes []byte // belongs to whoever has the chunk
	due   time.Time
}

// pass carries one direction until from ends or to fails, and then closes both.
func (p *Proxy) pass(to, from net.Conn) {
	chunks := make(chan chunk, inTransit) // the reader sends and closes, this function receives
	// The reader ends with from, and its last act is the close, which this function waits for.
	go func() {
		defer close(chunks)
		buffer := make([]byte, readSize)
		for {
			n, err := from.Read(buffer)
			if n > 0 {
				chunks <- chunk{append([]byte(nil), buffer[:n]...), time.Now().Add(p.oneWay)}
			}
			if err != nil {
				return
			}
		}
	}()
	for c := range chunks {
		sleepUntil(c.due)
		if _, err := to.Write(c.bytes); err != nil {
			_ = from.Close() // ends the reader; what is left in the channel fails in the same way
		}
	}
	_ = to.Close()
}

func (p *Proxy) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.conns[conn] = struct{}{}
	}
	return !p.closed
}

func (p *Proxy) drop(conn net.Conn) {
	_ = conn.Close()
	p.mu.Lock()
	delete(p.conns, conn)
	p.mu.Unlock()
}
