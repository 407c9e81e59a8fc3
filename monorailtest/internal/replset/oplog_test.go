package replset

import "testing"

func TestOplogForgetsWhatEveryMemberHasAsCommitted(t *testing.T) {
	s, _ := newTestSet(t, 3, quick)
	m := s.Member(0)
	s.Member(2).SetStopped(true)
	const n = 3 * trimAbove
	for id := range int32(n) {
		check(t, insert(m, id))
	}
	check(t, m.Await(within(t), m.Newest(), majority))
	entries := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(m.log.entries)
	}
	if got := entries(); got < n {
		t.Errorf("%d entries are left while a member lacks them, want %d", got, n)
	}
	early := m.Newest()
	s.Member(2).SetStopped(false)
	check(t, s.AwaitReplication(within(t)))
	check(t, insert(m, n))
	check(t, s.AwaitReplication(within(t)))
	if got := entries(); got > 2*trimAbove {
		t.Errorf("%d entries are left, want at most %d", got, 2*trimAbove)
	}
	for i := range 3 {
		if got := len(ids(s.Member(i).Data.Store)); got != n+1 {
			t.Errorf("member %d has %d documents, want %d", i, got, n+1)
		}
	}
	check(t, m.Await(within(t), early, WriteConcern{Members: 3}))
}

func TestCommonIsTheLastEntryOfBoth(t *testing.T) {
	shared, own, other := &entry{}, &entry{}, &entry{}
	a := &oplog{entries: []*entry{shared, shared, own}}
	b := &oplog{entries: []*entry{shared, shared, other, other}}
	if got := common(a, b); got != 1 {
		t.Errorf("they part after %d, want 1", got)
	}
	a.truncate(1)
	a.append(other)
	if got := common(a, b); got != 2 || !b.has(2, a.newest()) {
		t.Errorf("after the rollback they part after %d, want 2", got)
	}
}
