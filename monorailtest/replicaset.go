package monorailtest

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/access"
	"github.com/mongo-monorail/monorail/monorailtest/internal/replset"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

const (
	// defaultSetName is the setName where WithSetName says nothing.
	defaultSetName = "rs0"
	// defaultElectionDelay is that of WithElectionDelay: long enough for a driver to meet a set without a primary,
	// short enough not to hold up a test.
	defaultElectionDelay = 50 * time.Millisecond
)

// setOptions are the options that only NewReplicaSet looks at.
type setOptions struct {
	name          string
	electionDelay time.Duration
	members       map[int]*replset.Config
}

func (o *setOptions) member(i int) *replset.Config {
	if o.members == nil {
		o.members = map[int]*replset.Config{}
	}
	if o.members[i] == nil {
		o.members[i] = &replset.Config{}
	}
	return o.members[i]
}

// WithSetName gives a replica set another name than the default, rs0. NewServer ignores it.
func WithSetName(name string) Option { return func(o *serverOptions) { o.set.name = name } }

// WithElectionDelay says how long a replica set is without a primary before the next one is elected. The default is 50 ms,
// where a real set takes some 2 to 12 s. NewServer ignores it.
func WithElectionDelay(d time.Duration) Option {
	return func(o *serverOptions) { o.set.electionDelay = d }
}

// WithTags gives a member of a replica set tags, which read preferences select by. NewServer ignores it.
func WithTags(member int, tags map[string]string) Option {
	return func(o *serverOptions) { o.set.member(member).Tags = tags }
}

// WithHidden makes members of a replica set hidden: hello does not name them, and they are never elected. They count for
// majorities. Member 0, the first primary, cannot be one of them. NewServer ignores it.
func WithHidden(members ...int) Option {
	return func(o *serverOptions) {
		for _, i := range members {
			o.set.member(i).Hidden = true
		}
	}
}

// WithPassive makes members of a replica set passive: priority 0, never elected. Member 0, the first primary, cannot be
// one of them. NewServer ignores it.
func WithPassive(members ...int) Option {
	return func(o *serverOptions) {
		for _, i := range members {
			o.set.member(i).Passive = true
		}
	}
}

// ReplicaSet is a replica set of MongoDB in the process. Its members are servers, numbered from 0, whose faults can be
// set one by one. Its methods may be called from several goroutines; those that take the number of a member panic for a
// member that does not exist.
type ReplicaSet struct {
	set     *replset.Set
	members []*Server
	// parameters are those of the connection string.
	parameters string
	// keeper keeps the data in a file; nil for none.
	keeper *keeper
	// closing closes the keeper and the set.
	closing sync.Once
}

// NewReplicaSet starts a replica set of n members. When it returns they listen, member 0 is primary, and the others are
// secondaries. The options hold for every member. Close ends the set. NewReplicaSet panics where StartReplicaSet has an
// error, for an n below 1, and for options that fit no member.
func NewReplicaSet(n int, opts ...Option) *ReplicaSet {
	rs, err := StartReplicaSet(n, opts...)
	if err != nil {
		panic(err.Error())
	}
	return rs
}

// StartReplicaSet is NewReplicaSet for a program that is no test: if it cannot listen, it returns an error.
func StartReplicaSet(n int, opts ...Option) (*ReplicaSet, error) {
	o := newOptions(opts)
	if n < 1 || o.mongos || o.set.member(0).Hidden || o.set.member(0).Passive {
		panic(fmt.Sprintf("monorailtest: no replica set of %d members with these options", n))
	}
	for i := range o.set.members {
		if i < 0 || i >= n {
			panic(fmt.Sprintf("monorailtest: an option for member %d of %d", i, n))
		}
	}
	if o.set.name == "" {
		o.set.name = defaultSetName
	}
	if o.set.electionDelay <= 0 {
		o.set.electionDelay = defaultElectionDelay
	}
	addrs, err := memberAddrs(o.addr, n)
	if err != nil {
		return nil, err
	}
	k, kept, err := o.openKeeper()
	if err != nil {
		return nil, err
	}
	rs := &ReplicaSet{parameters: o.parameters(), keeper: k}
	listeners := make([]net.Listener, n)
	configs := make([]replset.Config, n)
	for i := range n {
		server, listener, err := prepareServer(o, addrs[i])
		if err != nil {
			for _, l := range listeners[:i] {
				_ = l.Close() // it has served nobody
			}
			k.close()
			return nil, err
		}
		rs.members, listeners[i] = append(rs.members, server), listener
		configs[i] = *o.set.member(i)
		configs[i].Addr, configs[i].Disconnect = server.Addr(), server.hangUp
	}
	rs.set = replset.New(o.set.name, o.set.electionDelay, configs)
	if k != nil {
		rs.set.Fill(kept)
		k.replicated = true
		k.start(o.file.interval, func() (*store.Store, *access.Users) { return rs.set.Holder().Data.Store, &o.users })
	}
	for i, server := range rs.members {
		server.parameters = joinParameters(server.parameters, "directConnection=true")
		server.state.SetMember(rs.set.Member(i))
		server.start(listeners[i])
	}
	return rs, nil
}

// memberAddrs returns where the members of a set listen whose first one listens at addr.
func memberAddrs(addr string, n int) ([]string, error) {
	first, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("monorailtest: cannot listen on %s: %w", addr, err)
	}
	out := make([]string, n)
	for i := range out {
		member := *first
		if member.Port != 0 {
			member.Port += i
		}
		out[i] = member.String()
	}
	return out, nil
}

// joinParameters adds a parameter to those of a connection string.
func joinParameters(parameters, more string) string {
	if parameters == "" {
		return "/?" + more
	}
	return parameters + "&" + more
}

// hangUp closes the connections whose clients have said hello, but for those that said hangUpOnStepDown: false.
func (s *Server) hangUp() {
	s.mu.Lock()
	conns := s.connsLocked()
	s.mu.Unlock()
	for _, c := range conns {
		if c.hangUp.Load() {
			c.close()
		}
	}
}

// URI returns a connection string for the set: "mongodb://127.0.0.1:PORT,…/?replicaSet=rs0" with every member, hidden
// and removed ones apart.
func (rs *ReplicaSet) URI() string {
	d := rs.set.Member(0).Describe()
	return "mongodb://" + strings.Join(append(d.Hosts, d.Passives...), ",") +
		joinParameters(rs.parameters, "replicaSet="+rs.set.Name())
}

// Members returns the members in their order. The URI of a member is one for a direct connection to it. Closing a member
// ends its service for good; Kill is what can be undone.
func (rs *ReplicaSet) Members() []*Server { return append([]*Server(nil), rs.members...) }

// Member returns member i.
func (rs *ReplicaSet) Member(i int) *Server { return rs.members[i] }

// Primary returns the number of the primary, -1 while there is none. Of two, which an isolated member makes possible, it
// is the one elected last.
func (rs *ReplicaSet) Primary() int {
	if p := rs.set.Primary(); p != nil {
		return p.Index()
	}
	return -1
}

// AwaitPrimary returns the number of the primary as soon as there is one that takes writes, or the error of ctx.
func (rs *ReplicaSet) AwaitPrimary(ctx context.Context) (int, error) {
	p, err := rs.set.AwaitPrimary(ctx)
	if err != nil {
		return -1, err
	}
	return p.Index(), nil
}

// AwaitReplication returns when every member that runs has all entries of the primary, or with the error of ctx. It
// waits for ever for a member whose replication is stopped.
func (rs *ReplicaSet) AwaitReplication(ctx context.Context) error {
	return rs.set.AwaitReplication(ctx)
}

// Close ends the set: every member is closed as Server.Close does, and replication ends. It returns when every goroutine
// has ended.
func (rs *ReplicaSet) Close() {
	for _, s := range rs.members {
		s.Close()
	}
	rs.closing.Do(func() {
		rs.keeper.close()
		rs.set.Close()
	})
}
