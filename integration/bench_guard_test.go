package integration

import "testing"

// TestAcknowledgedAllocations guards what an acknowledged operation allocates beside the official
// driver's: 10 fewer in a request, by the goroutines and the checkout that a pinned socket does
// without, and at most one more, the view of the selected server, outside. The server is another
// process, so that only the clients are counted.
func TestAcknowledgedAllocations(t *testing.T) {
	// Background work and the pools of the race detector, which drop at random, only ever add: so the
	// least of several samples counts, and allowance is for what is left. A whole allocation more is
	// above it.
	const allowance, samples, operations = 0.5, 6, 300
	c := contend(t, sinkPeer)
	for name, measures := range map[string][]measure{"UpdateOne": c.acknowledgedUpdates(), "FindOne": c.reads()} {
		allocations := make([]float64, len(measures))
		for sample := range samples {
			for i, m := range measures {
				n := m.cost(t, operations).allocations
				if sample == 0 || n < allocations[i] {
					allocations[i] = n
				}
			}
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
