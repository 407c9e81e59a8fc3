package monorailtest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/access"
	"github.com/mongo-monorail/monorail/monorailtest/internal/command"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// acceptPause is how long the server waits after it could not accept a connection, so that it does not spin.
const acceptPause = 5 * time.Millisecond

// Server is a MongoDB in the process. Its methods may be called from several goroutines, and at any time: after Close
// they change nothing.
type Server struct {
	// listenAddr is the host:port on which the server listens, and addr that by which a client on this machine reaches
	// it. They never change.
	listenAddr, addr string

	state    *command.State
	faults   faults
	stall    stall
	recorder recorder
	// refused is told of every message that the server refuses; nil for nobody. It never changes.
	refused func(Refusal)
	// keeper keeps the data in a file; nil for none, and in a replica set, which has its own. It never changes.
	keeper *keeper
	// finishing ends what is left when no connection is served any more.
	finishing sync.Once
	// tls is nil for a server without TLS; it never changes.
	tls *tls.Config
	// parameters are those of the connection string; they never change.
	parameters string

	// running counts the accept loop and the connections' goroutines; Close waits for all of them.
	running sync.WaitGroup
	// lastReply is the request id of the last reply: MongoDB numbers them over all connections.
	lastReply atomic.Int32

	// mu guards what follows.
	mu sync.Mutex
	// listener accepts the connections; nil while the server is down.
	listener net.Listener
	// cancel ends the commands that run, and the accept loop.
	cancel context.CancelFunc
	// conns holds the open connections; a connection takes itself out when its goroutine ends.
	conns map[*conn]struct{}
	// lastConn is the id of the connection accepted last.
	lastConn int32
	// closed goes from false to true once; no connection is added afterwards.
	closed bool
}

// NewServer starts a server. It listens when NewServer returns; Close ends it. Like httptest.NewServer it panics where
// StartServer has an error.
func NewServer(opts ...Option) *Server {
	s, err := StartServer(opts...)
	if err != nil {
		panic(err.Error())
	}
	return s
}

// StartServer is NewServer for a program that is no test: if it cannot listen, it returns an error.
func StartServer(opts ...Option) (*Server, error) {
	o := newOptions(opts)
	k, kept, err := o.openKeeper()
	if err != nil {
		return nil, err
	}
	s, listener, err := prepareServer(o, o.addr)
	if err != nil {
		k.close()
		return nil, err
	}
	if k != nil {
		s.keeper, s.state.Store = k, kept
		k.start(o.file.interval, func() (*store.Store, *access.Users) { return kept, s.state.Users })
	}
	s.start(listener)
	return s, nil
}

// prepareServer returns a server that does not serve yet, and its listener at listenAddr.
func prepareServer(o *serverOptions, listenAddr string) (*Server, net.Listener, error) {
	listener, err := net.Listen("tcp", listenAddr)
	if err != nil {
		return nil, nil, fmt.Errorf("monorailtest: cannot listen on %s: %w", listenAddr, err)
	}
	s := &Server{
		listenAddr: listener.Addr().String(),
		addr:       reachableAddr(listener.Addr().(*net.TCPAddr)),
		conns:      make(map[*conn]struct{}),
		tls:        o.tls,
		refused:    o.refused,
	}
	s.state = command.NewState(s.addr)
	s.state.Users = &o.users
	s.state.Mongos = command.Mongos{Presents: o.mongos, Services: command.NewServices(o.loadBalanced)}
	s.parameters = o.parameters()
	if o.lifetime > 0 {
		s.state.Sessions.SetLifetime(o.lifetime)
	}
	s.recorder.call = o.recorder
	if o.delay > 0 {
		s.SetDelay(o.delay)
	}
	return s, listener, nil
}

// reachableAddr returns where a client on this machine reaches a listener: on loopback one that listens everywhere.
func reachableAddr(a *net.TCPAddr) string {
	if !a.IP.IsUnspecified() {
		return a.String()
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(a.Port))
}

// start has the server serve what its listener accepts, until stop.
func (s *Server) start(listener net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = listener.Close()
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.listener, s.cancel = listener, cancel
	// Owned by the server; ends when stop closes the listener; stop waits.
	s.running.Go(func() { s.accept(ctx, listener) })
}

// stop ends the service: it closes the listener and every connection, calls down, interrupts the commands that are
// running, and returns when every goroutine has ended.
func (s *Server) stop(down func()) {
	s.mu.Lock()
	listener, cancel, conns := s.listener, s.cancel, s.connsLocked()
	s.listener = nil
	s.mu.Unlock()
	if listener != nil {
		// An error says that the listener is closed already.
		_ = listener.Close()
	}
	for _, c := range conns {
		c.close()
	}
	down()
	if cancel != nil {
		cancel()
	}
	s.running.Wait()
}

// URI returns a connection string for the server: "mongodb://127.0.0.1:PORT", and behind that what the options call for:
// "/?tls=true" for a server that speaks TLS. The certificates to trust and the user to be are the client's to add.
func (s *Server) URI() string { return "mongodb://" + s.Addr() + s.parameters }

// Addr returns the host:port on which the server listens; of one that listens on every address of the machine, that on
// loopback.
func (s *Server) Addr() string { return s.addr }

// Close ends the server: it closes the listener and every connection, and returns when every goroutine has ended. The
// commands that are running are interrupted or finish first; what has not begun is not executed. With WithFile, the file
// then has everything. Later calls wait for the same end.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	cancel := s.cancel
	s.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	s.stop(func() {})
	s.finishing.Do(func() {
		s.state.Close()
		s.keeper.close()
	})
}

// accept serves connections until the listener is closed.
func (s *Server) accept(ctx context.Context, listener net.Listener) {
	for {
		nc, err := listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			// A client that was gone before it was accepted, or no file descriptor left: later may do better.
			if !pause(ctx, acceptPause) {
				return
			}
			continue
		}
		s.mu.Lock()
		if s.listener != listener {
			s.mu.Unlock()
			_ = nc.Close()
			return
		}
		s.lastConn++
		c := newConn(ctx, s, nc.(*net.TCPConn), s.lastConn)
		s.conns[c] = struct{}{}
		s.state.Counters.Open.Add(1)
		s.state.Counters.Opened.Add(1)
		// Owned by the server; ends when its socket does; stop closes that and waits. Started under the lock, so
		// that stop, which forgets the listener under it, waits for every goroutine that was started.
		s.running.Go(c.serve)
		s.mu.Unlock()
	}
}

// remove takes a connection out that has ended.
func (s *Server) remove(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.state.Counters.Open.Add(-1)
}

// connsLocked returns the open connections.
func (s *Server) connsLocked() []*conn {
	conns := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	return conns
}

// matching returns the open connections that match.
func (s *Server) matching(match []ConnMatch) []*conn {
	s.mu.Lock()
	conns := s.connsLocked()
	s.mu.Unlock()
	var out []*conn
	for _, c := range conns {
		if c.matches(match) {
			out = append(out, c)
		}
	}
	return out
}
