package bench

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/mongo-monorail/monorail/cmd/monorail/internal/traffic"
)

// errOver is what a connection is refused with after the end of a run.
var errOver = errors.New("the measurement is over")

// sockets opens the connections of a client and closes them all when the run is interrupted. What is
// measured has a context that cannot end, so that no client pays for a watcher of it; this is what
// ends it then. It may be shared between goroutines.
type sockets struct {
	stop func() bool // ends the wait for the context
	// count, if not nil, is put round each connection.
	count *traffic.Counter

	mu     sync.Mutex
	opened []net.Conn // every connection there was; guarded by mu
	closed bool       // refuses further ones; guarded by mu
}

func newSockets(ctx context.Context, count *traffic.Counter) *sockets {
	s := &sockets{count: count}
	s.stop = context.AfterFunc(ctx, s.close)
	return s
}

// DialContext implements options.ContextDialer. The connection is the network's own, so that the
// drivers find in it what they find in one of theirs, unless it is counted.
func (s *sockets) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if !s.keep(conn) {
		_ = conn.Close()
		return nil, errOver
	}
	if s.count != nil {
		conn = s.count.Count(conn)
	}
	return conn, nil
}

func (s *sockets) keep(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.opened = append(s.opened, conn)
	}
	return !s.closed
}

// close ends every connection, and waits for nothing.
func (s *sockets) close() {
	s.mu.Lock()
	opened := s.opened
	s.opened, s.closed = nil, true
	s.mu.Unlock()
	for _, conn := range opened {
		_ = conn.Close() // never blocks: no linger is set
	}
}

// release stops to wait for the context, and ends what is left.
func (s *sockets) release() {
	s.stop()
	s.close()
}
