package replset

// Status is what a member knows of its set.
type Status struct {
	SetName    string
	SetVersion int
	Term       int64
	// Majority is how many members are one.
	Majority int
	// Role is that of the member itself.
	Role Role
	// Members are those of the configuration, in its order.
	Members []MemberStatus
}

// MemberStatus is the status of one member.
type MemberStatus struct {
	Config
	Index       int
	Role        Role
	LastApplied Stamp
}

// Status returns the status of the set.
func (m *Member) Status() Status {
	s := m.set
	s.mu.Lock()
	defer s.mu.Unlock()
	status := Status{SetName: s.name, SetVersion: s.version, Term: s.term, Majority: s.majorityLocked(), Role: m.role}
	for _, o := range s.members {
		if o.role == Removed {
			continue
		}
		role := o.role
		if !m.connectedLocked(o) {
			role = Down
		}
		e := o.log.newest()
		status.Members = append(status.Members, MemberStatus{o.config, o.index, role, Stamp{e.time, e.wall}})
	}
	return status
}
