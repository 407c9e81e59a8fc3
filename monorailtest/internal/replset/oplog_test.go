package replset

import (
	"errors"
	"testing"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func TestOplogForgetsWhatEveryMemberHasAsCommitted(t *testing.T) {
	s, _ := newTestSet(t, 3, quick)
	m := s.Member(0)
	s.Member(2).SetStopped(true)
	const kept, n = 512, 3 * 512
	s.mu.Lock()
	s.kept = kept
	s.mu.Unlock()
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
	start := m.log.entries[0].time.Timestamp
	late, err := m.ReadFrom(start)
	check(t, err)
	s.Member(2).SetStopped(false)
	check(t, s.AwaitReplication(within(t)))
	check(t, insert(m, n))
	check(t, s.AwaitReplication(within(t)))
	if got := entries(); got > 2*kept {
		t.Errorf("%d entries are left, want at most %d", got, 2*kept)
	}
	for i := range 3 {
		if got := len(ids(s.Member(i).Data.Store)); got != n+1 {
			t.Errorf("member %d has %d documents, want %d", i, got, n+1)
		}
	}
	check(t, m.Await(within(t), early, WriteConcern{Members: 3}))
	// Who reads what has been forgotten is told.
	_, lost := m.ReadFrom(start)
	_, slow := late.Next(1)
	for i, want := range []int32{codeHistoryLost, codeCappedPositionLost} {
		var e *mongoerror.Error
		if err := []error{lost, slow}[i]; !errors.As(err, &e) || e.Code != want {
			t.Errorf("got %v, want code %d", err, want)
		}
	}
	reader, err := m.ReadFrom(m.LastApplied().Timestamp)
	check(t, err)
	if got, err := reader.Next(2); err != nil || len(got) != 1 || got[0].Time != m.LastApplied().Timestamp {
		t.Errorf("the newest entry is read as %+v, %v", got, err)
	}
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
