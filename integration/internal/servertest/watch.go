package servertest

import (
	"context"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
)

// Pool counts what a client's pools do. It may be shared between goroutines.
type Pool struct {
	started, checkedOut, failed, checkedIn, created, closed, cleared atomic.Int64

	// mu guards services.
	mu sync.Mutex
	// services holds the service of each clearing; nil for a whole pool.
	services []*bson.ObjectID
}

// Monitor returns the monitor that feeds the counts.
func (p *Pool) Monitor() *event.PoolMonitor {
	return &event.PoolMonitor{Event: func(e *event.PoolEvent) {
		switch e.Type {
		case event.ConnectionCheckOutStarted:
			p.started.Add(1)
		case event.ConnectionCheckOutFailed:
			p.failed.Add(1)
		case event.ConnectionCheckedOut:
			p.checkedOut.Add(1)
		case event.ConnectionCheckedIn:
			p.checkedIn.Add(1)
		case event.ConnectionCreated:
			p.created.Add(1)
		case event.ConnectionClosed:
			p.closed.Add(1)
		case event.ConnectionPoolCleared:
			p.cleared.Add(1)
			p.mu.Lock()
			p.services = append(p.services, e.ServiceID)
			p.mu.Unlock()
		}
	}}
}

// CheckedOut returns how many connections are checked out now.
func (p *Pool) CheckedOut() int {
	in := p.checkedIn.Load()
	return int(p.checkedOut.Load() - in)
}

// CheckOuts returns how many checkouts there were.
func (p *Pool) CheckOuts() int { return int(p.checkedOut.Load()) }

// Waiting returns how many checkouts have begun and not ended.
func (p *Pool) Waiting() int {
	ended := p.checkedOut.Load() + p.failed.Load()
	return int(p.started.Load() - ended)
}

// Created returns how many connections were made.
func (p *Pool) Created() int { return int(p.created.Load()) }

// Closed returns how many connections were closed.
func (p *Pool) Closed() int { return int(p.closed.Load()) }

// Cleared returns how often a pool was cleared.
func (p *Pool) Cleared() int { return int(p.cleared.Load()) }

// ClearedServices returns of each time that a pool was cleared which service's connections it was
// about; nil for all.
func (p *Pool) ClearedServices() []*bson.ObjectID {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.services)
}

// Commands keeps what a client's command monitor saw. It may be shared between goroutines.
type Commands struct {
	// mu guards the fields below.
	mu        sync.Mutex
	started   []*event.CommandStartedEvent
	succeeded []*event.CommandSucceededEvent
	failed    []*event.CommandFailedEvent
}

// Monitor returns the monitor that feeds it.
func (c *Commands) Monitor() *event.CommandMonitor {
	return &event.CommandMonitor{
		Started: func(_ context.Context, e *event.CommandStartedEvent) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.started = append(c.started, e)
		},
		Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.succeeded = append(c.succeeded, e)
		},
		Failed: func(_ context.Context, e *event.CommandFailedEvent) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.failed = append(c.failed, e)
		},
	}
}

// Started returns the started events since the last Reset.
func (c *Commands) Started() []*event.CommandStartedEvent {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*event.CommandStartedEvent(nil), c.started...)
}

// Succeeded returns the succeeded events since the last Reset.
func (c *Commands) Succeeded() []*event.CommandSucceededEvent {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*event.CommandSucceededEvent(nil), c.succeeded...)
}

// Failed returns the failed events since the last Reset.
func (c *Commands) Failed() []*event.CommandFailedEvent {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*event.CommandFailedEvent(nil), c.failed...)
}

// Reset forgets what was seen.
func (c *Commands) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.started, c.succeeded, c.failed = nil, nil, nil
}

// Connections returns the connection ids of the started events, each once, in the order of their
// first use.
func (c *Commands) Connections() []string {
	seen := make(map[string]bool)
	var ids []string
	for _, e := range c.Started() {
		if !seen[e.ConnectionID] {
			seen[e.ConnectionID] = true
			ids = append(ids, e.ConnectionID)
		}
	}
	return ids
}

// Dialer counts the write calls of the connections that it makes. It may be shared between
// goroutines.
type Dialer struct {
	net.Dialer
	Writes atomic.Int64
}

// DialContext implements options.ContextDialer.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &countingConn{Conn: conn, writes: &d.Writes}, nil
}

type countingConn struct {
	net.Conn
	writes *atomic.Int64
}

func (c *countingConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}
