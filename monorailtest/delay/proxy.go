// Package delay is a network in the process, for tests and trials of what a round trip costs: a proxy
// that passes bytes on to a server later.
package delay

import (
	"net"
	"sync"
	"time"
)

// Proxy passes bytes on to a server, each direction delayed by half of the round-trip time, in order
// and with no limit on bandwidth. It may be shared between goroutines.
type Proxy struct {
	listener net.Listener
	target   string
	delay    time.Duration

	// running counts the goroutines of the proxy; Close waits for them.
	running sync.WaitGroup

	mu sync.Mutex
	// conns are the open sockets of both sides. Guarded by mu.
	conns map[net.Conn]struct{}
	// closed is true after Close; no socket is added then. Guarded by mu.
	closed bool
}

// Start starts a proxy on loopback in front of target, which is host:port, so that round trips through
// it take rtt longer. The caller closes it.
func Start(target string, rtt time.Duration) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: listener, target: target, delay: rtt / 2, conns: map[net.Conn]struct{}{}}
	p.running.Go(p.accept)
	return p, nil
}

// Address returns the proxy's host:port.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// accept runs until Close, which closes the listener and waits.
func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		// Ends when one of its two sockets ends; Close closes both and waits.
		p.running.Go(func() { p.serve(client) })
	}
}

// serve passes bytes between client and a connection to the target until both directions have ended.
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
	// Each direction ends with its source; a failure of one closes that of the other as well.
	directions.Go(func() { p.pass(server, client) })
	directions.Go(func() { p.pass(client, server) })
	directions.Wait()
}

// pass is one direction of serve.
func (p *Proxy) pass(dst, src net.Conn) {
	sleepUntil, release := newSleeper()
	defer release()
	relay(dst, src, p.delay, sleepUntil)
}

// keep remembers conn for Close. It reports false when the proxy is closed already.
func (p *Proxy) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.conns[conn] = struct{}{}
	}
	return !p.closed
}

// drop closes conn and forgets it.
func (p *Proxy) drop(conn net.Conn) {
	_ = conn.Close()
	p.mu.Lock()
	delete(p.conns, conn)
	p.mu.Unlock()
}

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
