package bench

import (
	"context"
	"testing"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/cmd/monorail/internal/traffic"
)

// TestAcknowledgedAllocations guards that an acknowledged operation in a request allocates less than
// the official driver's outside: 10 fewer, of which 8 are asserted, since the driver's own count
// differs by one between runs, and by more where the race detector's pools drop at random. For the
// same reason nothing is asserted of operations outside requests. The server is another process, so
// that only the clients are counted.
func TestAcknowledgedAllocations(t *testing.T) {
	const fewer, operations = 8, 2000
	c := contend(t, sinkPeer)
	for _, o := range []operation{updateOne, findOne} {
		contest := c.acknowledged(o)
		official, inRequest := allocations(t, contest, acknowledgedOfficial, operations), allocations(t, contest, acknowledgedInRequest, operations)
		if inRequest > official-fewer {
			t.Errorf("%s in a request: %.2f allocations, the official driver has %.2f, want %d fewer", o.name, inRequest, official, fewer)
		}
	}
}

func allocations(t *testing.T, c *contest, contestant, operations int) float64 {
	t.Helper()
	figures, err := c.contestants[contestant].cost(operations)
	check(t, err)
	return figures.Allocations
}

// TestLaneAllocations guards P1: a write of the lane allocates nothing.
func TestLaneAllocations(t *testing.T) {
	const operations = 2000
	writes, err := contend(t, sinkPeer).unacknowledgedWrites()
	check(t, err)
	// A timer and what the runtime does by itself allocate now and then.
	if got := allocations(t, writes, writeByLane, operations); got > poolLosses+0.1 {
		t.Errorf("%.2f allocations, want none", got)
	}
}

// TestShortRequestAllocations guards P9: a request for one operation allocates at most so many times
// more than the operation outside.
func TestShortRequestAllocations(t *testing.T) {
	const more, operations = 35, 2000
	c := contend(t, sinkPeer)
	for _, o := range []operation{updateOne, findOne} {
		contest := c.shortRequests(o)
		official, request := allocations(t, contest, shortOfficial, operations), allocations(t, contest, shortRequest, operations)
		if request > official+more+poolLosses {
			t.Errorf("a request for %s: %.2f allocations, the official driver has %.2f, want at most %d more", o.phrase, request, official, more)
		}
	}
}

// TestOneRoundTrip guards P3 and P8 by what no machine's speed changes: one write call and one round
// trip, where the driver has one of each for each operation.
func TestOneRoundTrip(t *testing.T) {
	var count traffic.Counter
	s, err := ownSite(context.Background(), serverPeer)
	check(t, err)
	t.Cleanup(func() { check(t, s.close()) })
	s.count = &count
	c, err := s.connect(monorail.Options().SetFlushInterval(0)) // nothing leaves because the machine is slow
	check(t, err)
	writesAndARead, independent := c.writesAndARead().contestants, c.independent().contestants
	for _, test := range []struct {
		contestant *contestant
		want       int64
	}{
		{writesAndARead[tenByLane], 1},
		{writesAndARead[tenOfficial], writesBeforeRead + 1},
		{independent[independentGo], 1},
		{independent[independentOfficial], startedTogether},
	} {
		const operations = 50
		writes, roundTrips := count.Writes.Load(), count.RoundTrips.Load()
		check(t, test.contestant.run(operations))
		writes, roundTrips = count.Writes.Load()-writes, count.RoundTrips.Load()-roundTrips
		if writes != test.want*operations || roundTrips != test.want*operations {
			t.Errorf("%s: %d write calls and %d round trips, want %d of each", test.contestant.name, writes, roundTrips, test.want*operations)
		}
	}
}
