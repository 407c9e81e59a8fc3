package monorailtest

import (
	"slices"
	"sync/atomic"
	"time"
)

// faults are the faults in force, each of which is replaced as a whole: a connection sees the old one or the new one.
type faults struct {
	delay      atomic.Pointer[delayFault]
	drop       atomic.Pointer[countedFault]
	hangUp     atomic.Pointer[countedFault]
	replyDelay atomic.Pointer[delayFault]
	chunks     atomic.Pointer[chunkFault]
	cut        atomic.Pointer[cutFault]
	rewrite    atomic.Pointer[rewriteFault]
}

// countedFault hits a number of messages.
type countedFault struct {
	match []Match
	// left is how many messages are still to be hit; it may fall below zero.
	left atomic.Int64
}

type delayFault struct {
	match []Match
	d     time.Duration
}

type chunkFault struct {
	match []Match
	size  int
	pause time.Duration
}

type cutFault struct {
	countedFault
	bytes int
}

type rewriteFault struct {
	countedFault
	rewrite func([]byte) []byte
}

// SetDelay makes every message wait for d before it is executed: a busy server. 0 ends it. Messages on different
// connections wait side by side. With matches, only messages that match all of them wait; without, all but hello and
// isMaster.
func (s *Server) SetDelay(d time.Duration, match ...Match) {
	s.faults.delay.Store(&delayFault{match: match, d: d})
}

// SetReplyDelay makes replies late by d: the command is executed at once, and its reply is written d later, before the
// next message of the connection is read. 0 ends it. Matches are as for SetDelay.
func (s *Server) SetReplyDelay(d time.Duration, match ...Match) {
	s.faults.replyDelay.Store(&delayFault{match: match, d: d})
}

// SetReplyChunks makes replies come in pieces of size bytes, each written by itself, with a pause between them: size 1
// is byte by byte. A size of 0 ends it. Matches are as for SetDelay.
func (s *Server) SetReplyChunks(size int, pause time.Duration, match ...Match) {
	s.faults.chunks.Store(&chunkFault{match: match, size: size, pause: pause})
}

// HangUpOnUnacknowledged makes the server close the connection on which the next unacknowledged message comes, as a
// primary does that has stepped down: the message is not executed, nor anything behind it on that connection, while
// everything before it was. Matches narrow down which message.
func (s *Server) HangUpOnUnacknowledged(match ...Match) {
	s.faults.hangUp.Store(counted(1, slices.Concat(match, []Match{Unacknowledged()})))
}

// DropUnacknowledged makes the server ignore the next n unacknowledged messages, neither executing nor refusing them,
// and keep the connection: what MongoDB's ingress rate limiter does. Matches narrow down which messages.
func (s *Server) DropUnacknowledged(n int, match ...Match) {
	s.faults.drop.Store(counted(n, slices.Concat(match, []Match{Unacknowledged()})))
}

// CutReply makes the server send only the first n bytes of the next reply, and close the connection. The command has
// been executed. Matches are as for SetDelay.
func (s *Server) CutReply(n int, match ...Match) {
	f := &cutFault{bytes: n}
	f.match = match
	f.left.Store(1)
	s.faults.cut.Store(f)
}

// RewriteReply has the next reply passed through rewrite, whose result is sent instead: a corrupt header, a wrong
// responseTo, a body that is no BSON. rewrite may change the slice that it is given; the first 16 bytes are the header.
// Matches are as for SetDelay.
func (s *Server) RewriteReply(rewrite func(reply []byte) []byte, match ...Match) {
	f := &rewriteFault{rewrite: rewrite}
	f.match = match
	f.left.Store(1)
	s.faults.rewrite.Store(f)
}

// ClearFaults ends every fault that was set by a method, Stall included. Fail points set by command stay.
func (s *Server) ClearFaults() {
	s.faults.delay.Store(nil)
	s.faults.drop.Store(nil)
	s.faults.hangUp.Store(nil)
	s.faults.replyDelay.Store(nil)
	s.faults.chunks.Store(nil)
	s.faults.cut.Store(nil)
	s.faults.rewrite.Store(nil)
	s.Resume()
}

// ConnMatch selects connections by the connectionId and the application name of their hello. monitoring says that the
// connection has sent nothing but hello and isMaster so far, as those of a driver's monitor.
type ConnMatch func(id int32, appName string, monitoring bool) bool

// AllConnections matches every connection, those of monitors included.
func AllConnections(int32, string, bool) bool { return true }

// Reset resets connections: the client finds RST, and loses what it had not read. Without matches, it resets all but
// those that have sent nothing but hello.
func (s *Server) Reset(match ...ConnMatch) {
	for _, c := range s.matching(match) {
		c.reset()
	}
}

// CloseConnections closes connections as a server does that shuts down. Matches are as for Reset. A command that is
// running goes on, for nobody.
func (s *Server) CloseConnections(match ...ConnMatch) {
	for _, c := range s.matching(match) {
		c.close()
	}
}

func counted(n int, match []Match) *countedFault {
	f := &countedFault{match: match}
	f.left.Store(int64(n))
	return f
}

// hits reports whether the fault hits m, and counts it.
func (f *countedFault) hits(m *Message) bool {
	return selects(f.match, m) && f.left.Add(-1) >= 0
}

// selects reports whether a fault with these matches looks at m: without any, at everything but the handshake.
func selects(match []Match, m *Message) bool {
	if len(match) == 0 {
		return !m.IsHandshake()
	}
	return matchesAll(match, m)
}

func matchesAll(match []Match, m *Message) bool {
	for _, f := range match {
		if !f(m) {
			return false
		}
	}
	return true
}
