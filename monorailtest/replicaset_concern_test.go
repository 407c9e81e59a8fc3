package monorailtest

import (
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// findWith reads test.c with a read concern.
func findWith(concern bson.D) bson.D {
	return bson.D{{Key: "find", Value: "c"}, {Key: "readConcern", Value: concern}, anywhere}
}

func count(t testing.TB, body bson.Raw) int {
	t.Helper()
	values, err := body.Lookup("cursor", "firstBatch").Array().Values()
	check(t, err)
	return len(values)
}

func operationTime(t testing.TB, body bson.Raw) primitive.Timestamp {
	t.Helper()
	seconds, i, ok := body.Lookup("operationTime").TimestampOK()
	if !ok {
		t.Fatalf("no operationTime in %v", body)
	}
	return primitive.Timestamp{T: seconds, I: i}
}

func TestReadConcernMajorityReadsWhatIsCommitted(t *testing.T) {
	rs := newSet(t, 3)
	c := dial(t, rs.Member(0))
	c.ok(withMajority(insertOne(1), 0))
	rs.StopReplication()
	written := operationTime(t, c.ok(insertOne(2)))
	level := bson.D{{Key: "level", Value: "majority"}}
	majority := c.ok(findWith(level))
	if got := count(t, majority); got != 1 {
		t.Errorf("majority reads %d documents, want 1", got)
	}
	if got := operationTime(t, majority); got.Compare(written) >= 0 {
		t.Errorf("the operationTime %v of a majority read is not before that of the write, %v", got, written)
	}
	if got := count(t, c.ok(findWith(bson.D{{Key: "level", Value: "local"}}))); got != 2 {
		t.Errorf("local reads %d documents, want 2", got)
	}
	for _, command := range []bson.D{pingCommand(), helloCommand(), insertOne(2)} {
		if got := operationTime(t, c.call(command)); got.Compare(written) < 0 {
			t.Errorf("%v: operationTime %v is before the write's %v", command, got, written)
		}
	}
	rs.ResumeReplication()
	after := append(level, bson.E{Key: "afterClusterTime", Value: written})
	for i, s := range rs.Members() {
		if got := count(t, dial(t, s).ok(findWith(after))); got != 2 {
			t.Errorf("member %d: majority after the write reads %d documents, want 2", i, got)
		}
	}
}

func TestAfterClusterTimeWaits(t *testing.T) {
	rs := newSet(t, 2)
	primary, secondary := dial(t, rs.Member(0)), dial(t, rs.Member(1))
	rs.StopReplication()
	written := operationTime(t, primary.ok(insertOne(1)))
	after := findWith(bson.D{{Key: "afterClusterTime", Value: written}})
	if got := code(secondary.call(append(slices.Clone(after), bson.E{Key: "maxTimeMS", Value: 20}))); got != 50 {
		t.Errorf("while nothing replicates: %d, want 50", got)
	}
	secondary.send(secondary.ask(after))
	rs.ResumeReplication()
	if got := count(t, secondary.reply().body); got != 1 {
		t.Errorf("the secondary reads %d documents, want 1", got)
	}
	future := primitive.Timestamp{T: written.T + 1000, I: 1}
	ahead := findWith(bson.D{{Key: "afterClusterTime", Value: future}})
	if got := code(secondary.call(ahead)); got != 72 {
		t.Errorf("a time after the cluster time: %d, want 72", got)
	}
	// A client that has heard of the time makes it the set's.
	gossip := bson.E{Key: "$clusterTime", Value: bson.D{{Key: "clusterTime", Value: future}}}
	body := secondary.ok(append(ahead, gossip))
	if got := operationTime(t, body); got.Compare(future) < 0 {
		t.Errorf("the operationTime is %v, before %v", got, future)
	}
	if seconds, _ := body.Lookup("$clusterTime", "clusterTime").Timestamp(); seconds < future.T {
		t.Errorf("the cluster time is %d, before %d", seconds, future.T)
	}
}

func TestLinearizableRead(t *testing.T) {
	rs := newSet(t, 3)
	linearizable := findWith(bson.D{{Key: "level", Value: "linearizable"}})
	bounded := append(slices.Clone(linearizable), bson.E{Key: "maxTimeMS", Value: 50})
	c := dial(t, rs.Member(0))
	c.ok(insertOne(1))
	if got := count(t, dial(t, rs.Member(0)).ok(linearizable)); got != 1 {
		t.Errorf("read %d documents, want 1", got)
	}
	rs.StopReplication()
	if got := code(c.call(bounded)); got != 50 {
		t.Errorf("while nothing replicates: %d, want 50", got)
	}
	if got := code(dial(t, rs.Member(1)).call(bounded)); got != 10107 {
		t.Errorf("on a secondary: %d, want 10107", got)
	}
}
