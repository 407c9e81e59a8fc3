package monorail

import (
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/address"
)

// occupancy keeps which sockets of the driver's pools requests hold, and how many operations wait for
// one. The pools are the accountants, this is what can be told of them. It may be shared between
// goroutines.
type occupancy struct {
	// held counts the sockets in servers, for readers without the lock.
	held atomic.Int64

	// mu guards the fields below. It is a leaf: nothing is called with it.
	mu sync.Mutex
	// servers has an entry for each server whose sockets are held or waited for.
	servers map[address.Address]*serverOccupancy
	// sent is what went over sockets that were given back.
	sent traffic
	// timedOut and refused count operations that waited in vain, and that were not let wait.
	timedOut, refused int64
}

// serverOccupancy is one server's part.
type serverOccupancy struct {
	tenants map[*pin]tenant
	waiting int
}

// tenant is who holds a socket, and since when.
type tenant struct {
	epoch *epoch
	since time.Time
}

// traffic is what went over one socket or more.
type traffic struct{ bytes, writeCalls, statements int64 }

// add adds what an epoch has sent.
func (t *traffic) add(e *epoch) {
	t.bytes += e.pin.outbox.Written()
	t.writeCalls += e.pin.outbox.WriteCalls()
	t.statements += e.issued.Load()
}

// serverLocked returns the entry of a server.
func (o *occupancy) serverLocked(addr address.Address) *serverOccupancy {
	s := o.servers[addr]
	if s == nil {
		if o.servers == nil {
			o.servers = make(map[address.Address]*serverOccupancy)
		}
		s = &serverOccupancy{tenants: make(map[*pin]tenant)}
		o.servers[addr] = s
	}
	return s
}

// trimLocked drops the entry of a server that has nothing in it.
func (o *occupancy) trimLocked(addr address.Address, s *serverOccupancy) {
	if len(s.tenants) == 0 && s.waiting == 0 {
		delete(o.servers, addr)
	}
}

// hold notes that e has got its socket.
func (o *occupancy) hold(e *epoch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.serverLocked(e.pin.address()).tenants[e.pin] = tenant{e, time.Now()}
	o.held.Add(1)
}

// free notes that a socket has gone back.
func (o *occupancy) free(p *pin) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.serverLocked(p.address())
	o.sent.add(s.tenants[p].epoch)
	delete(s.tenants, p)
	o.trimLocked(p.address(), s)
	o.held.Add(-1)
}

// holds tells whether requests hold sockets of a server.
func (o *occupancy) holds(addr address.Address) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.servers[addr]
	return s != nil && len(s.tenants) > 0
}

// enter counts an operation that waits, if no more than atMost would; a negative number is no limit.
func (o *occupancy) enter(addr address.Address, atMost int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.serverLocked(addr)
	if atMost >= 0 && s.waiting >= atMost {
		o.refused++
		o.trimLocked(addr, s)
		return false
	}
	s.waiting++
	return true
}

// exit counts an operation that waits no longer.
func (o *occupancy) exit(addr address.Address, timedOut bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.serverLocked(addr)
	s.waiting--
	o.trimLocked(addr, s)
	if timedOut {
		o.timedOut++
	}
}

// describe tells how many sockets of a server requests hold, how many operations wait for one, and
// which request has held its own for the longest time; nil if none has one.
func (o *occupancy) describe(addr address.Address) (held, waiting int, oldest *SocketHolder) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.servers[addr]
	if s == nil {
		return 0, 0, nil
	}
	return len(s.tenants), s.waiting, s.oldest()
}

func (s *serverOccupancy) oldest() *SocketHolder {
	var first tenant
	for _, t := range s.tenants {
		if first.epoch == nil || t.since.Before(first.since) {
			first = t
		}
	}
	if first.epoch == nil {
		return nil
	}
	return &SocketHolder{first.epoch.series.event(), first.epoch.socketEvent(), time.Since(first.since)}
}
