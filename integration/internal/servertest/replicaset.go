package servertest

import (
	"os"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

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

// StartSet returns a server that is a replica set: the deployment that the environment names, where that is
// one, else three members of monorailtest, whose faults are in Set. Where the named deployment is no
// set, the test does not run, and says so.
func StartSet(t testing.TB, opts ...monorailtest.Option) *ReplicaSet {
	t.Helper()
	if os.Getenv(URIVariable) == "" {
		return StartReplicaSet(t, 3, opts...)
	}
	s := Start(t)
	var hello struct {
		SetName string `bson:"setName"`
	}
	err := s.ConnectPlain(t, nil).Database("admin").RunCommand(Context(t), bson.D{{Key: "hello", Value: 1}}).Decode(&hello)
	if err != nil {
		t.Fatal(err)
	}
	if hello.SetName == "" {
		t.Skip("needs a replica set")
	}
	return &ReplicaSet{Server: s}
}

// StepDown makes the primary step down with the server's own command, and does not wait for the next one.
func (s *ReplicaSet) StepDown(t testing.TB) {
	t.Helper()
	client := s.ConnectPlain(t, options.Client().SetRetryReads(false))
	command := bson.D{{Key: "replSetStepDown", Value: 20}, {Key: "secondaryCatchUpPeriodSecs", Value: 5}, {Key: "force", Value: true}}
	if err := client.Database("admin").RunCommand(Context(t), command).Err(); err != nil && !mongo.IsNetworkError(err) {
		t.Fatalf("stepping down: %v", err)
	}
}

// StartWithTransactions returns a server that has transactions: the deployment that the environment
// names, where that is one, else a replica set of one member. Where the named deployment is a
// standalone, the test does not run, and says so.
func StartWithTransactions(t testing.TB) *Server {
	t.Helper()
	if os.Getenv(URIVariable) == "" {
		return StartReplicaSet(t, 1).Server
	}
	s := Start(t)
	var hello struct {
		SetName string `bson:"setName"`
		Message string `bson:"msg"`
	}
	err := s.ConnectPlain(t, nil).Database("admin").RunCommand(Context(t), bson.D{{Key: "hello", Value: 1}}).Decode(&hello)
	if err != nil {
		t.Fatal(err)
	}
	if hello.SetName == "" && hello.Message != "isdbgrid" {
		t.Skip("needs a replica set or a sharded cluster: a standalone server has no transactions")
	}
	return s
}
