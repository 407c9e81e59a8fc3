package integration

import "testing"

// TestAcknowledgedAllocations guards that an acknowledged operation in a request allocates less than
// the official driver's outside: 10 fewer, of which 8 are asserted, since the driver's own count
// differs by one between runs, and by more where the race detector's pools drop at random. For the
// same reason nothing is asserted of operations outside requests. The server is another process, so
// that only the clients are counted.
func TestAcknowledgedAllocations(t *testing.T) {
	const fewer, operations = 8, 2000
	c := contend(t, sinkPeer)
	for name, measures := range map[string][]measure{"UpdateOne": c.acknowledgedUpdates(), "FindOne": c.reads()} {
		official, inRequest := measures[0].cost(t, operations).allocations, measures[1].cost(t, operations).allocations
		if inRequest > official-fewer {
			t.Errorf("%s in a request: %.2f allocations, the official driver has %.2f, want %d fewer", name, inRequest, official, fewer)
		}
	}
}
