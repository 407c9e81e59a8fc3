package monorailtest

import (
	"crypto/tls"
	"fmt"
	"strings"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/access"
)

// Option changes how NewServer makes a server, or NewReplicaSet its members.
type Option func(*serverOptions)

type serverOptions struct {
	addr     string
	delay    time.Duration
	recorder func(Message)
	// refused is told of refused messages; nil for nobody.
	refused func(Refusal)
	// tls is nil for a server without TLS.
	tls   *tls.Config
	users access.Users
	// lifetime is that of transactions; 0 for MongoDB's.
	lifetime time.Duration
	// mongos says that the server presents itself as one, and loadBalanced how many are behind its address; 0 for no
	// load balancer.
	mongos       bool
	loadBalanced int
	// file is what keeps the data.
	file fileOptions
	// set is what NewReplicaSet needs beyond its members.
	set setOptions
}

func newOptions(opts []Option) *serverOptions {
	o := &serverOptions{addr: anyPort}
	for _, opt := range opts {
		opt(o)
	}
	return o
}

// anyPort is the address that a server has by default.
const anyPort = "127.0.0.1:0"

// parameters returns what a connection string needs so that a client understands the server; "" for nothing.
func (o *serverOptions) parameters() string {
	var needed []string
	if o.tls != nil {
		needed = append(needed, "tls=true")
	}
	if o.loadBalanced > 0 {
		needed = append(needed, "loadBalanced=true")
	}
	if o.mongos {
		needed = append(needed, "retryWrites=false")
	}
	if needed == nil {
		return ""
	}
	return "/?" + strings.Join(needed, "&")
}

// WithAddr makes the server listen on the given host:port. The default is 127.0.0.1 and a port that is free; a server
// that others can reach has no access control but that of WithUser. In a replica set it is the address of member 0; the
// others have the same host and the ports that follow, or free ones where the port is 0. The set tells clients these
// addresses, so that a host other than loopback should be one by which clients can reach it.
func WithAddr(addr string) Option { return func(o *serverOptions) { o.addr = addr } }

// WithDelay makes a busy server from the start: see Server.SetDelay.
func WithDelay(d time.Duration) Option { return func(o *serverOptions) { o.delay = d } }

// WithRecorder has f called with every message that the server serves, hello included, before it executes it. The
// Message belongs to f. Calls for one connection come one after another in its order; calls for several connections
// may overlap, so f must be safe for concurrent use. The server waits for f.
func WithRecorder(f func(Message)) Option { return func(o *serverOptions) { o.recorder = f } }

// WithTransactionLifetime sets how long a transaction may be open before the server aborts it. The default is 60 seconds,
// as in MongoDB; setParameter sets transactionLifetimeLimitSeconds later. It panics if d is not positive.
func WithTransactionLifetime(d time.Duration) Option {
	if d <= 0 {
		panic("monorailtest: the lifetime of transactions is not positive")
	}
	return func(o *serverOptions) { o.lifetime = d }
}

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

// WithMongos makes a server that tells clients that it is a mongos. It has the data itself. It knows transactions, and no
// retryable writes, which URI says. The default is a standalone.
func WithMongos() Option { return func(o *serverOptions) { o.mongos = true } }

// WithLoadBalancer is WithMongos for n of them behind a load balancer: connections reach one after the other in turn,
// hello names each by its serviceId, and each has cursors of its own and the data in common. A client has to set
// loadBalanced, as URI does; hello refuses one that does not (354).
func WithLoadBalancer(n int) Option {
	return func(o *serverOptions) { o.mongos, o.loadBalanced = true, max(n, 1) }
}
