package servertest

import (
	"os"
	"testing"

	"github.com/mongo-monorail/monorail/monorailtest"
)

// ReplicaSet is a replica set of monorailtest for one test. Its Server is the whole set: Connect gives a client that
// finds its way to the primary, and whose pools are checked as ever.
type ReplicaSet struct {
	*Server
	// Set is what the faults of the set are methods of. Faults is its first member, which begins as primary.
	Set *monorailtest.ReplicaSet
}

// heartbeat is the interval of the clients' monitors: the least that the driver takes. Their streams tell of a change at
// once; this bounds how long a client does not look for a member that was restarted, and how long the driver's
// Disconnect waits where it comes within milliseconds of Connect.
const heartbeat = "heartbeatFrequencyMS=500"

// StartReplicaSet returns a replica set of n members that ends with the test. The test is for faults that only
// monorailtest can produce: where a real deployment is named it does not run, and says so.
func StartReplicaSet(t testing.TB, n int, opts ...monorailtest.Option) *ReplicaSet {
	t.Helper()
	if os.Getenv(URIVariable) != "" {
		t.Skip("needs a fault that only monorailtest can produce")
	}
	set := monorailtest.NewReplicaSet(n, opts...)
	t.Cleanup(set.Close)
	return &ReplicaSet{Server: &Server{URI: set.URI() + "&" + heartbeat, Faults: set.Member(0)}, Set: set}
}
