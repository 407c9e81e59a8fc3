package integration

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
	"github.com/mongo-monorail/monorail/monorailtest"
)

// wantError fails the test unless target is in the chain of err.
func wantError(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("the error is %v, want %v", err, target)
	}
}

// reset breaks the request's socket, and returns when the request knows.
func reset(t testing.TB, s *servertest.Server, ctx context.Context, request *monorail.Request, coll *mongo.Collection) {
	t.Helper()
	s.Faults.Reset(connectionOf(request))
	if err := coll.FindOne(ctx, bson.D{}).Err(); !errors.Is(err, monorail.ErrRequestBroken) {
		t.Fatalf("a find on a socket that was reset gives %v", err)
	}
}

func TestRenew(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")
	requestCtx, request := c.StartRequest(ctx)
	nestedCtx, nested := c.StartRequest(requestCtx)
	check(t, request.Renew(ctx)) // nothing is broken, and nothing changes
	for epoch := range 3 {
		if info := request.Info(); info.Epoch != epoch || info.Pinned || info.Unconfirmed != 0 {
			t.Fatalf("before the first operation of epoch %d: %+v", epoch, info)
		}
		check(t, c.Unacknowledged(coll).UpdateOne(requestCtx, bson.D{{Key: "_id", Value: 1}}, push(epoch), options.UpdateOne().SetUpsert(true)))
		if list := pushed(nestedCtx, t, coll, 1); len(list) != epoch+1 {
			t.Fatalf("in epoch %d, a find behind the write sees %v", epoch, list)
		}
		check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}))
		before := request.Info()
		if !before.Pinned || before.Epoch != epoch || before.Unconfirmed != 1 {
			t.Fatalf("in epoch %d: %+v", epoch, before)
		}
		check(t, request.Renew(ctx))
		if after := request.Info(); after.ConnectionID != before.ConnectionID || after.Epoch != epoch {
			t.Fatalf("renewing a request that is not broken made %+v of %+v", after, before)
		}
		reset(t, s, nestedCtx, request, coll)
		if n := c.Pool.CheckedOut(); n != 0 {
			t.Errorf("%d connections are checked out after the break, want 0", n)
		}
		servertest.Eventually(t, func() string { // outside, so that the driver has found its server again
			if err := c.Ping(ctx, nil); err != nil {
				return err.Error()
			}
			return ""
		})
		check(t, nested.Renew(ctx)) // any handle renews the request
		check(t, request.Err())
	}
	check(t, nested.End())
	check(t, request.End())
	if err := request.Renew(ctx); !errors.Is(err, monorail.ErrRequestEnded) {
		t.Errorf("renewing an ended request gives %v", err)
	}
	usable(t, c, coll)
}

// breakWithWritesBehind breaks a request by a malformed reply, which is no fault of the network: the
// connection is still open, and n pushes are behind the reply that the server has not executed yet.
func breakWithWritesBehind(t testing.TB, s *servertest.Server, c *servertest.Client, coll *mongo.Collection, n int) (context.Context, *monorail.Request) {
	t.Helper()
	ctx := servertest.Context(t)
	_, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: 1}})
	check(t, err)
	requestCtx, request := c.StartRequest(ctx)
	check(t, coll.FindOne(requestCtx, bson.D{}).Err())
	s.Faults.SetDelay(100*time.Millisecond, monorailtest.Commands("find"))
	s.Faults.RewriteReply(func(b []byte) []byte { b[3] = 0x7f; return b }, onSocket(t, request))
	found := make(chan error, 1) // the goroutine sends once
	go func() { found <- coll.FindOne(requestCtx, bson.D{}).Err() }()
	servertest.Eventually(t, func() string {
		if request.Info().InFlight == 0 {
			return "the find was not sent"
		}
		return ""
	})
	s.Faults.SetDelay(5*time.Millisecond, monorailtest.Unacknowledged())
	for i := range n {
		check(t, c.Unacknowledged(coll).UpdateOne(requestCtx, bson.D{{Key: "_id", Value: 1}}, push(i)))
	}
	check(t, request.Flush(ctx))
	if err := <-found; !errors.Is(err, monorail.ErrRequestBroken) {
		t.Fatalf("a malformed reply gives %v", err)
	}
	return requestCtx, request
}

// TestRenewFences shows that nothing of the old socket runs behind something of the new one, where the
// old one can still be waited for.
func TestRenewFences(t *testing.T) {
	const writes = 20
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil)
	coll := c.Database(s.Database(t)).Collection("c")
	outside := s.ConnectPlain(t, nil) // its pool is not cleared by the break
	check(t, outside.Ping(servertest.Context(t), nil))
	requestCtx, request := breakWithWritesBehind(t, s, c, coll, writes)
	check(t, request.Renew(requestCtx))
	list := pushed(servertest.Context(t), t, outside.Database(coll.Database().Name()).Collection("c"), 1)
	if len(list) != writes {
		t.Errorf("when Renew returned, %d of %d writes of the old socket had run", len(list), writes)
	}
	_, err := coll.UpdateOne(requestCtx, bson.D{{Key: "_id", Value: 1}}, push(writes))
	check(t, err)
	check(t, request.End())
	for i, got := range pushed(servertest.Context(t), t, coll, 1) {
		if int(got) != i {
			t.Fatalf("in place %d stands write %d: a write of the old socket ran behind one of the new", i, got)
		}
	}
	usable(t, c, coll)
}

func TestRenewIsBoundedByItsContext(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil)
	coll := c.Database(s.Database(t)).Collection("c")
	requestCtx, request := breakWithWritesBehind(t, s, c, coll, 10)
	s.Faults.Stall()
	short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := request.Renew(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("renewing while the server has stalled gives %v", err)
	}
	if err := request.Err(); !errors.Is(err, monorail.ErrRequestBroken) {
		t.Errorf("after a Renew that gave up, Err gives %v", err)
	}
	var wait sync.WaitGroup
	for range 4 { // all of them renew the same break
		wait.Go(func() {
			if err := request.Renew(requestCtx); err != nil {
				t.Error(err)
			}
		})
	}
	s.Faults.Resume()
	wait.Wait()
	if list := pushed(requestCtx, t, coll, 1); len(list) != 10 {
		t.Errorf("behind the fence, %d writes have run, want all 10", len(list))
	}
	if info := request.Info(); info.Epoch != 1 {
		t.Errorf("four calls for one break made epoch %d", info.Epoch)
	}
	check(t, request.End())
	usable(t, c, coll)
}

// TestEndOfABrokenRequestDoesNotWait has a server that would let it.
func TestEndOfABrokenRequestDoesNotWait(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil)
	coll := c.Database(s.Database(t)).Collection("c")
	_, request := breakWithWritesBehind(t, s, c, coll, 10)
	s.Faults.Stall()
	if err := request.End(); !errors.Is(err, monorail.ErrRequestBroken) {
		t.Errorf("End gives %v", err)
	}
	s.Faults.Resume()
	usable(t, c, coll)
}

// TestCursorOutlivesARenewal shows that a cursor is the server's: the break of the socket that it was
// opened on ends it no more than the end of its request does.
func TestCursorOutlivesARenewal(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil)
	coll := fill(t, s, c, 20, 0)
	requestCtx, request := c.StartRequest(servertest.Context(t))
	cursor, err := coll.Find(requestCtx, bson.D{}, options.Find().SetBatchSize(5))
	check(t, err)
	reset(t, s, requestCtx, request, coll)
	for range 5 {
		if !cursor.Next(requestCtx) {
			t.Fatal("the first batch is gone with the socket")
		}
	}
	if cursor.TryNext(requestCtx) || !errors.Is(cursor.Err(), monorail.ErrRequestBroken) {
		t.Errorf("a getMore in a broken request gives %v", cursor.Err())
	}
	cursor, err = coll.Find(servertest.Context(t), bson.D{}, options.Find().SetBatchSize(5))
	check(t, err)
	check(t, cursor.Close(servertest.Context(t)))

	check(t, request.Renew(requestCtx))
	cursor, err = coll.Find(requestCtx, bson.D{}, options.Find().SetBatchSize(5))
	check(t, err)
	reset(t, s, requestCtx, request, coll)
	check(t, request.Renew(requestCtx))
	servertest.Eventually(t, func() string {
		if err := c.Ping(servertest.Context(t), nil); err != nil {
			return err.Error()
		}
		return ""
	})
	check(t, coll.FindOne(requestCtx, bson.D{}).Err())
	socket := request.Info().ConnectionID
	c.Commands.Reset()
	n := 0
	for cursor.Next(servertest.Context(t)) {
		n++
	}
	check(t, cursor.Err())
	if n != 20 {
		t.Errorf("the cursor gave %d documents, want 20", n)
	}
	for _, e := range c.Commands.Started() {
		if e.ConnectionID != socket {
			t.Errorf("%s ran on %s, want the renewed socket %s", e.CommandName, e.ConnectionID, socket)
		}
	}
	check(t, request.End())
}

// TestRetryStaysInItsEpoch: the driver repeats what a break has failed, and a request that has been
// renewed by then must not run it: nobody would hear of the write in front that is lost.
func TestRetryStaysInItsEpoch(t *testing.T) {
	set := servertest.StartReplicaSet(t, 1) // a standalone server has no retryable writes
	for name, clientOpts := range map[string]*options.ClientOptions{
		"once":                        nil,
		"compressed":                  options.Client().SetCompressors([]string{"zlib"}),
		"as often as the timeout may": options.Client().SetTimeout(servertest.Timeout),
	} {
		t.Run(name, func(t *testing.T) {
			var request *monorail.Request
			var renewed error
			c := set.Connect(t, clientOpts, monorail.Options().SetFlushInterval(0).SetMonitor(&monorail.Monitor{
				Broken: func(*monorail.RequestBrokenEvent) { renewed = request.Renew(context.Background()) },
			}))
			coll := c.Database(set.Database(t)).Collection("c")
			ctx := servertest.Context(t)
			check(t, c.Ping(ctx, nil))
			var requestCtx context.Context
			requestCtx, request = c.StartRequest(ctx)
			for epoch, op := range []func() error{
				func() error { _, err := coll.InsertOne(requestCtx, bson.D{{Key: "_id", Value: 1}}); return err },
				func() error { return coll.FindOne(requestCtx, bson.D{}).Err() },
				func() error { _, err := coll.UpdateByID(requestCtx, 1, push(1)); return err },
			} {
				check(t, request.Barrier(requestCtx))
				servertest.Eventually(t, func() string { // the last break has cleared the pool
					if err := coll.FindOneAndUpdate(requestCtx, bson.D{}, push(0), options.FindOneAndUpdate().SetUpsert(true)).Err(); err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
						return err.Error()
					}
					return ""
				})
				check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}))
				set.Faults.Reset(connectionOf(request))
				err := op()
				wantError(t, err, monorail.ErrRequestBroken)
				check(t, renewed)
				var broken *monorail.BrokenError
				if !errors.As(err, &broken) || broken.Unconfirmed != 1 || request.Info().Epoch != epoch+1 {
					t.Errorf("in epoch %d, the operation that met the break gives %v", epoch, err)
				}
			}
			check(t, coll.FindOne(requestCtx, bson.D{}).Err())           // what is issued after the renewal runs
			fail(t, c, "insert", bson.E{Key: "errorCode", Value: 10107}) // not primary, as in a step-down
			_, err := coll.InsertOne(requestCtx, bson.D{})
			wantError(t, err, monorail.ErrRequestBroken)
			check(t, renewed)
			check(t, request.End())
		})
	}
}

// TestReadBehindAStepDownRuns renews a request whose read was told that the server is not primary. The read has
// ended, and its session is that of the next one, which is no repetition.
func TestReadBehindAStepDownRuns(t *testing.T) {
	set := servertest.StartReplicaSet(t, 1) // a standalone server has no sessions that a read tells
	c := set.Connect(t, nil)
	coll := c.Database(set.Database(t)).Collection("c")
	requestCtx, request := c.StartRequest(servertest.Context(t))
	_, err := coll.InsertOne(requestCtx, bson.D{})
	check(t, err)
	fail(t, c, "find", bson.E{Key: "errorCode", Value: 10107})
	var answer mongo.ServerError
	if err := coll.FindOne(requestCtx, bson.D{}).Err(); !errors.As(err, &answer) || !answer.HasErrorCode(10107) {
		t.Errorf("the find gives %v, want the server's answer", err)
	}
	check(t, request.Renew(requestCtx))
	check(t, coll.FindOne(requestCtx, bson.D{}).Err())
	check(t, request.End())
}
