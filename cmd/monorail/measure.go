package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mongo-monorail/monorail/cmd/monorail/internal/traffic"
)

// result is what one way did.
type result struct {
	way     way
	visits  int
	stale   int   // totals that missed a visit which they had to include; see ledger
	lost    int64 // visits made minus visits in the counters at the end
	elapsed time.Duration
	p50     time.Duration
	p99     time.Duration
	// roundTrips and writes are of all visits together.
	roundTrips int64
	writes     int64
}

// visitsPerSecond is 0 for a result without any visit.
func (r result) visitsPerSecond() float64 {
	if r.elapsed <= 0 {
		return 0
	}
	return float64(r.visits) / r.elapsed.Seconds()
}

// perVisit returns n per visit; 0 without any visit.
func (r result) perVisit(n int64) float64 {
	if r.visits == 0 {
		return 0
	}
	return float64(n) / float64(r.visits)
}

// broken says that the way did not keep its promise: a right way was stale, or any visit of it is
// missing from the counters or was counted twice.
func (r result) broken() bool {
	return r.way.right && (r.stale > 0 || r.lost != 0)
}

// tally is how far the visits of one way are. It may be shared between goroutines.
type tally struct {
	over  atomic.Int64 // visits that are over
	stale atomic.Int64 // stale totals among them
}

// measurement is one run of visits through a store.
type measurement struct {
	store    store
	visits   []visit // taken in turn, from the first again after the last
	visitors int
	count    int
	traffic  *traffic.Counter
	tally    *tally
}

// run makes the visits, visitors at once, and returns what they took; lost is not yet known. It ends
// early with the first error of a visit, or of ctx; the result then is about the visits that are over.
func (m measurement) run(ctx context.Context) (result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		ledger    = newLedger(m.visits)
		next      atomic.Int64 // the number of visits that were begun
		visitors  sync.WaitGroup
		durations = make([][]time.Duration, m.visitors) // one visitor writes one element
	)
	roundTrips, writes := m.traffic.RoundTrips.Load(), m.traffic.Writes.Load()
	started := time.Now()
	for i := range m.visitors {
		// A visitor ends when the visits are used up or ctx is done; run waits for it below.
		visitors.Go(func() {
			for ctx.Err() == nil {
				n := next.Add(1) - 1
				if n >= int64(m.count) {
					return
				}
				took, err := m.visit(ctx, ledger, m.visits[n%int64(len(m.visits))])
				if err != nil {
					cancel(fmt.Errorf("visit %d: %w", n+1, err))
					return
				}
				durations[i] = append(durations[i], took)
			}
		})
	}
	visitors.Wait()
	r := result{
		visits:     int(m.tally.over.Load()),
		stale:      int(m.tally.stale.Load()),
		elapsed:    time.Since(started),
		roundTrips: m.traffic.RoundTrips.Load() - roundTrips,
		writes:     m.traffic.Writes.Load() - writes,
	}
	var all []time.Duration
	for _, d := range durations {
		all = append(all, d...)
	}
	sortDurations(all)
	r.p50, r.p99 = percentile(all, 50), percentile(all, 99)
	return r, context.Cause(ctx)
}

// visit makes one visit and holds its total against the ledger.
func (m measurement) visit(ctx context.Context, l *ledger, v visit) (time.Duration, error) {
	least := l.begin(v.region)
	started := time.Now()
	total, err := m.store.visit(ctx, v)
	took := time.Since(started)
	if err != nil {
		return 0, err
	}
	l.end(v.region)
	if total < least {
		m.tally.stale.Add(1)
	}
	m.tally.over.Add(1)
	return took, nil
}
