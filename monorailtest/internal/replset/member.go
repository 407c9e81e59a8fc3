package replset

import (
	"time"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/session"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// Role is what a member is to the set, as replSetGetStatus numbers it. It is changed by
// Set.setRoleLocked only.
type Role int

// The roles.
const (
	Primary   Role = 1
	Secondary Role = 2
	Down      Role = 8
	Rollback  Role = 9
	Removed   Role = 10
)

// String returns the name as replSetGetStatus gives it.
func (r Role) String() string {
	switch r {
	case Primary:
		return "PRIMARY"
	case Secondary:
		return "SECONDARY"
	case Down:
		return "(not reachable/healthy)"
	case Rollback:
		return "ROLLBACK"
	case Removed:
		return "REMOVED"
	}
	return "UNKNOWN"
}

// Config is what the configuration of a set says about a member.
type Config struct {
	// Addr is its host:port.
	Addr string
	// Tags are for read preferences and write concerns.
	Tags map[string]string
	// Hidden members are not in hello and never primary; Passive ones are never primary: priority 0.
	Hidden, Passive bool
	// Disconnect closes the client connections of the member that have sent a hello. It is called
	// without any lock when the member begins a rollback or is removed, and before it goes on.
	Disconnect func()
}

// Member is one member of a set. It is safe for concurrent use.
type Member struct {
	set   *Set
	index int
	// config never changes.
	config Config
	// Data is what the member holds: the effect of all entries of its oplog.
	Data Data
	// Committed is the effect of those entries that are committed on the majority.
	Committed Data

	// What follows is guarded by the lock of the set.

	role Role
	log  oplog
	// term is the newest that the member has heard of, and voted in. It counts for no majority of an
	// earlier one, whatever it has in its log. It never goes back.
	term int64
	// stable is the position up to which Committed goes. It never goes back.
	stable int
	// busy says that the member's goroutine is making changes with the lock released; the role and the
	// log stay as they are meanwhile, but for a kill.
	busy bool
	// elected says that the member is to become primary as soon as it is not busy.
	elected bool
	// refusing says that a primary is about to step down: it takes no writes.
	refusing bool
	// frozenUntil is when the member may be elected again.
	frozenUntil time.Time
	// stopped says that the member copies nothing; lag is how old an entry has to be to be copied.
	stopped bool
	lag     time.Duration
	// isolated says that no other member can reach it.
	isolated bool
	// process identifies the run of the server, and counter what hello would say: it grows with each
	// change.
	process primitive.ObjectID
	counter int64
	// electionID is that of the term in which the member was last elected.
	electionID primitive.ObjectID
}

// Data are a store and the sessions that belong to it.
type Data struct {
	Store    *store.Store
	Sessions *session.Table
}

// apply makes the changes of an entry: those of a transaction in one step.
func (d *Data) apply(e *entry) {
	d.Store.ApplyTogether(e.changes)
	for _, ch := range e.changes {
		d.Sessions.Take(ch)
	}
}

// Index returns the number of the member in its set, from 0.
func (m *Member) Index() int { return m.index }

// Set returns the set.
func (m *Member) Set() *Set { return m.set }

// electable reports whether the configuration lets the member become primary.
func (c *Config) electable() bool { return !c.Hidden && !c.Passive }

// upLocked reports whether the member runs and belongs to the set.
func (m *Member) upLocked() bool { return m.role != Down && m.role != Removed }

// connectedLocked reports whether two members can talk to each other.
func (m *Member) connectedLocked(o *Member) bool {
	return m == o || m.upLocked() && o.upLocked() && !m.isolated && !o.isolated
}

// writableLocked reports whether the member takes writes.
func (m *Member) writableLocked() bool { return m.role == Primary && !m.refusing }
