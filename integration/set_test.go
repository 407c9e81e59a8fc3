package integration

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
	"github.com/mongo-monorail/monorail/monorailtest"
)

// electionTimeout bounds a change of primary: a real set takes some 2 to 12 s for an election.
const electionTimeout = 60 * time.Second

// long returns a context for a test that waits for an election.
func long(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), electionTimeout)
	t.Cleanup(cancel)
	return ctx
}

// renewed renews a broken request until an insert in it succeeds: the set may have no primary for a
// while, and the first one that the driver finds may be the one that steps down.
func renewed(ctx context.Context, t testing.TB, request *monorail.Request, coll *mongo.Collection) {
	t.Helper()
	for {
		check(t, request.Renew(ctx))
		_, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: bson.NewObjectID()}})
		if err == nil {
			return
		}
		var server mongo.ServerError
		if ctx.Err() != nil || !errors.Is(err, monorail.ErrRequestBroken) && !errors.As(err, &server) {
			t.Fatalf("after the renewal, an insert gives %v", err)
		}
	}
}

// TestStepDownBreaksARequestThatOnlyWrites is promise 13 on a replica set.
func TestStepDownBreaksARequestThatOnlyWrites(t *testing.T) {
	s := servertest.StartSet(t)
	c := s.Connect(t, nil)
	ctx := long(t)
	coll := c.Database(s.Database(t)).Collection("c")
	requestCtx, request := c.StartRequest(ctx)
	_, err := coll.InsertOne(requestCtx, bson.D{{Key: "_id", Value: 1}})
	check(t, err)
	before := request.Info()
	stop := make(chan struct{}) // closed by the test; the writer receives
	written := make(chan int, 1)
	go func() { // writes, and never reads, until it is told
		n := 0
		for {
			select {
			case <-stop:
				written <- n
				return
			default:
			}
			if err := c.Unacknowledged(coll).UpdateOne(requestCtx, bson.D{{Key: "_id", Value: 1}}, push(n)); err != nil {
				if !errors.Is(err, monorail.ErrRequestBroken) {
					t.Errorf("an unacknowledged write gives %v", err)
				}
				written <- n
				return
			}
			n++
			time.Sleep(100 * time.Microsecond) // a pace, so that a slow server is not buried
		}
	}()
	s.StepDown(t)
	n := <-written // nobody told it to stop: it was told of the break
	close(stop)
	var broken *monorail.BrokenError
	if !errors.As(request.Err(), &broken) || broken.Address != before.Address {
		t.Fatalf("after the step-down, Err gives %v", request.Err())
	}
	nothingCheckedOut(t, c)

	renewed(requestCtx, t, request, coll)
	if info := request.Info(); info.Epoch == 0 || info.Unconfirmed != 0 {
		t.Errorf("the renewed request: %+v", info)
	}
	// What ran is a prefix of what was written: nothing ran behind the first write that was refused.
	list := pushed(requestCtx, t, coll, 1)
	if len(list) > n {
		t.Errorf("%d writes ran of %d", len(list), n)
	}
	for i, got := range list {
		if int(got) != i {
			t.Fatalf("in place %d stands write %d: a hole", i, got)
		}
	}
	check(t, request.End())
}

// TestStepDownTellsTheOperationThatMeetsIt shows an acknowledged operation the server's own answer, and
// all later ones the break.
func TestStepDownTellsTheOperationThatMeetsIt(t *testing.T) {
	s := servertest.StartReplicaSet(t, 3)
	// The monitors see nothing, so that it is the operation that finds out.
	c := s.Connect(t, options.Client().SetHeartbeatInterval(time.Hour).SetServerMonitoringMode(options.ServerMonitoringModePoll))
	ctx := long(t)
	coll := c.Database(s.Database(t)).Collection("c")
	requestCtx, request := c.StartRequest(ctx)
	_, err := coll.InsertOne(requestCtx, bson.D{})
	check(t, err)
	check(t, s.Set.StepDown(ctx, monorailtest.StepDownOptions{Force: true}))
	_, err = coll.InsertOne(requestCtx, bson.D{})
	var server mongo.ServerError
	if !errors.As(err, &server) || !server.HasErrorCode(10107) {
		t.Errorf("the insert that meets the step-down gives %v, want the server's 10107", err)
	}
	wantError(t, request.Err(), monorail.ErrRequestBroken)
	wantError(t, coll.FindOne(requestCtx, bson.D{}).Err(), monorail.ErrRequestBroken)
	wantError(t, request.End(), monorail.ErrRequestBroken)
}

// TestConfirmWaitsForTheMajority stops replication.
func TestConfirmWaitsForTheMajority(t *testing.T) {
	s := servertest.StartReplicaSet(t, 3)
	c := s.Connect(t, nil)
	ctx := long(t)
	coll := c.Database(s.Database(t)).Collection("c")
	requestCtx, request := c.StartRequest(ctx)
	_, err := coll.InsertOne(requestCtx, bson.D{})
	check(t, err)
	check(t, request.Confirm(ctx, nil))
	s.Set.StopReplication(1, 2)
	for range 10 {
		check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}))
	}
	check(t, request.Barrier(ctx)) // processed they are
	for _, wc := range []*writeconcern.WriteConcern{nil, writeconcern.Majority(), {W: 2}, {W: 3}} {
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		err := request.Confirm(short, wc)
		cancel()
		// Either the server's wtimeout or the context comes first: both are close.
		var exception mongo.WriteException
		if err == nil || !mongo.IsTimeout(err) && (!errors.As(err, &exception) || exception.WriteConcernError == nil || exception.WriteConcernError.Code != 64) {
			t.Errorf("with replication stopped, confirming with %v gives %v", wc, err)
		}
	}
	check(t, request.Confirm(ctx, writeconcern.W1()))
	check(t, request.Err())
	s.Set.ResumeReplication(1, 2)
	check(t, request.Confirm(ctx, nil))
	check(t, request.Confirm(ctx, &writeconcern.WriteConcern{W: 3}))
	check(t, request.End())
}

// TestConfirmedWritesSurviveTheirPrimary kills the primary behind a Confirm.
func TestConfirmedWritesSurviveTheirPrimary(t *testing.T) {
	const writes = 100
	s := servertest.StartReplicaSet(t, 3)
	c := s.Connect(t, nil)
	ctx := long(t)
	coll := c.Database(s.Database(t)).Collection("c")
	requestCtx, request := c.StartRequest(ctx)
	for i := range writes {
		check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{{Key: "_id", Value: i}}))
	}
	check(t, request.Confirm(ctx, nil))
	killed := s.Set.Primary()
	s.Set.Kill(killed)
	breaksBySilence(t, request)
	check(t, request.Renew(ctx))
	servertest.Eventually(t, func() string {
		n, err := coll.CountDocuments(requestCtx, bson.D{})
		if err != nil {
			_ = request.Renew(ctx)
			return err.Error()
		}
		if n != writes {
			t.Errorf("of %d confirmed writes the new primary has %d", writes, n)
		}
		return ""
	})
	check(t, request.End())
	s.Set.Restart(killed)
}

// TestConfirmIsNoLieAfterARollback has a primary that nobody follows: what it processed is rolled back,
// and nothing on that socket may say that it is confirmed.
func TestConfirmIsNoLieAfterARollback(t *testing.T) {
	s := servertest.StartReplicaSet(t, 3)
	c := s.Connect(t, nil)
	ctx := long(t)
	coll := c.Database(s.Database(t)).Collection("c")
	requestCtx, request := c.StartRequest(ctx)
	_, err := coll.InsertOne(requestCtx, bson.D{{Key: "_id", Value: 0}})
	check(t, err)
	check(t, request.Confirm(ctx, nil))
	old := s.Set.Primary()
	s.Set.Isolate(old)
	for i := 1; i <= 10; i++ {
		if err := c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{{Key: "_id", Value: i}}); err != nil {
			wantError(t, err, monorail.ErrRequestBroken) // the driver may have heard of the new primary
		}
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	if err := request.Confirm(short, nil); err == nil {
		t.Error("Confirm succeeds on a primary that reaches no majority")
	}
	cancel()
	servertest.Eventually(t, func() string {
		if s.Set.Primary() == old {
			return "the others have not elected another primary"
		}
		return ""
	})
	s.Set.Rejoin(old)
	breaksBySilence(t, request)
	wantError(t, request.Confirm(ctx, nil), monorail.ErrRequestBroken)
	renewed(requestCtx, t, request, coll)
	n, err := coll.CountDocuments(requestCtx, bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: 0}, {Key: "$lt", Value: 11}}}})
	if err != nil || n != 0 {
		t.Errorf("%d writes of the old primary are there (%v), want none: they were rolled back", n, err)
	}
	check(t, request.End())
}

// TestIsolatedPrimaryBreaksTheRequest cuts the primary off from the set: it takes writes as before, which are
// lost when it comes back.
func TestIsolatedPrimaryBreaksTheRequest(t *testing.T) {
	s := servertest.StartReplicaSet(t, 3)
	c := s.Connect(t, nil)
	coll := c.Database(s.Database(t)).Collection("c")
	requestCtx, request := c.StartRequest(long(t))
	check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}))
	check(t, request.Barrier(requestCtx))
	isolated := request.Info().Address
	s.Set.Isolate(s.Set.Primary())
	breaksBySilence(t, request)
	renewed(requestCtx, t, request, coll)
	if address := request.Info().Address; address == isolated {
		t.Errorf("the renewed request is pinned to %s, which was cut off", address)
	}
	check(t, request.Confirm(requestCtx, nil))
	check(t, request.End())
}

// TestRemovedServerBreaksTheRequest takes the primary out of the set.
func TestRemovedServerBreaksTheRequest(t *testing.T) {
	s := servertest.StartReplicaSet(t, 3)
	c := s.Connect(t, nil)
	coll := c.Database(s.Database(t)).Collection("c")
	requestCtx, request := c.StartRequest(long(t))
	check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}))
	check(t, request.Barrier(requestCtx))
	removed := request.Info().Address
	s.Set.Remove(s.Set.Primary())
	breaksBySilence(t, request)
	renewed(requestCtx, t, request, coll)
	if address := request.Info().Address; address == removed {
		t.Errorf("the renewed request is pinned to %s, which was removed", address)
	}
	check(t, request.End())
}

// TestCursorStaysWithItsServer renews a request onto another server than that of its cursor.
func TestCursorStaysWithItsServer(t *testing.T) {
	s := servertest.StartReplicaSet(t, 3)
	c := s.Connect(t, nil)
	ctx := long(t)
	coll := fill(t, s.Server, c, 20, 0)
	check(t, s.Set.AwaitReplication(ctx))
	requestCtx, request := c.StartRequest(ctx)
	cursor, err := coll.Find(requestCtx, bson.D{}, options.Find().SetBatchSize(5))
	check(t, err)
	first := request.Info().Address
	check(t, s.Set.StepDown(ctx, monorailtest.StepDownOptions{}))
	breaksBySilence(t, request)
	renewed(requestCtx, t, request, coll.Database().Collection("other"))
	if request.Info().Address == first {
		t.Fatal("the request was renewed onto the old primary")
	}
	n := 0
	for cursor.Next(requestCtx) {
		n++
	}
	if err := cursor.Err(); err != nil || n != 20 {
		t.Errorf("the cursor of the old primary gave %d documents of 20, and %v", n, err)
	}
	check(t, request.Err())
	check(t, request.End())
}

// TestReadPreferencesOfASet pins requests to members by their read preference.
func TestReadPreferencesOfASet(t *testing.T) {
	tags := func(member string) *readpref.ReadPref { return readpref.Nearest(readpref.WithTags("member", member)) }
	s := servertest.StartReplicaSet(t, 3, monorailtest.WithTags(0, map[string]string{"member": "0"}),
		monorailtest.WithTags(1, map[string]string{"member": "1"}), monorailtest.WithTags(2, map[string]string{"member": "2"}))
	c := s.Connect(t, nil)
	ctx := long(t)
	coll := fill(t, s.Server, c, 3, 0)
	check(t, s.Set.AwaitReplication(ctx))
	primary := s.Set.Member(0).Addr()
	servertest.Eventually(t, func() string { // every member is known
		for _, member := range []string{"0", "1", "2"} {
			if err := coll.Clone(options.Collection().SetReadPreference(tags(member))).FindOne(ctx, bson.D{}).Err(); err != nil {
				return err.Error()
			}
		}
		return ""
	})
	for _, test := range []struct {
		name      string
		pin, read *readpref.ReadPref
		where     func(address string) bool
		mismatch  bool
	}{
		{"a secondary, read as secondary", readpref.Secondary(), readpref.Secondary(), func(a string) bool { return a != primary }, false},
		{"a secondary, read as primary", readpref.Secondary(), readpref.Primary(), nil, true},
		{"by tags, read by the same tags", tags("2"), tags("2"), func(a string) bool { return a == s.Set.Member(2).Addr() }, false},
		{"by tags, read by others", tags("2"), tags("1"), nil, true},
		{"by tags, read as primaryPreferred", tags("2"), readpref.PrimaryPreferred(), func(a string) bool { return a == s.Set.Member(2).Addr() }, false},
		{"the primary by tags, read as primary", tags("0"), readpref.Primary(), func(a string) bool { return a == primary }, false},
		{"the primary, read as secondaryPreferred", nil, readpref.SecondaryPreferred(), func(a string) bool { return a == primary }, false},
		{"the primary, read as secondary", nil, readpref.Secondary(), nil, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var opts []*monorail.RequestOptionsBuilder
			if test.pin != nil {
				opts = append(opts, monorail.RequestOptions().SetReadPreference(test.pin))
			}
			requestCtx, request := c.StartRequest(ctx, opts...)
			err := coll.Clone(options.Collection().SetReadPreference(test.read)).FindOne(requestCtx, bson.D{}).Err()
			if errors.Is(err, monorail.ErrServerMismatch) != test.mismatch || !test.mismatch && err != nil {
				t.Errorf("the read gives %v; a mismatch is expected: %t", err, test.mismatch)
			}
			if test.where != nil && !test.where(request.Info().Address) {
				t.Errorf("the request is pinned to %s", request.Info().Address)
			}
			check(t, request.Err())
			check(t, request.End())
		})
	}
}

// TestDirectConnection pins requests of a client that knows one member alone.
func TestDirectConnection(t *testing.T) {
	s := servertest.StartReplicaSet(t, 3)
	ctx := long(t)
	for member, writes := range map[int]bool{0: true, 1: false} {
		direct := &servertest.Server{URI: s.Set.Member(member).URI(), Faults: s.Set.Member(member)}
		c := direct.Connect(t, options.Client().SetDirect(true).SetRetryWrites(false))
		coll := c.Database("monorail_test").Collection("c")
		requestCtx, request := c.StartRequest(ctx)
		if err := coll.FindOne(requestCtx, bson.D{}).Err(); err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
			t.Errorf("member %d: a find gives %v", member, err)
		}
		check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}))
		err := request.Barrier(ctx)
		if writes {
			check(t, err)
			check(t, request.End())
			continue
		}
		// A direct connection asks no selector, so it is the server that refuses, by closing the socket.
		wantError(t, err, monorail.ErrRequestBroken)
		wantError(t, request.End(), monorail.ErrRequestBroken)
	}
}
