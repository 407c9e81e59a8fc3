package monorail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/address"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/ocsp"
)

// socket is the net.Conn that the driver's connection is built on. While the driver has it, for the
// handshake, authentication and operations outside requests, it only passes calls on. Between
// checkout and return a pin uses it, and the driver's connection does not.
//
// The driver's connection does not give its net.Conn away, but it tells LocalAddr: so a socket has a
// LocalAddr like no other, and the pin finds it by that. This file is the one place that knows.
type socket struct {
	net.Conn
	tag     socketTag
	sockets *socketTable
	// resumable says that a write which met its deadline can be gone on with.
	resumable bool
	liveness  *liveness // of the kernel's socket at the bottom; nil where there is none
	// pin has the socket between checkout and return; nil while it is the driver's.
	pin atomic.Pointer[pin]
	// parted says that the connection below is not closed with the socket any more: see part.
	parted atomic.Bool
}

// socketTag is a local address that no other socket of the process has.
type socketTag struct{ network, address string }

func (t socketTag) Network() string { return t.network }
func (t socketTag) String() string  { return t.address }

// canonical returns the tag in the form in which the driver's connection tells it: the address of a Unix
// socket, for one, gets a port, and a zone loses its capitals.
func (t socketTag) canonical() string { return address.Address(t.address).String() }

// LocalAddr returns the socket's tag.
func (s *socket) LocalAddr() net.Addr { return s.tag }

// Close closes the connection and forgets the socket. The driver also closes sockets that are in use,
// where it clears a pool because its monitor found the server dead, or removes the server: the pin
// hears of it at once, whoever is reading.
func (s *socket) Close() error {
	s.sockets.remove(s)
	if p := s.pin.Load(); p != nil {
		p.closedByDriver()
	}
	if s.parted.Load() {
		return nil
	}
	return s.Conn.Close()
}

// part takes the connection below away from the driver, interrupts whoever reads or writes it, and
// half-closes it. It returns nil where that cannot be done. writing says that a write is under way.
func (s *socket) part(writing bool) *parting {
	_, secure := s.Conn.(*tls.Conn)
	if secure && writing {
		return nil // a TLS record that is cut off spoils the connection
	}
	s.parted.Store(true)
	_ = s.Conn.SetReadDeadline(past)
	if !secure {
		_ = s.Conn.SetWriteDeadline(past)
	}
	p := newParting(s.Conn)
	if p == nil {
		s.parted.Store(false)
	}
	return p
}

// drain ends the connection so that the server gets everything that was written: it half-closes and
// reads what comes until the server closes too. After the given time it closes, whatever came. A
// connection that is closed with unread replies is reset, and then the server can lose the tail of
// what was sent. It tells whether the server closed.
func (s *socket) drain(atMost time.Duration) bool {
	half, ok := s.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return false
	}
	// No read deadline: an operation that gives up at this moment would take it away.
	timer := time.AfterFunc(atMost, func() { _ = s.Conn.Close() })
	defer timer.Stop()
	_, err := io.Copy(io.Discard, s.Conn)
	return err == nil
}

// clearDeadlines takes both deadlines away, one by one as the driver does: a connection of the user's dialer
// need not know SetDeadline.
func (s *socket) clearDeadlines() error {
	if err := s.Conn.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	return s.Conn.SetWriteDeadline(time.Time{})
}

// check returns nil for an idle connection that the next operation can use, as far as that can be
// seen from here.
func (s *socket) check() error {
	err := s.peek()
	if _, secure := s.Conn.(*tls.Conn); secure && errors.Is(err, errUnasked) {
		return nil // below TLS there may be records that are no replies, session tickets for one
	}
	return err
}

// peek looks at what has arrived, below TLS, without taking it: see liveness. It is called by whoever may
// read.
func (s *socket) peek() error { return s.liveness.peek() }

// past is a deadline that ends a blocked read or write at once.
var past = time.Unix(1, 0)

// socketTable finds open sockets by their tags. It may be shared between goroutines.
type socketTable struct {
	count atomic.Uint64
	byTag sync.Map // the tag as the driver gives it back, a string, to *socket
}

func (t *socketTable) add(conn net.Conn, resumable bool) *socket {
	tag := socketTag{address: fmt.Sprintf("#%d", t.count.Add(1))}
	if local := conn.LocalAddr(); local != nil { // a user's dialer may have none
		tag = socketTag{local.Network(), local.String() + tag.address}
	}
	bottom := conn
	if secure, ok := conn.(*tls.Conn); ok {
		bottom = secure.NetConn()
	}
	s := &socket{Conn: conn, sockets: t, resumable: resumable, tag: tag, liveness: newLiveness(bottom)}
	t.byTag.Store(tag.canonical(), s)
	return s
}

func (t *socketTable) find(tag string) *socket {
	s, ok := t.byTag.Load(tag)
	if !ok {
		return nil
	}
	return s.(*socket)
}

func (t *socketTable) remove(s *socket) { t.byTag.Delete(s.tag.canonical()) }

// dialer makes the sockets of a client. TLS happens here, and not in the driver's connection above,
// so that a pin reads and writes above it.
type dialer struct {
	dial    options.ContextDialer
	sockets *socketTable

	tlsConfig *tls.Config // nil for no TLS; never changed
	// ocsp is nil where certificate revocation is not checked.
	ocsp *ocsp.VerifyOptions
}

func newDialer(opts *options.ClientOptions, sockets *socketTable) *dialer {
	d := &dialer{dial: opts.Dialer, sockets: sockets, tlsConfig: opts.TLSConfig}
	if d.dial == nil {
		d.dial = &net.Dialer{}
	}
	check := opts.DisableCertificateRevocationCheck == nil || !*opts.DisableCertificateRevocationCheck
	if d.tlsConfig != nil && !d.tlsConfig.InsecureSkipVerify && check {
		d.ocsp = &ocsp.VerifyOptions{Cache: ocsp.NewCache(), HTTPClient: opts.HTTPClient}
		if d.ocsp.HTTPClient == nil {
			d.ocsp.HTTPClient = http.DefaultClient
		}
		d.ocsp.DisableEndpointChecking = opts.DisableOCSPEndpointCheck != nil && *opts.DisableOCSPEndpointCheck
	}
	return d
}

// DialContext implements options.ContextDialer.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.dial.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if d.tlsConfig == nil {
		return d.sockets.add(conn, resumable(conn)), nil
	}
	secure, err := d.secure(ctx, conn, address)
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("failed to configure TLS for %s: %w", address, err)
	}
	return d.sockets.add(secure, false), nil
}

// secure does what the driver's connection would have done with the same TLS configuration.
func (d *dialer) secure(ctx context.Context, conn net.Conn, address string) (*tls.Conn, error) {
	config := d.tlsConfig.Clone()
	if config.ServerName == "" {
		config.ServerName = address
		if colon := strings.LastIndexByte(address, ':'); colon >= 0 {
			config.ServerName = address[:colon]
		}
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	if d.ocsp != nil {
		if err := ocsp.Verify(ctx, secure.ConnectionState(), d.ocsp); err != nil {
			return nil, err
		}
	}
	return secure, nil
}

// resumable tells whether conn goes on after a write that met its deadline. Only of the kernel's own
// sockets is that known; a connection of the user's dialer may be anything.
func resumable(conn net.Conn) bool {
	switch conn.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	default:
		return false
	}
}
