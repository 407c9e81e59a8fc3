package replset

import "github.com/mongo-monorail/monorail/monorailtest/internal/store"

// Fill gives every member what a store holds, committed as it is. It is called before the first client comes. The store must
// not be used by others.
func (s *Set) Fill(from *store.Store) {
	for _, m := range s.members {
		m.Data.Store.Restore(from)
		m.Committed.Store.Restore(from)
	}
}

// Holder returns the member whose data count: the primary, or, where there is none, the one with the newest entry.
func (s *Set) Holder() *Member {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.primaryLocked(); p != nil {
		return p
	}
	holder := s.members[0]
	for _, m := range s.members[1:] {
		if m.log.newest().time.Compare(holder.log.newest().time) > 0 {
			holder = m
		}
	}
	return holder
}
