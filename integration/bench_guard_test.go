package integration

import "testing"

// TestAcknowledgedAllocations guards what an acknowledged operation allocates beside the official
// driver's: 10 fewer in a request, by the goroutines and the checkout that a pinned socket does
// without, and at most one more, the view of the selected server, outside. The server is another
// process, so that only the clients are counted.
func TestAcknowledgedAllocations(t *testing.T) {
	// allowance is for what the runtime and the pools of the race detector, which drop at random, add
	// to the mean of an operation. A whole allocation more or less is above it.
	const allowance, operations = 0.5, 2000
	c := contend(t, sinkPeer)
	for name, measures := range map[string][]measure{"UpdateOne": c.acknowledgedUpdates(), "FindOne": c.reads()} {
		allocations := make([]float64, len(measures))
		for i, m := range measures {
			m.cost(t, operations/10) // fills the pools
			allocations[i] = m.cost(t, operations).allocations
		}
		official, inRequest, outside := allocations[0], allocations[1], allocations[2]
		if inRequest > official-10+allowance {
			t.Errorf("%s in a request: %.2f allocations, the official driver has %.2f, want 10 fewer", name, inRequest, official)
		}
		if outside > official+1+allowance {
			t.Errorf("%s outside requests: %.2f allocations, the official driver has %.2f, want at most 1 more", name, outside, official)
		}
	}
}
