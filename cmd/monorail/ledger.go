package main

import "sync/atomic"

// ledger is what the program itself knows about the counters, apart from the server: it says how
// many page views a visitor must at least be shown.
//
// The rule. A visit is over when its total has been shown. The total that a visit shows must include
//
//   - the visit itself, and
//   - every visit to the same region that was over before this one began.
//
// A smaller total is stale. The rule never accuses a correct way: the total of a visit that is over
// came from a read that the server ran after the write of that visit, so that write was in effect
// before this visit began; counters only grow, and a read cannot miss what was there before it began.
// It is sharp for the wrong way, where a visitor is shown a total before the server has come to the
// visitor's write: that total is too small, unless as many visits of others that began in the
// meantime make up for it. So the stale totals that the rule finds are a lower bound.
//
// A ledger may be shared between goroutines.
type ledger struct {
	// over counts the visits to each region that are over. The map itself never changes.
	over map[string]*atomic.Int64
}

// newLedger returns a ledger for the regions of visits.
func newLedger(visits []visit) *ledger {
	l := &ledger{over: map[string]*atomic.Int64{}}
	for _, v := range visits {
		if l.over[v.region] == nil {
			l.over[v.region] = new(atomic.Int64)
		}
	}
	return l
}

// begin returns the smallest total that a visit to region may show if it begins now.
func (l *ledger) begin(region string) int64 {
	return l.over[region].Load() + 1
}

// end says that the total of a visit to region has been shown.
func (l *ledger) end(region string) {
	l.over[region].Add(1)
}
