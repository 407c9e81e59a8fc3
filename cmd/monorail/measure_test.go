package main

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/mongo-monorail/monorail/cmd/monorail/internal/traffic"
)

// memoryStore counts in memory, correctly unless told otherwise.
type memoryStore struct {
	mu     sync.Mutex
	totals map[string]int64 // guarded by mu
	calls  int              // guarded by mu
	// forget says of which calls, counted from 1, the write is lost.
	forget func(call int) bool
	// late says of which calls the write takes effect only after the total has been read.
	late func(call int) bool
	// fail says which calls return errStore.
	fail func(call int) bool
}

var errStore = errors.New("the store is broken")

func (s *memoryStore) visit(_ context.Context, v visit) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.totals == nil {
		s.totals = map[string]int64{}
	}
	switch {
	case s.fail != nil && s.fail(s.calls):
		return 0, errStore
	case s.forget != nil && s.forget(s.calls):
		return s.totals[v.region], nil
	case s.late != nil && s.late(s.calls):
		s.totals[v.region]++
		return s.totals[v.region] - 1, nil
	}
	s.totals[v.region]++
	return s.totals[v.region], nil
}

func (s *memoryStore) close(context.Context) error { return nil }

func measure(t *testing.T, s store, visitors, count int) (result, error) {
	t.Helper()
	visits, err := loadVisits("")
	if err != nil {
		t.Fatal(err)
	}
	return measurement{store: s, visits: visits, visitors: visitors, count: count, traffic: new(traffic.Counter), tally: new(tally)}.run(t.Context())
}

func TestCorrectStoreIsNeverStale(t *testing.T) {
	s := &memoryStore{}
	r, err := measure(t, s, 8, 20_000)
	if err != nil {
		t.Fatal(err)
	}
	if r.visits != 20_000 || s.calls != 20_000 || r.stale != 0 {
		t.Errorf("%d visits, %d calls, %d stale; want 20000, 20000, 0", r.visits, s.calls, r.stale)
	}
	if r.p50 <= 0 || r.p99 < r.p50 || r.elapsed < r.p99 || r.visitsPerSecond() <= 0 {
		t.Errorf("p50 %v, p99 %v, elapsed %v, %f a second", r.p50, r.p99, r.elapsed, r.visitsPerSecond())
	}
}

// TestLateWritesAreStale: a lone visitor is not covered up by others, so each late write shows.
func TestLateWritesAreStale(t *testing.T) {
	r, err := measure(t, &memoryStore{late: func(call int) bool { return call%10 == 0 }}, 1, 500)
	if err != nil {
		t.Fatal(err)
	}
	if r.stale != 50 {
		t.Errorf("%d stale, want 50", r.stale)
	}
}

func TestLateWritesAreStaleAmongManyVisitors(t *testing.T) {
	r, err := measure(t, &memoryStore{late: func(int) bool { return true }}, 8, 5_000)
	if err != nil {
		t.Fatal(err)
	}
	if r.stale == 0 {
		t.Error("no total was found stale although every one of them was")
	}
}

func TestForgottenWriteIsStaleEverAfter(t *testing.T) {
	visits := []visit{{"US", "Firefox", "Linux"}}
	s := &memoryStore{forget: func(call int) bool { return call == 11 }}
	m := measurement{store: s, visits: visits, visitors: 1, count: 30, traffic: new(traffic.Counter), tally: new(tally)}
	r, err := m.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.stale != 20 {
		t.Errorf("%d stale, want 20: the forgotten visit and all after it", r.stale)
	}
}

func TestFailedVisitEndsTheRun(t *testing.T) {
	r, err := measure(t, &memoryStore{fail: func(call int) bool { return call > 100 }}, 8, 5_000)
	if !errors.Is(err, errStore) {
		t.Errorf("error = %v, want the store's", err)
	}
	if r.visits != 100 {
		t.Errorf("%d visits are over, want the 100 before the failure", r.visits)
	}
}

func TestCancelledRunEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &memoryStore{fail: func(call int) bool {
		if call == 50 {
			cancel()
		}
		return false
	}}
	m := measurement{store: s, visits: []visit{{"US", "Firefox", "Linux"}}, visitors: 4, count: 1_000_000, traffic: new(traffic.Counter), tally: new(tally)}
	r, err := m.run(ctx)
	if !errors.Is(err, context.Canceled) || r.visits >= 1_000_000 {
		t.Errorf("error = %v after %d visits, want an early end", err, r.visits)
	}
}
