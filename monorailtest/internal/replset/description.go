package replset

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// TopologyVersion identifies one answer of hello: it changes whenever the answer does.
type TopologyVersion struct {
	Process primitive.ObjectID
	Counter int64
}

// Stamp is an optime with the time of day at which its entry was made.
type Stamp struct {
	OpTime OpTime
	Date   time.Time
}

// Description is what a member says about itself and the set.
type Description struct {
	TopologyVersion TopologyVersion
	SetName         string
	SetVersion      int
	// Me is the member's own address, Primary that of the primary, "" where it knows none.
	Me, Primary string
	// Hosts and Passives are the addresses of the members that are not hidden.
	Hosts, Passives []string
	Tags            map[string]string
	Hidden, Passive bool
	// Writable says that the member is primary and takes writes.
	Writable bool
	Role     Role
	// ElectionID is that of the primary's term; set where Writable.
	ElectionID primitive.ObjectID
	// LastWrite is the newest entry, Majority the newest committed one.
	LastWrite, Majority Stamp
}

// Describe returns the present description.
func (m *Member) Describe() Description {
	m.set.mu.Lock()
	defer m.set.mu.Unlock()
	return m.describeLocked()
}

func (m *Member) describeLocked() Description {
	s := m.set
	stamp := func(e *entry) Stamp { return Stamp{e.time, e.wall} }
	d := Description{
		TopologyVersion: TopologyVersion{m.process, m.counter},
		SetName:         s.name, SetVersion: s.version, Me: m.config.Addr, Tags: m.config.Tags,
		Hidden: m.config.Hidden, Passive: m.config.Passive,
		Writable: m.writableLocked(), Role: m.role,
		LastWrite: stamp(m.log.newest()), Majority: stamp(m.log.at(m.stable)),
	}
	if d.Writable {
		d.ElectionID = m.electionID
	}
	if p := s.seenPrimaryLocked(m); p != nil && p.writableLocked() {
		d.Primary = p.config.Addr
	}
	for _, o := range s.members {
		switch {
		case o.role == Removed || o.config.Hidden:
		case o.config.Passive:
			d.Passives = append(d.Passives, o.config.Addr)
		default:
			d.Hosts = append(d.Hosts, o.config.Addr)
		}
	}
	return d
}

// AwaitDescription returns the description when it is another than the known one, or after d. A
// counter that the member has not reached is refused (31382).
func (m *Member) AwaitDescription(ctx context.Context, known TopologyVersion, d time.Duration) (Description, error) {
	s := m.set
	limited, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	err := s.waitFor(limited, &s.topology, func() bool { return m.process != known.Process || m.counter != known.Counter })
	desc := m.Describe()
	switch {
	case err != nil && ctx.Err() != nil:
		return desc, ctx.Err()
	case err != nil && limited.Err() == nil:
		return desc, err
	case desc.TopologyVersion.Process == known.Process && desc.TopologyVersion.Counter < known.Counter:
		return desc, mongoerror.New(31382, "Received a topology version with counter: %d which is greater than the server topology version counter: %d",
			known.Counter, desc.TopologyVersion.Counter)
	}
	return desc, nil
}

// TopologyVersion returns the present topology version.
func (m *Member) TopologyVersion() TopologyVersion {
	m.set.mu.Lock()
	defer m.set.mu.Unlock()
	return TopologyVersion{m.process, m.counter}
}

// CheckWrite refuses a write that the member does not take: NotWritablePrimary (10107).
func (m *Member) CheckWrite() error {
	m.set.mu.Lock()
	defer m.set.mu.Unlock()
	if !m.writableLocked() {
		return ErrNotPrimary
	}
	return nil
}

// CheckRead refuses a read that the member does not serve. anywhere says that the client reads from
// secondaries too: otherwise NotPrimaryNoSecondaryOk (13435). A member that is neither primary nor
// secondary serves none: NotPrimaryOrSecondary (13436).
func (m *Member) CheckRead(anywhere bool) error {
	m.set.mu.Lock()
	defer m.set.mu.Unlock()
	switch {
	case m.writableLocked(), anywhere && (m.role == Secondary || m.role == Primary):
		return nil
	case m.role != Secondary && m.role != Primary:
		return mongoerror.New(codeNotPrimaryOrSecondary, "node is recovering")
	}
	return mongoerror.New(mongoerror.NotPrimaryNoSecondaryOk, "not master and slaveOk=false")
}

// codeNotPrimaryOrSecondary is NotPrimaryOrSecondary of error_codes.yml.
const codeNotPrimaryOrSecondary = 13436
