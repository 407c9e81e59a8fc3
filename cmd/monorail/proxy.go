package main

import (
	"net"
	"sync"
	"time"
)

// proxy is a network in the process: it passes bytes on to a server, each direction delayed by half
// of the round-trip time, in order and with no limit on bandwidth.
type proxy struct {
	listener net.Listener
	target   string
	delay    time.Duration

	// running counts the goroutines of the proxy; close waits for them.
	running sync.WaitGroup

	mu sync.Mutex
	// conns are the open sockets of both sides. Guarded by mu.
	conns map[net.Conn]struct{}
	// closed is true after close; no socket is added then. Guarded by mu.
	closed bool
}

// startProxy starts a proxy on loopback in front of target. The caller closes it.
func startProxy(target string, rtt time.Duration) (*proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: listener, target: target, delay: rtt / 2, conns: map[net.Conn]struct{}{}}
	p.running.Go(p.accept)
	return p, nil
}

func (p *proxy) address() string { return p.listener.Addr().String() }

// accept runs until close, which closes the listener and waits.
func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		// Ends when one of its two sockets ends; close closes both and waits.
		p.running.Go(func() { p.serve(client) })
	}
}

// serve passes bytes between client and a connection to the target until both directions have ended.
func (p *proxy) serve(client net.Conn) {
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
func (p *proxy) pass(dst, src net.Conn) {
	sleepUntil, release := newSleeper()
	defer release()
	relay(dst, src, p.delay, sleepUntil)
}

// keep remembers conn for close. It reports false when the proxy is closed already.
func (p *proxy) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.conns[conn] = struct{}{}
	}
	return !p.closed
}

// drop closes conn and forgets it.
func (p *proxy) drop(conn net.Conn) {
	_ = conn.Close()
	p.mu.Lock()
	delete(p.conns, conn)
	p.mu.Unlock()
}

// close ends every connection and waits for the goroutines.
func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for conn := range p.conns {
		_ = conn.Close() // never blocks: no linger is set
	}
	p.mu.Unlock()
	p.running.Wait()
}
