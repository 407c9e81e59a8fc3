package monorailtest

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// anywhere is the read preference of a client that reads from secondaries too.
var anywhere = bson.E{Key: "$readPreference", Value: bson.D{{Key: "mode", Value: "nearest"}}}

// idsAt returns the ids in test.c of one member, whatever its role.
func idsAt(t testing.TB, s *Server) []int32 {
	t.Helper()
	body := dial(t, s).ok(bson.D{{Key: "find", Value: "c"}, {Key: "sort", Value: bson.D{{Key: "_id", Value: 1}}}, anywhere})
	values, err := body.Lookup("cursor", "firstBatch").Array().Values()
	check(t, err)
	out := []int32{}
	for _, v := range values {
		out = append(out, v.Document().Lookup("_id").Int32())
	}
	return out
}

// withMajority adds a write concern of the majority to a command.
func withMajority(command bson.D, wtimeout int) bson.D {
	return append(command, bson.E{Key: "writeConcern", Value: bson.D{{Key: "w", Value: "majority"}, {Key: "wtimeout", Value: wtimeout}}})
}

// deleteNothing is a write that changes nothing.
func deleteNothing() bson.D {
	return bson.D{{Key: "delete", Value: "c"}, {Key: "deletes", Value: bson.A{bson.D{{Key: "q", Value: bson.D{{Key: "_id", Value: -1}}}, {Key: "limit", Value: 1}}}}}
}

// concernOf returns the code of a reply's writeConcernError, 0 for none.
func concernOf(body bson.Raw) int32 {
	n, _ := body.Lookup("writeConcernError", "code").Int32OK()
	return n
}

func topologyVersionOf(t testing.TB, body bson.Raw) (primitive.ObjectID, int64) {
	t.Helper()
	v, ok := body.Lookup("topologyVersion").DocumentOK()
	if !ok {
		t.Fatalf("no topologyVersion in %v", body)
	}
	return v.Lookup("processId").ObjectID(), v.Lookup("counter").Int64()
}

func TestSecondaryRefuses(t *testing.T) {
	rs := newSet(t, 2)
	c := dial(t, rs.Member(1))
	read := bson.D{{Key: "find", Value: "c"}}
	for _, r := range []struct {
		command bson.D
		code    int32
	}{
		{insertOne(1), 10107},
		{bson.D{{Key: "drop", Value: "c"}}, 10107},
		{read, 13435},
		{append(read, bson.E{Key: "$readPreference", Value: bson.D{{Key: "mode", Value: "primary"}}}), 13435},
		{append(read, anywhere), 0},
		{pingCommand(), 0},
		{append(insertOne(1), bson.E{Key: "writeConcern", Value: bson.D{{Key: "w", Value: 0}}}), 10107},
	} {
		body := c.call(r.command)
		if got := code(body); got != r.code {
			t.Errorf("%v: %v, want %d", r.command, body, r.code)
		}
		if r.code != 0 {
			topologyVersionOf(t, body)
		}
	}
	c.send(c.tell(bson.D{{Key: "update", Value: "c"}, {Key: "updates", Value: bson.A{bson.D{{Key: "q", Value: bson.D{}}}}}}), c.tell(pingCommand()))
	c.wantAlive() // malformed, and no write
	// A member's own database is its own.
	local := append(insertOne(1), bson.E{Key: "$db", Value: "local"})
	b := append([]byte{0, 0, 0, 0, 0}, marshal(t, local)...)
	c.lastID++
	c.send(packet(c.lastID, 2013, b))
	if body := c.reply().body; body.Lookup("n").Int32() != 1 {
		t.Errorf("a write to local: %v", body)
	}
}

func TestHangUpOnUnacknowledgedWriteAfterStepDown(t *testing.T) {
	rs := newSet(t, 3)
	quiet, c := dial(t, rs.Member(0)), dial(t, rs.Member(0))
	for _, conn := range []*rawConn{quiet, c} {
		conn.ok(helloCommand())
	}
	c.send(c.tell(insertZero(1)))
	c.wantAlive()
	check(t, rs.StepDown(soon(t), StepDownOptions{}))
	ping := c.ask(pingCommand())
	c.send(ping, c.tell(insertZero(2)), c.tell(insertZero(3)), c.ask(pingCommand()))
	if r := c.reply(); code(r.body) != 0 {
		t.Errorf("the ping before: %v", r.body)
	}
	c.wantClosed()
	quiet.wantAlive()
	if body := quiet.call(insertOne(4)); code(body) != 10107 {
		t.Errorf("an acknowledged write: %v", body)
	}
	quiet.wantAlive()
	check(t, rs.AwaitReplication(soon(t)))
	for i, s := range rs.Members() {
		if got := idsAt(t, s); !slices.Equal(got, []int32{1}) {
			t.Errorf("member %d has %v", i, got)
		}
	}
	repl := quiet.ok(bson.D{{Key: "serverStatus", Value: 1}}).Lookup("metrics", "repl", "network", "notPrimaryUnacknowledgedWrites")
	if repl.Int64() != 1 {
		t.Errorf("serverStatus counts %v unacknowledged writes, want 1", repl)
	}
}

func TestStepDownThatFails(t *testing.T) {
	rs := newSet(t, 3)
	written, control, acked := dial(t, rs.Member(0)), dial(t, rs.Member(0)), dial(t, rs.Member(0))
	rs.StopReplication()
	acked.ok(insertOne(1))
	control.send(control.message(0, bson.D{{Key: "replSetStepDown", Value: 60}, {Key: "secondaryCatchUpPeriodSecs", Value: 0.2}}))
	if body := control.reply().body; code(body) != 13 {
		t.Errorf("replSetStepDown outside admin: %v", body)
	}
	if err := rs.StepDown(soon(t), StepDownOptions{CatchUp: time.Millisecond}); !errors.Is(err, ErrNoneCaughtUp) {
		t.Errorf("the step-down: %v", err)
	}
	ctx, giveUp := context.WithCancel(soon(t))
	failed := make(chan error)
	go func() { failed <- rs.StepDown(ctx, StepDownOptions{CatchUp: patience, Period: 2 * patience}) }()
	for code(acked.call(deleteNothing())) != 10107 {
	}
	written.send(written.tell(insertZero(3)))
	written.wantClosed()
	giveUp()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the step-down: %v", err)
	}
	if got := rs.Primary(); got != 0 {
		t.Errorf("the primary is %d, want 0", got)
	}
	acked.ok(insertOne(4)) // a hole: what came in between failed
	if got := idsAt(t, rs.Member(0)); !slices.Equal(got, []int32{1, 4}) {
		t.Errorf("the primary has %v", got)
	}
}

// TestStepDownInTheMiddleOfAWrite is reference B: of pipelined writes, those before the step-down are done, the one caught
// in the act says so inside ok: 1, and the rest is refused.
func TestStepDownInTheMiddleOfAWrite(t *testing.T) {
	rs := newSet(t, 1)
	c := dial(t, rs.Member(0))
	const commands, each = 10, 3000
	for i := range commands {
		documents := make(bson.A, each)
		for j := range documents {
			documents[j] = bson.D{{Key: "_id", Value: i*each + j}}
		}
		c.send(c.ask(bson.D{{Key: "insert", Value: "c"}, {Key: "documents", Value: documents}}))
	}
	written := c.reply().body.Lookup("n").Int32()
	check(t, rs.StepDown(soon(t), StepDownOptions{Force: true, Period: time.Hour}))
	ended, caught := false, false
	for i := 1; i < commands; i++ {
		body := c.reply().body
		n, _ := body.Lookup("n").Int32OK()
		written += n
		switch {
		case ended && code(body) != 10107:
			t.Errorf("command %d, behind the step-down: %v", i, body)
		case body.Lookup("writeErrors").Type != 0:
			ended, caught = true, true
			e := body.Lookup("writeErrors", "0").Document()
			if e.Lookup("code").Int32() != 189 || e.Lookup("index").Int32() != n || body.Lookup("ok").Double() != 1 {
				t.Errorf("command %d, in the act: %v", i, body)
			}
		default:
			ended = code(body) != 0
		}
	}
	// Without: the step-down came between two commands, or too late.
	t.Logf("%d documents written, caught in the act: %t", written, caught)
	documents := dial(t, rs.Member(0)).ok(bson.D{{Key: "count", Value: "c"}, anywhere}).Lookup("n").Int32()
	if documents != written {
		t.Errorf("%d documents are there, %d were acknowledged", documents, written)
	}
}

// TestUnacknowledgedMajorityIsAwaited is reference A6: moreToCome with a stronger write concern than 0 holds up what is
// behind.
func TestUnacknowledgedMajorityIsAwaited(t *testing.T) {
	rs := newSet(t, 3)
	rs.StopReplication()
	c := dial(t, rs.Member(0))
	const wtimeout = 40 * time.Millisecond
	begin := time.Now()
	for id := range int32(2) {
		c.send(c.tell(withMajority(insertOne(id), int(wtimeout.Milliseconds()))))
	}
	c.wantAlive()
	if took := time.Since(begin); took < 2*wtimeout {
		t.Errorf("a ping behind two of them came after %v, before %v", took, 2*wtimeout)
	}
}

func TestMajorityWaiterHearsOfStepDown(t *testing.T) {
	rs := newSet(t, 3)
	rs.StopReplication()
	c := dial(t, rs.Member(0))
	c.send(c.ask(withMajority(insertOne(1), 0)))
	other := dial(t, rs.Member(0))
	for len(other.ids()) == 0 {
	}
	check(t, rs.StepDown(soon(t), StepDownOptions{Force: true}))
	body := c.reply().body
	if got := concernOf(body); body.Lookup("n").Int32() != 1 || got != 11602 && got != 189 {
		t.Errorf("the waiting insert: %v", body)
	}
	topologyVersionOf(t, body)
}

// TestRollback is reference B4: a rollback closes the sockets that have ever said hello, and no others.
func TestRollback(t *testing.T) {
	rs := newSet(t, 3)
	old := rs.Member(0)
	silent, greeted, optedOut := dial(t, old), dial(t, old), dial(t, old)
	silent.ok(insertOne(1))
	greeted.ok(helloCommand())
	optedOut.ok(append(helloCommand(), bson.E{Key: "hangUpOnStepDown", Value: false}))
	check(t, rs.AwaitReplication(soon(t)))
	rs.Isolate(0)
	for i, c := range []*rawConn{silent, greeted, optedOut} {
		c.send(c.tell(insertZero(int32(10+i))), c.ask(pingCommand()))
		if r := c.reply(); code(r.body) != 0 {
			t.Errorf("ping behind a write that will be rolled back: %v", r.body)
		}
	}
	if got := concernOf(greeted.call(withMajority(deleteNothing(), 20))); got != 64 {
		t.Errorf("a barrier on the isolated primary: %d, want 64", got)
	}
	check(t, rs.Elect(soon(t), 1))
	dial(t, rs.Member(1)).ok(insertOne(2))
	if got := rs.Primary(); got != 1 {
		t.Errorf("the primary is %d, want 1", got)
	}
	rs.Rejoin(0)
	check(t, rs.AwaitReplication(soon(t)))
	for i, s := range rs.Members() {
		if got := idsAt(t, s); !slices.Equal(got, []int32{1, 2}) {
			t.Errorf("member %d has %v", i, got)
		}
	}
	greeted.wantClosed()
	silent.wantAlive()
	optedOut.wantAlive()
	// What they are told of when the member is primary again says nothing of their lost writes.
	check(t, rs.Elect(soon(t), 0))
	if body := silent.ok(withMajority(deleteNothing(), 0)); concernOf(body) != 0 {
		t.Errorf("a barrier on a socket that has not said hello: %v", body)
	}
}

func TestKilledMemberRefusesConnectionsAndKeepsItsData(t *testing.T) {
	rs := newSet(t, 3)
	c := dial(t, rs.Member(0))
	c.ok(withMajority(insertOne(1), 0))
	addr := rs.Member(0).Addr()
	first, _ := topologyVersionOf(t, c.ok(helloCommand()))
	rs.Kill(0)
	c.wantClosed()
	var dialer net.Dialer
	if conn, err := dialer.DialContext(soon(t), "tcp", addr); err == nil {
		t.Errorf("a killed member accepts %v", conn.LocalAddr())
	}
	must[int](t)(rs.AwaitPrimary(soon(t)))
	rs.Restart(0)
	if got := idsAt(t, rs.Member(0)); !slices.Equal(got, []int32{1}) || rs.Member(0).Addr() != addr {
		t.Errorf("after the restart on %s: %v", rs.Member(0).Addr(), got)
	}
	if second, _ := topologyVersionOf(t, dial(t, rs.Member(0)).ok(helloCommand())); second == first {
		t.Error("the restarted member has the processId of the killed one")
	}
}

func TestRemovedMember(t *testing.T) {
	rs := newSet(t, 3)
	c, silent := dial(t, rs.Member(2)), dial(t, rs.Member(2))
	c.ok(helloCommand())
	silent.wantAlive()
	rs.Remove(2)
	c.wantClosed()
	silent.wantAlive()
	if got := code(silent.call(bson.D{{Key: "find", Value: "c"}, anywhere})); got != 13436 {
		t.Errorf("a read from a removed member: %d, want 13436", got)
	}
	hello := silent.ok(helloCommand())
	if !hello.Lookup("isreplicaset").Boolean() || hello.Lookup("setName").Type != 0 || hello.Lookup("isWritablePrimary").Boolean() {
		t.Errorf("the removed member says %v", hello)
	}
	others := dial(t, rs.Member(0)).ok(helloCommand())
	hosts, err := others.Lookup("hosts").Array().Values()
	check(t, err)
	if len(hosts) != 2 || others.Lookup("setVersion").Int32() != 2 {
		t.Errorf("the primary says %v", others)
	}
	dial(t, rs.Member(0)).ok(withMajority(insertOne(1), 0))
}

func TestReplicationCommands(t *testing.T) {
	rs := newSet(t, 3)
	conns := []*rawConn{dial(t, rs.Member(0)), dial(t, rs.Member(1))}
	admin := func(i int, command bson.D) bson.Raw {
		c := conns[i]
		c.lastID++
		c.send(packet(c.lastID, 2013, append([]byte{0, 0, 0, 0, 0}, marshal(t, append(command, bson.E{Key: "$db", Value: "admin"}))...)))
		return c.reply().body
	}
	check(t, rs.AwaitReplication(soon(t)))
	status := admin(1, bson.D{{Key: "replSetGetStatus", Value: 1}})
	if status.Lookup("set").StringValue() != "rs0" || status.Lookup("myState").Int32() != 2 || status.Lookup("members", "0", "stateStr").StringValue() != "PRIMARY" {
		t.Errorf("replSetGetStatus: %v", status)
	}
	config := admin(0, bson.D{{Key: "replSetGetConfig", Value: 1}})
	if config.Lookup("config", "members", "2", "host").StringValue() != rs.Member(2).Addr() {
		t.Errorf("replSetGetConfig: %v", config)
	}
	if defaults := admin(0, bson.D{{Key: "getDefaultRWConcern", Value: 1}}); defaults.Lookup("localUpdateWallClockTime").Type != bson.TypeDateTime {
		t.Errorf("getDefaultRWConcern: %v", defaults)
	}
	rs.StopReplication()
	for _, r := range []struct {
		member  int
		command bson.D
		code    int32
	}{
		{1, bson.D{{Key: "replSetStepDown", Value: 60}}, 10107},
		{0, bson.D{{Key: "replSetStepDown", Value: 1}, {Key: "secondaryCatchUpPeriodSecs", Value: 2}}, 2},
		{0, bson.D{{Key: "replSetFreeze", Value: 1}}, 95},
		{1, bson.D{{Key: "replSetFreeze", Value: 60}}, 0},
		{0, bson.D{{Key: "replSetInitiate", Value: bson.D{}}}, 23},
		{0, bson.D{{Key: "appendOplogNote", Value: 1}, {Key: "data", Value: bson.D{}}}, 0},
		{1, bson.D{{Key: "appendOplogNote", Value: 1}, {Key: "data", Value: bson.D{}}}, 10107},
		{0, bson.D{{Key: "replSetStepDown", Value: 60}, {Key: "secondaryCatchUpPeriodSecs", Value: 0.02}}, 262},
		{0, bson.D{{Key: "replSetStepDown", Value: 60}, {Key: "force", Value: true}}, 0},
	} {
		if body := admin(r.member, r.command); code(body) != r.code {
			t.Errorf("%v on member %d: %v, want %d", r.command, r.member, body, r.code)
		}
	}
	// Member 0 has stepped down, and member 1 is frozen.
	rs.ResumeReplication()
	if p := must[int](t)(rs.AwaitPrimary(context.Background())); p != 2 {
		t.Errorf("member %d was elected, want 2", p)
	}
	conns[1].lastID = 0
	if body := admin(1, bson.D{{Key: "replSetStepUp", Value: 1}}); code(body) != 0 || rs.Primary() != 1 {
		t.Errorf("replSetStepUp: %v, and the primary is %d", body, rs.Primary())
	}
}
