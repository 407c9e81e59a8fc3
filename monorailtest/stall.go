package monorailtest

import (
	"context"
	"sync"
)

// stall holds connections up until Resume.
type stall struct {
	// mu guards what follows.
	mu sync.Mutex
	// resumed is closed by Resume; nil while the server runs. Connections receive from it, nobody sends.
	resumed chan struct{}
	// all says that handshakes are held up too.
	all bool
}

// Stall stops the server: it executes nothing more and reads nothing more, as a process under SIGSTOP, until Resume.
// Connections stay open and the kernel goes on accepting bytes until its buffers are full. A command that is running
// finishes. hello and isMaster are still answered, so that drivers' monitors see a healthy server; StallAll stops
// them too.
func (s *Server) Stall() { s.stall.begin(false) }

// StallAll is Stall for everything, hello and isMaster included.
func (s *Server) StallAll() { s.stall.begin(true) }

// Resume ends Stall and StallAll: the server goes on where it stood.
func (s *Server) Resume() { s.stall.end() }

func (st *stall) begin(all bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.all = all
	if st.resumed == nil {
		st.resumed = make(chan struct{})
	}
}

func (st *stall) end() {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.resumed != nil {
		close(st.resumed)
		st.resumed = nil
	}
}

// wait returns nil when the connection may go on, at once if the server is not stalled, or ctx's error. handshake says
// that the connection is about to serve one, which only StallAll holds up.
func (st *stall) wait(ctx context.Context, handshake bool) error {
	for {
		st.mu.Lock()
		resumed := st.resumed
		if handshake && !st.all {
			resumed = nil
		}
		st.mu.Unlock()
		if resumed == nil {
			return nil
		}
		select {
		case <-resumed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
