package monorail

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/address"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/description"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"

	"github.com/mongo-monorail/monorail/internal/inbox"
	"github.com/mongo-monorail/monorail/internal/lane"
	"github.com/mongo-monorail/monorail/internal/outbox"
	"github.com/mongo-monorail/monorail/internal/wire"
)

const (
	// drainTimeout bounds how long giving a connection back waits for replies that are outstanding,
	// those of cancelled operations for the most part. It is what the driver allows for the same
	// purpose (topology.BGReadTimeout).
	drainTimeout = 400 * time.Millisecond

	// flushTimeout bounds how long giving a connection back waits for a server that does not read.
	// Held writes are lost when it has passed, so it is long.
	flushTimeout = 10 * time.Second

	// probeTimeout bounds reading what is known to have arrived.
	probeTimeout = time.Millisecond
)

// pinState says who may use a pin's connection.
type pinState int32

const (
	// pinLive: the pin has the connection, checked out of the pool.
	pinLive pinState = iota
	// pinBroken: the connection failed and went back to the pool closed.
	pinBroken
	// pinReleased: the connection went back to the pool.
	pinReleased
)

// pin is one connection checked out of the driver's pool, and the socket below it, which it reads
// and writes itself. Nothing of a request lives in it. It may be shared between goroutines.
type pin struct {
	// occupancy is the client's, which is told when the connection has gone back.
	occupancy  *occupancy
	server     *topology.SelectedServer
	connection *topology.Connection
	socket     *socket
	outbox     *outbox.Outbox
	inbox      *inbox.Inbox
	// limit bounds what Go may have under way.
	limit inbox.Limit
	// broke tells the owner why the connection failed, once, with no lock held, before any operation
	// hears of it.
	broke func(cause error)
	// tell delivers what broke and others have noted for the monitors. It is called with no lock held.
	tell func()

	state atomic.Int32 // a pinState; changed in leave only
	// cause is why the connection failed, and parting what is left of it, nil for nothing. They are
	// written by fail before known is closed.
	cause   error
	parting *parting
	// known is closed by fail; release, fence and later calls of fail receive where fail was first.
	known chan struct{}

	// compresses says that the handshake agreed on a compressor.
	compresses bool
	// merges says that unacknowledged writes may share messages.
	merges bool
	// kind is what the server was when the pin was made, and tookWrites says that it took writes, if the
	// request needs that. The connection's description may be older, of a time when the server had
	// another role.
	kind       description.ServerKind
	tookWrites bool
	// limits are what the lane's messages must keep to; the zero value where the lane is not for the server.
	limits lane.Limits
	// What the driver's connection says of itself, kept because it forgets it when it goes back.
	id                 string
	description        description.Server
	serverConnectionID *int64
	driverConnectionID int64
}

// newPin checks a connection out of the server's pool, for as long as ctx allows, and makes it the
// socket of e. One that the server has ended while it was idle goes back closed: nothing was promised
// on it yet.
func newPin(ctx context.Context, c *Client, server *topology.SelectedServer, e *epoch) error {
	for {
		conn, err := c.checkOut(ctx, server, e.series)
		if err != nil {
			return err
		}
		connection, ok := conn.ReadWriteCloser.(*topology.Connection)
		if !ok {
			_ = conn.Close()
			return errForeignSocket
		}
		s := c.sockets.find(connection.LocalAddress().String())
		if s == nil {
			_ = conn.Close()
			return errForeignSocket
		}
		// The driver's connection leaves the deadlines of its last operation behind.
		if s.clearDeadlines() == nil && s.check() == nil {
			adopt(c, server, connection, s, e)
			return nil
		}
		_ = connection.Expire()
	}
}

// adopt makes a connection that was checked out the pin of e.
func adopt(c *Client, server *topology.SelectedServer, connection *topology.Connection, s *socket, e *epoch) {
	p := &pin{
		occupancy:          &c.occupancy,
		server:             server,
		connection:         connection,
		socket:             s,
		broke:              e.breakOff,
		tell:               e.series.tellMonitors,
		known:              make(chan struct{}),
		limit:              inbox.Limit{Replies: c.settings.maxInFlight, Bytes: maxInFlightBytes},
		id:                 connection.ID(),
		description:        connection.Description(),
		serverConnectionID: connection.ServerConnectionID(),
		driverConnectionID: connection.DriverConnectionID(),
	}
	p.compresses, p.limits = negotiated(connection), laneLimits(&p.description)
	if p.kind = server.Description().Server.Kind; p.kind == description.Unknown {
		p.kind = p.description.Kind
	}
	// A direct connection is to a server of any kind; otherwise one that takes writes was asked for.
	p.tookWrites = c.deployment.Kind() != description.TopologyKindSingle || writable(p.kind)
	p.merges = c.settings.mergeWrites && !p.compresses && (c.settings.mergeThroughMongos || !p.throughMongos())
	config := outbox.Config{
		Limit:     c.settings.maxHeldBytes,
		Interval:  c.settings.flushInterval,
		Resumable: s.resumable,
		Blocked:   p.pump,
		Failed:    p.fail,
		Company:   func() bool { return p.inbox.Company() }, // made after the outbox
	}
	mergesAreTold := p.merges && c.monitor != nil
	if mergesAreTold {
		config.Sealed = func(m outbox.Sealed) { e.series.merged.add(mergedMessage{p, m}) }
	}
	if c.observed() || mergesAreTold {
		config.TimerWrote = p.tell
	}
	if c.watchesFlushes() {
		config.Wrote = e.noteFlushed
	}
	p.outbox = outbox.New(s.Conn, config)
	p.inbox = inbox.New(s.Conn, p.maxReplySize(), p.fail)
	e.pin = p
	c.occupancy.hold(e)
	s.pin.Store(p)
}

func (p *pin) maxReplySize() int32 {
	if n := p.description.MaxMessageSize; n > 0 {
		return int32(n)
	}
	return wire.DefaultMaxMessageSize
}

// leave changes the state from pinLive, and tells whether it did: one caller gets true.
func (p *pin) leave(to pinState) bool {
	return p.state.CompareAndSwap(int32(pinLive), int32(to))
}

// pump lets somebody read while a write is blocked. The goroutine ends when release is called,
// which waits for it.
func (p *pin) pump() (release func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}) // closed by the goroutine when it ends
	go func() {
		defer close(done)
		_ = p.inbox.Pump(ctx) // a failure of the connection ends the write too
	}()
	return func() {
		cancel()
		<-done
	}
}

// fail ends the connection because of cause, and gives it back closed. What the driver would have
// done to the pool for the same error of an operation of its own is done here, since a held write
// has no operation of the driver that would do it; the driver's own processing of the error then
// finds the connection stale, and does nothing. When it returns the owner knows of the break, also where
// another goroutine was first: whoever met the failure tells others of it next.
func (p *pin) fail(cause error) {
	if !p.leave(pinBroken) {
		if pinState(p.state.Load()) == pinBroken {
			<-p.known
		}
		return
	}
	defer p.occupancy.free(p)
	p.cause = cause
	p.broke(cause)
	p.outbox.Fail(cause)
	p.inbox.Fail(cause)
	if stillOpen(cause) {
		p.parting = p.socket.part(p.outbox.Writing())
	}
	if p.parting == nil {
		// Close without half-closing: the server's state is unknown, and nothing can be promised of it.
		_ = p.socket.Close()
	}
	close(p.known)
	defer p.connection.Expire() // also where a monitor of the user's panics
	if !errors.Is(cause, errNoLongerPrimary) {
		// What the server says of its role is no failure of the network: the driver has processed it
		// as what it is, and other connections of the pool are good.
		connectionError := topology.ConnectionError{ConnectionID: p.id, Wrapped: cause}
		p.server.ProcessError(driver.Error{
			Message: connectionError.Error(),
			Labels:  []string{driver.NetworkError},
			Wrapped: connectionError,
		}, p.connection)
	}
}

// closedByDriver is told that the driver closes the connection: nothing, where the pin is giving it back.
func (p *pin) closedByDriver() {
	if pinState(p.state.Load()) == pinLive {
		p.fail(errPoolCleared)
		p.tell()
	}
}

// stillOpen tells whether a connection that failed for that cause is still there: it was given up on
// this side, and the server can be waited for.
func stillOpen(cause error) bool {
	for _, ours := range []error{
		errNoLongerPrimary, errRemoved, errPoolCleared, outbox.ErrInterrupted, inbox.ErrMalformed,
	} {
		if errors.Is(cause, ours) {
			return true
		}
	}
	return false
}

// probe fails the pin if the server has ended the connection, and takes in what has arrived while
// nobody was reading. It waits for next to nothing, and does nothing while somebody reads.
func (p *pin) probe() {
	switch err := p.inbox.Probe(p.socket.peek); {
	case err == nil:
	case errors.Is(err, errUnasked):
		// Late replies to operations that gave up, or below TLS the server's word that it closes.
		ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
		defer cancel()
		_ = p.inbox.Pump(ctx)
	default:
		p.fail(err)
	}
}

// fence returns when nothing more of what was sent on the failed connection can be executed, or that
// cannot be known; fenced says which. When ctx ends first it returns the context's error.
func (p *pin) fence(ctx context.Context) (fenced bool, err error) {
	select {
	case <-p.known:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if p.parting == nil {
		return false, nil
	}
	return p.parting.wait(ctx)
}

// bury closes what is left of the failed connection.
func (p *pin) bury() {
	<-p.known
	if p.parting != nil {
		p.parting.close()
	}
}

// release flushes, waits for outstanding replies within bounds, and gives the connection back: to
// the pool where it is clean, else closed. Operations that are still waiting after that get
// ErrRequestEnded. The error is that of the flush: held writes were not sent.
func (p *pin) release() error {
	err := p.shut()
	if pinState(p.state.Load()) != pinLive {
		return p.failed()
	}
	if !p.inbox.Quiet() {
		ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
		_ = p.inbox.Drain(ctx) // what it did not reach shows in Close
		cancel()
	}
	clean := p.inbox.Close(ErrRequestEnded)
	if !p.leave(pinReleased) {
		return p.failed()
	}
	defer p.occupancy.free(p)
	p.socket.pin.Store(nil)
	if err == nil && clean {
		if err = p.socket.check(); err == nil && p.socket.clearDeadlines() == nil {
			return p.connection.Close()
		}
	}
	if err == nil && !p.socket.drain(drainTimeout) {
		err = errUnread
	}
	_ = p.connection.Expire()
	return err
}

// failed returns the cause of the failure that came first.
func (p *pin) failed() error {
	<-p.known
	return p.cause
}

// shut sends what is held, and lets nothing more in.
func (p *pin) shut() error {
	if p.outbox.Close(ErrRequestEnded) {
		return nil // as nearly always: an acknowledged operation came last
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	for {
		if err := p.outbox.Flush(ctx); err != nil {
			p.outbox.Fail(ErrRequestEnded)
			return err
		}
		if p.outbox.Close(ErrRequestEnded) {
			return nil
		}
		// An operation that had begun before the end held one more message.
	}
}

// negotiated tells whether connection compresses messages, which it does not say: it is asked for
// one without a body.
func negotiated(connection *topology.Connection) bool {
	probe := wiremessage.AppendHeader(nil, wire.HeaderLength, 0, 0, wiremessage.OpMsg)
	out, err := connection.CompressWireMessage(probe, nil)
	return err == nil && len(out) > len(probe)
}

// current returns what is known of the server by now: its latest description, or, while monitoring has
// lost sight of it, that of the handshake, with the role it had when the pin was made.
func (p *pin) current() description.Server {
	if d := p.server.Description().Server; d.Kind != description.Unknown {
		return d
	}
	d := p.description
	d.Kind = p.kind
	return d
}

// currentKind is the kind of what current returns.
func (p *pin) currentKind() description.ServerKind {
	if kind := p.server.Server.Description().Kind; kind != description.Unknown {
		return kind
	}
	return p.kind
}

func (p *pin) address() address.Address { return p.description.Addr }

// lostWritable tells whether a server that took writes when the request that needs it was pinned now is
// of a kind that does not. One of which nothing is known at the moment may still.
func (p *pin) lostWritable(now description.ServerKind) bool {
	return p.tookWrites && now != description.Unknown && !writable(now)
}

// superseded tells whether a server that took writes when it was pinned is of an unknown kind now, in a
// set in which a server is primary. It is another one then: of two, the driver believes the one that was
// elected last, and says of the other one, be it cut off from the set and not aware of it, that it is unknown.
func (p *pin) superseded(now description.ServerKind, elected bool) bool {
	return p.tookWrites && now == description.Unknown && elected
}

// writable tells whether a server of that kind takes writes.
func writable(kind description.ServerKind) bool {
	switch kind {
	case description.ServerKindRSPrimary, description.ServerKindMongos,
		description.ServerKindStandalone, description.ServerKindLoadBalancer:
		return true
	default:
		return false
	}
}
