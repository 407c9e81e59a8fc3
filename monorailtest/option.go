package monorailtest

import (
	"crypto/tls"
	"fmt"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/access"
)

// Option changes how NewServer makes a server.
type Option func(*serverOptions)

type serverOptions struct {
	addr     string
	delay    time.Duration
	recorder func(Message)
	// tls is nil for a server without TLS.
	tls   *tls.Config
	users access.Users
}

// WithAddr makes the server listen on the given host:port. The default is 127.0.0.1 and a port that is free; a server
// that others can reach has no access control but that of WithUser.
func WithAddr(addr string) Option { return func(o *serverOptions) { o.addr = addr } }

// WithDelay makes a busy server from the start: see Server.SetDelay.
func WithDelay(d time.Duration) Option { return func(o *serverOptions) { o.delay = d } }

// WithRecorder has f called with every message that the server serves, hello included, before it executes it. The
// Message belongs to f. Calls for one connection come one after another in its order; calls for several connections
// may overlap, so f must be safe for concurrent use. The server waits for f.
func WithRecorder(f func(Message)) Option { return func(o *serverOptions) { o.recorder = f } }

// WithTLS makes a server that speaks TLS only, with a copy of config, which needs a certificate. With ClientAuth and
// ClientCAs it asks clients for theirs. The default is no TLS.
func WithTLS(config *tls.Config) Option { return func(o *serverOptions) { o.tls = config.Clone() } }

// WithUser makes a server with access control: a connection has to authenticate, by SCRAM-SHA-256 or SCRAM-SHA-1, as a
// user of the database admin, before it may do more than hello. Given several times, there are several users. The
// default is no access control.
//
// Without actions the user may do everything. With actions, MongoDB's names of what a privilege allows ("find",
// "insert", "update", "remove", "createIndex", …), the user may do those and no more, in every database; another
// command answers Unauthorized (13). The password must be one that SCRAM takes: WithUser panics for another.
func WithUser(name, password string, actions ...string) Option {
	return func(o *serverOptions) {
		if err := o.users.Add(name, password, actions...); err != nil {
			panic(fmt.Sprintf("monorailtest: the user %s: %v", name, err))
		}
	}
}
