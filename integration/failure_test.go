package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
	"github.com/mongo-monorail/monorail/monorailtest"
)

// onSocket matches messages on the request's connection.
func onSocket(t testing.TB, request *monorail.Request) monorailtest.Match {
	t.Helper()
	id := request.Info().ServerConnectionID
	if id == nil {
		t.Fatal("the server told no connection id")
	}
	return monorailtest.OnConnection(int32(*id))
}

// connectionOf matches the connection of the request.
func connectionOf(request *monorail.Request) monorailtest.ConnMatch {
	id := request.Info().ServerConnectionID
	return func(connection int32, _ string, _ bool) bool { return id != nil && int64(connection) == *id }
}

func TestFailStop(t *testing.T) {
	const writes = 3
	faults := []struct {
		name string
		set  func(s *monorailtest.Server, r *monorail.Request, match monorailtest.Match)
		// cause is in the chain of the errors; nil where the kernel decides.
		cause error
	}{
		{"reset", func(s *monorailtest.Server, r *monorail.Request, _ monorailtest.Match) { s.Reset(connectionOf(r)) }, nil},
		{"close", func(s *monorailtest.Server, r *monorail.Request, _ monorailtest.Match) {
			s.CloseConnections(connectionOf(r))
		}, nil},
		{"hang up on an unacknowledged write", func(s *monorailtest.Server, _ *monorail.Request, m monorailtest.Match) {
			s.HangUpOnUnacknowledged(m)
		}, nil},
		{"half a reply", func(s *monorailtest.Server, _ *monorail.Request, m monorailtest.Match) { s.CutReply(20, m) }, io.EOF},
		{"half a header", func(s *monorailtest.Server, _ *monorail.Request, m monorailtest.Match) { s.CutReply(7, m) }, io.EOF},
		{"a reply too large", func(s *monorailtest.Server, _ *monorail.Request, m monorailtest.Match) {
			s.RewriteReply(func(b []byte) []byte { b[3] = 0x7f; return b }, m)
		}, nil},
		{"a reply too short", func(s *monorailtest.Server, _ *monorail.Request, m monorailtest.Match) {
			s.RewriteReply(func(b []byte) []byte { b[0], b[1], b[2], b[3] = 3, 0, 0, 0; return b }, m)
		}, nil},
	}
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			s := servertest.StartWithFaults(t)
			c := s.Connect(t, nil, monorail.Options().SetFlushInterval(0))
			ctx := servertest.Context(t)
			coll := c.Database(s.Database(t)).Collection("c")
			requestCtx, request := c.StartRequest(ctx)
			_, err := coll.InsertOne(requestCtx, bson.D{{Key: "_id", Value: 1}})
			check(t, err)
			before := request.Info()
			for range writes {
				check(t, c.Unacknowledged(coll).UpdateOne(requestCtx, bson.D{{Key: "_id", Value: 1}}, inc))
			}
			fault.set(s.Faults, request, onSocket(t, request))
			c.Commands.Reset()

			broken := func(what string, err error) {
				t.Helper()
				var b *monorail.BrokenError
				switch {
				case !errors.Is(err, monorail.ErrRequestBroken) || !errors.As(err, &b):
					t.Errorf("%s gives %v, want a broken request", what, err)
				case b.Unconfirmed != writes || b.Cause == nil || b.Address != before.Address || b.ConnectionID != before.ConnectionID:
					t.Errorf("%s gives %+v, want %d unconfirmed on %+v", what, b, writes, before)
				case !mongo.IsNetworkError(err):
					t.Errorf("%s gives %v, which the driver's users do not take for a network error", what, err)
				case fault.cause != nil && !errors.Is(err, fault.cause):
					t.Errorf("%s gives %v, want %v in its chain", what, err, fault.cause)
				}
			}
			broken("the operation that meets the fault", coll.FindOne(requestCtx, bson.D{}).Err())
			broken("a later find", coll.FindOne(requestCtx, bson.D{}).Err())
			_, err = coll.InsertOne(requestCtx, bson.D{})
			broken("a later insert", err)
			broken("a later unacknowledged write", c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}))
			nestedCtx, nested := c.StartRequest(requestCtx)
			broken("a nested request", coll.FindOne(nestedCtx, bson.D{}).Err())
			broken("Flush", request.Flush(ctx))
			broken("Barrier", request.Barrier(ctx))
			broken("Err", request.Err())
			for _, e := range c.Commands.Started() {
				if e.ConnectionID != before.ConnectionID {
					t.Errorf("%s was moved to another socket", e.CommandName)
				}
			}
			check(t, nested.End())
			broken("End", request.End())
			check(t, request.End())
			if n := c.Pool.CheckedOut(); n != 0 {
				t.Errorf("%d connections are checked out after the break, want 0", n)
			}
			usable(t, c, coll)
		})
	}
}

// usable proves that a client still works, in requests and outside.
func usable(t testing.TB, c *servertest.Client, coll *mongo.Collection) {
	t.Helper()
	ctx := servertest.Context(t)
	servertest.Eventually(t, func() string { // the driver may have cleared its pool
		if err := coll.FindOne(ctx, bson.D{}).Err(); err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
			return fmt.Sprintf("the client does not recover: %v", err)
		}
		return ""
	})
	id := bson.NewObjectID()
	check(t, c.WithRequest(ctx, func(ctx context.Context) error {
		if err := c.Unacknowledged(coll).InsertOne(ctx, bson.D{{Key: "_id", Value: id}}); err != nil {
			return err
		}
		return coll.FindOne(ctx, bson.D{{Key: "_id", Value: id}}).Err()
	}))
	if n := c.Pool.CheckedOut(); n != 0 {
		t.Errorf("%d connections are checked out, want 0", n)
	}
}

// TestBreakClearsThePoolAsTheDriverDoes compares with what the driver does for the same fault.
func TestBreakClearsThePoolAsTheDriverDoes(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, options.Client().SetRetryReads(false), monorail.Options().SetFlushInterval(0))
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")
	for name, held := range map[string]bool{"met by an operation": false, "met by a flush": true} {
		check(t, c.Ping(ctx, nil))
		before := c.Pool.Cleared()
		requestCtx, request := c.StartRequest(ctx)
		_, err := coll.CountDocuments(requestCtx, bson.D{})
		check(t, err)
		s.Faults.Reset(connectionOf(request))
		if held {
			servertest.Eventually(t, func() string {
				if err := c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}); err != nil {
					return ""
				}
				if request.Flush(ctx) == nil {
					return "writing to a reset connection goes on without an error"
				}
				return ""
			})
		} else if _, err := coll.CountDocuments(requestCtx, bson.D{}); err == nil {
			t.Errorf("%s: no error on a reset connection", name)
		}
		if n := c.Pool.Cleared() - before; n != 1 {
			t.Errorf("%s: the pool was cleared %d times, want once", name, n)
		}
		if request.End() == nil {
			t.Errorf("%s: End tells of no break", name)
		}
		usable(t, c, coll)
	}
}

func TestServerErrorBreaksNothing(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	db := c.Database(s.Database(t))
	coll := db.Collection("c")
	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	one := bson.D{{Key: "_id", Value: 1}}
	_, err := coll.InsertOne(requestCtx, one)
	check(t, err)
	socket := request.Info().ConnectionID

	if _, err := coll.InsertOne(requestCtx, one); !mongo.IsDuplicateKeyError(err) {
		t.Errorf("a duplicate key gives %v", err)
	}
	if _, err := coll.UpdateOne(requestCtx, one, bson.D{{Key: "$nonsense", Value: bson.D{{Key: "a", Value: 1}}}}); err == nil {
		t.Error("a bad operator gives no error")
	}
	if err := db.RunCommand(requestCtx, bson.D{{Key: "noSuchCommand", Value: 1}}).Err(); err == nil {
		t.Error("an unknown command gives no error")
	}
	// Unacknowledged, the same errors are silent, and what follows runs.
	lane := c.Unacknowledged(coll)
	check(t, lane.InsertOne(requestCtx, one))
	check(t, lane.UpdateOne(requestCtx, one, bson.D{{Key: "$nonsense", Value: bson.D{{Key: "a", Value: 1}}}}))
	check(t, lane.UpdateOne(requestCtx, one, inc))
	var doc struct{ N int }
	check(t, coll.FindOne(requestCtx, one).Decode(&doc))
	if doc.N != 1 {
		t.Errorf("the write behind the refused ones: n = %d, want 1", doc.N)
	}
	check(t, request.Err())
	if info := request.Info(); info.ConnectionID != socket || !info.Pinned {
		t.Errorf("after errors of the server: %+v, want still %s", info, socket)
	}
}

// TestRetryStaysOnTheSocket has the server refuse a read once with an error that the driver retries.
func TestRetryStaysOnTheSocket(t *testing.T) {
	s := servertest.StartWithFailPoints(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")
	failPoint := bson.D{
		{Key: "configureFailPoint", Value: "failCommand"},
		{Key: "mode", Value: bson.D{{Key: "times", Value: 1}}},
		{Key: "data", Value: bson.D{{Key: "failCommands", Value: bson.A{"find"}}, {Key: "errorCode", Value: 89}}},
	}
	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	check(t, c.Ping(requestCtx, nil))
	check(t, c.Database("admin").RunCommand(ctx, failPoint).Err())
	c.Commands.Reset()
	_, err := coll.Find(requestCtx, bson.D{})
	check(t, err)
	started := c.Commands.Started()
	if len(started) != 2 {
		t.Fatalf("%d commands were started, want the find and its retry", len(started))
	}
	for _, e := range started {
		if e.ConnectionID != request.Info().ConnectionID {
			t.Errorf("an attempt ran on %s, want on the request's %s", e.ConnectionID, request.Info().ConnectionID)
		}
	}
}

func TestCleanOrClosed(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")
	_, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: 1}})
	check(t, err)

	// leave cancels a find whose reply is late, ends the request, and tells whether the connection
	// was closed.
	leave := func(name string, late func()) bool {
		t.Helper()
		requestCtx, request := c.StartRequest(ctx)
		check(t, c.Ping(requestCtx, nil))
		late()
		short, cancel := context.WithCancel(requestCtx)
		cancelled := make(chan error, 1) // the goroutine sends once
		go func() { cancelled <- coll.FindOne(short, bson.D{}).Err() }()
		servertest.Eventually(t, func() string {
			if request.Info().InFlight == 0 {
				return "the find was not sent"
			}
			return ""
		})
		cancel()
		if err := <-cancelled; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: the cancelled find gives %v", name, err)
		}
		closed := c.Pool.Closed()
		check(t, request.End())
		if n := c.Pool.CheckedOut(); n != 0 {
			t.Errorf("%s: %d connections are checked out", name, n)
		}
		return c.Pool.Closed() > closed
	}
	if leave("a late reply", func() { s.Faults.SetReplyDelay(50*time.Millisecond, monorailtest.Commands("find")) }) {
		t.Error("a connection whose last reply came in time was closed")
	}
	s.Faults.ClearFaults()
	usable(t, c, coll)

	closed := leave("no reply", s.Faults.Stall)
	s.Faults.Resume()
	if !closed {
		t.Error("a connection with a reply outstanding went back to the pool")
	}
	usable(t, c, coll)
}

func TestBadInput(t *testing.T) {
	s := servertest.Start(t)
	c, other := s.Connect(t, nil), s.Connect(t, nil)
	name := s.Database(t)
	coll := c.Database(name).Collection("c")
	requestCtx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	check(t, c.Ping(requestCtx, nil))
	lane := c.Unacknowledged(coll)
	big, journal := strings.Repeat("x", 17<<20), true
	for _, bad := range []struct {
		name, tells string
		err         error
	}{
		{"nil collection", "collection is nil", c.Unacknowledged(nil).InsertOne(requestCtx, bson.D{})},
		{"foreign collection", "another client", c.Unacknowledged(other.Database(name).Collection("c")).InsertOne(requestCtx, bson.D{})},
		{"nil document", "nil", lane.InsertOne(requestCtx, nil)},
		{"nil filter", "nil", lane.DeleteOne(requestCtx, nil)},
		{"update without operators", "$", lane.UpdateOne(requestCtx, bson.D{}, bson.D{{Key: "a", Value: 1}})},
		{"replacement with operators", "$", lane.ReplaceOne(requestCtx, bson.D{}, inc)},
		{"no documents", "slice", lane.InsertMany(requestCtx, []any{})},
		{"document too large", "limit", lane.InsertOne(requestCtx, bson.D{{Key: "a", Value: big}})},
		{"w:0 with j:true", "w=0", insertWith(requestCtx, coll, &writeconcern.WriteConcern{W: 0, Journal: &journal})},
	} {
		if bad.err == nil || !strings.Contains(bad.err.Error(), bad.tells) {
			t.Errorf("%s gives %v, want an error with %q", bad.name, bad.err, bad.tells)
		}
	}
	check(t, request.Err())
	n, err := coll.CountDocuments(requestCtx, bson.D{})
	check(t, err)
	if n != 0 {
		t.Errorf("%d documents came of bad input", n)
	}

	closed, err := monorail.Connect(options.Client().ApplyURI(s.URI))
	check(t, err)
	check(t, closed.Disconnect(context.Background()))
	closedCtx, closedRequest := closed.StartRequest(context.Background())
	closedColl := closed.Database(name).Collection("c")
	if _, err := closedColl.InsertOne(closedCtx, bson.D{}); !errors.Is(err, mongo.ErrClientDisconnected) {
		t.Errorf("a closed client gives %v, want ErrClientDisconnected", err)
	}
	if err := closed.Unacknowledged(closedColl).InsertOne(closedCtx, bson.D{}); !errors.Is(err, mongo.ErrClientDisconnected) {
		t.Errorf("a closed client's lane gives %v, want ErrClientDisconnected", err)
	}
	check(t, closedRequest.End())
}

func insertWith(ctx context.Context, coll *mongo.Collection, concern *writeconcern.WriteConcern) error {
	_, err := coll.Clone(options.Collection().SetWriteConcern(concern)).InsertOne(ctx, bson.D{})
	return err
}

func TestDisconnectEndsRequests(t *testing.T) {
	s := servertest.Start(t)
	name := s.Database(t)
	pool := &servertest.Pool{}
	c, err := monorail.Connect(options.Client().ApplyURI(s.URI).SetPoolMonitor(pool.Monitor()))
	check(t, err)
	ctx := servertest.Context(t)
	requestCtx, request := c.StartRequest(ctx)
	check(t, c.Unacknowledged(c.Database(name).Collection("c")).InsertOne(requestCtx, bson.D{{Key: "_id", Value: 1}}))
	check(t, c.Disconnect(ctx))
	if n := pool.CheckedOut(); n != 0 {
		t.Errorf("%d connections are checked out after Disconnect", n)
	}
	if err := request.Err(); !errors.Is(err, monorail.ErrRequestEnded) {
		t.Errorf("after Disconnect, Err gives %v", err)
	}
	check(t, request.End())
	plain := s.ConnectPlain(t, nil)
	servertest.Eventually(t, func() string {
		if err := plain.Database(name).Collection("c").FindOne(ctx, bson.D{}).Err(); err != nil {
			return fmt.Sprintf("the write that was held at Disconnect: %v", err)
		}
		return ""
	})
}
