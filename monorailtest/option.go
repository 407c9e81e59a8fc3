package monorailtest

import "time"

// Option changes how NewServer makes a server.
type Option func(*serverOptions)

type serverOptions struct {
	addr     string
	delay    time.Duration
	recorder func(Message)
}

// WithAddr makes the server listen on the given host:port. The default is 127.0.0.1 and a port that is free; a server
// that others can reach has no access control.
func WithAddr(addr string) Option { return func(o *serverOptions) { o.addr = addr } }

// WithDelay makes a busy server from the start: see Server.SetDelay.
func WithDelay(d time.Duration) Option { return func(o *serverOptions) { o.delay = d } }

// WithRecorder has f called with every message that the server serves, hello included, before it executes it. The
// Message belongs to f. Calls for one connection come one after another in its order; calls for several connections
// may overlap, so f must be safe for concurrent use. The server waits for f.
func WithRecorder(f func(Message)) Option { return func(o *serverOptions) { o.recorder = f } }
