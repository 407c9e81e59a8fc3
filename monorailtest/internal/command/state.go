package command

import (
	"sync/atomic"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/access"
	"github.com/mongo-monorail/monorail/monorailtest/internal/cursor"
	"github.com/mongo-monorail/monorail/monorailtest/internal/failpoint"
	"github.com/mongo-monorail/monorail/monorailtest/internal/replset"
	sessions "github.com/mongo-monorail/monorail/monorailtest/internal/session"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// State is what all connections of a server share. It is safe for concurrent use.
type State struct {
	// Store holds the data.
	Store *store.Store
	// Cursors holds the open cursors.
	Cursors *cursor.Registry
	// Sessions holds what is known about sessions, their open transactions among it. Set before the first request, by
	// SetMember for a member of a replica set.
	Sessions *sessions.Table
	// Active ends sessions that nobody uses.
	Active *sessions.Activity
	// FailPoints holds what configureFailPoint set.
	FailPoints *failpoint.Set
	// Counters counts what serverStatus tells.
	Counters Counters
	// Started is when the server began.
	Started time.Time
	// Addr is the host:port on which the server listens.
	Addr string
	// Users are those who may authenticate; without any the server has no access control. Set before the first request.
	Users *access.Users
	// Mongos says how the server presents itself. Set before the first request.
	Mongos Mongos

	// log is what setParameter says of a log that is not written.
	log logSettings

	// expiry deletes what TTL indexes let expire.
	expiry expiry
	// Member is the server's place in its replica set, nil for a standalone. Set before the first request.
	Member *replset.Member

	profiling profiling

	// commands is the table, which handlers cannot name themselves: it is initialized from them.
	commands map[string]spec
}

// Counters are counted by the connections of a server. They only grow, Open apart.
type Counters struct {
	// Messages counts the requests received, malformed ones included.
	Messages atomic.Int64
	// Unacknowledged counts those of them that had moreToCome.
	Unacknowledged atomic.Int64
	// NotPrimaryUnacknowledged counts the unacknowledged commands that ended their connection.
	NotPrimaryUnacknowledged atomic.Int64
	// Replies counts the replies that were handed to the kernel whole.
	Replies atomic.Int64
	// Operations counts the commands and statements among the requests by their kinds.
	Operations Operations
	// Open is how many connections there are, Opened how many there have been.
	Open, Opened atomic.Int64
}

// NewState returns the state of a server that listens on addr: no data, no cursors, no fail points. Close ends it.
func NewState(addr string) *State {
	s := &State{
		Store:      store.New(),
		Cursors:    cursor.NewRegistry(),
		FailPoints: &failpoint.Set{},
		Started:    time.Now(),
		Addr:       addr,
		commands:   table,
		profiling:  profiling{levels: make(map[string]int32), slow: 100, sampleRate: 1},
	}
	s.useSessions(sessions.NewTable())
	s.Active = sessions.NewActivity(s.endSession)
	s.expiry.start(s)
	return s
}

// SetMember makes the server a member of a replica set, with the data and the sessions that the member has; the lifetime
// of transactions stays. It is called before the first request.
func (s *State) SetMember(m *replset.Member) {
	s.expiry.between(func() { s.Member, s.Store = m, m.Data.Store })
	m.Data.Sessions.SetLifetime(s.Sessions.Lifetime())
	s.useSessions(m.Data.Sessions)
}

// useSessions has the cursors of a transaction end with it.
func (s *State) useSessions(t *sessions.Table) {
	s.Sessions = t
	t.OnEnd(s.Cursors.KillTransaction)
}

// endSession ends the transaction and the cursors of a session.
func (s *State) endSession(id string) {
	s.Sessions.End(id)
	s.Cursors.KillSession(id)
}

// Close ends the open transactions and cursors, and the deletion of what expires. No request may be running.
func (s *State) Close() {
	s.expiry.stop()
	s.Active.Close()
	s.Sessions.Close()
	s.Cursors.Close()
}
