package integration

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// writeInEveryWay issues unacknowledged writes through the lane and through the driver, and returns how
// many statements those were. Repeating them changes nothing.
func writeInEveryWay(ctx context.Context, t testing.TB, c *servertest.Client, coll *mongo.Collection) int {
	t.Helper()
	id := func(i int) bson.D { return bson.D{{Key: "_id", Value: i}} }
	set := bson.D{{Key: "$set", Value: bson.D{{Key: "a.$[x]", Value: 9}}}}
	lane := c.Unacknowledged(coll)
	check(t, lane.InsertMany(ctx, []bson.D{id(1), id(2), {{Key: "_id", Value: 3}, {Key: "a", Value: bson.A{1, 2}}}}))
	check(t, lane.UpdateOne(ctx, id(3), set, options.UpdateOne().SetArrayFilters([]any{bson.D{{Key: "x", Value: 2}}})))
	check(t, lane.DeleteMany(ctx, id(2), options.DeleteMany().SetComment("gone")))
	driver := coll.Clone(options.Collection().SetWriteConcern(writeconcern.Unacknowledged()))
	_, err := driver.InsertOne(ctx, id(4))
	check(t, err)
	_, err = driver.ReplaceOne(ctx, id(5), bson.D{{Key: "r", Value: 1}}, options.Replace().SetUpsert(true))
	check(t, err)
	_, err = driver.DeleteOne(ctx, id(1))
	check(t, err)
	return 8
}

// state returns the documents of a collection, in words.
func state(t testing.TB, coll *mongo.Collection) string {
	t.Helper()
	cursor, err := coll.Find(servertest.Context(t), bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	check(t, err)
	var documents []bson.Raw
	check(t, cursor.All(servertest.Context(t), &documents))
	return fmt.Sprint(documents)
}

// TestReplay has the server lose every write of a request, and sends them again.
func TestReplay(t *testing.T) {
	for _, compressor := range []string{"", "zlib"} {
		t.Run("compressor "+compressor, func(t *testing.T) {
			s := servertest.StartWithFaults(t)
			clientOpts := options.Client()
			if compressor != "" {
				clientOpts.SetCompressors([]string{compressor})
			}
			c := s.Connect(t, clientOpts, monorail.Options().SetKeepUnconfirmed(1<<20))
			database := c.Database(s.Database(t))
			coll, reference := database.Collection("c"), database.Collection("reference")
			ctx := servertest.Context(t)
			check(t, c.WithRequest(ctx, func(ctx context.Context) error {
				writeInEveryWay(ctx, t, c, reference)
				return c.Request(ctx).Barrier(ctx)
			}))
			want := state(t, reference)

			requestCtx, request := c.StartRequest(ctx)
			check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{{Key: "_id", Value: 0}}))
			check(t, coll.FindOneAndDelete(requestCtx, bson.D{{Key: "_id", Value: 0}}).Err()) // confirms what was before
			s.Faults.DropUnacknowledged(100)
			n := writeInEveryWay(requestCtx, t, c, coll)
			reset(t, s, requestCtx, request, coll)
			s.Faults.ClearFaults()
			var broken *monorail.BrokenError
			if !errors.As(request.Err(), &broken) || broken.Unconfirmed != n || len(broken.Writes) != n {
				t.Fatalf("the break tells of %d writes and hands back %d, want %d", broken.Unconfirmed, len(broken.Writes), n)
			}
			for i, command := range []string{"insert", "insert", "insert", "update", "delete", "insert", "update", "delete"} {
				if w := broken.Writes[i]; w.Command != command || w.Namespace != coll.Database().Name()+".c" {
					t.Errorf("write %d is %s in %s, want %s", i, w.Command, w.Namespace, command)
				}
			}
			if err := request.Replay(ctx, broken.Writes); !errors.Is(err, monorail.ErrRequestBroken) {
				t.Errorf("a replay on a broken request gives %v", err)
			}
			check(t, request.Renew(ctx))
			servertest.Eventually(t, func() string {
				if err := c.Ping(ctx, nil); err != nil {
					return err.Error()
				}
				return ""
			})
			c.Commands.Reset()
			check(t, request.Replay(ctx, broken.Writes))
			if got := request.Info().Unconfirmed; got != n {
				t.Errorf("after the replay %d writes are unconfirmed, want %d", got, n)
			}
			check(t, request.Barrier(ctx))
			if got := state(t, coll); got != want {
				t.Errorf("the replay made\n%s, want\n%s", got, want)
			}
			check(t, request.Replay(ctx, broken.Writes)) // at least once
			check(t, request.Barrier(ctx))
			if got := state(t, coll); got != want {
				t.Errorf("a second replay made\n%s, want\n%s", got, want)
			}
			if started, succeeded := len(c.Commands.Started()), len(c.Commands.Succeeded()); started != 2*n+4 || succeeded != started {
				t.Errorf("%d commands were monitored as started and %d as succeeded", started, succeeded)
			}
			check(t, request.End())
		})
	}
}

// TestKeptWritesAreConfirmedRatherThanForgotten lets a request write more than it may keep.
func TestKeptWritesAreConfirmedRatherThanForgotten(t *testing.T) {
	const writes, limit = 200, 8 << 10
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil, monorail.Options().SetKeepUnconfirmed(limit))
	coll := c.Database(s.Database(t)).Collection("c")
	requestCtx, request := c.StartRequest(servertest.Context(t))
	wantError(t, coll.FindOneAndDelete(requestCtx, bson.D{{Key: "_id", Value: -1}}).Err(), mongo.ErrNoDocuments)
	c.Commands.Reset()
	padding := strings.Repeat("x", 100)
	for i := range writes {
		check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{{Key: "_id", Value: i}, {Key: "p", Value: padding}}))
	}
	pings := 0
	for _, e := range c.Commands.Started() {
		if e.CommandName == "ping" {
			pings++
		}
	}
	// Each message is longer than its document, so at least this many bytes were kept in all.
	if least := writes * len(padding) / limit; pings < least || pings > writes/10 {
		t.Errorf("%d pings for %d writes of over 100 bytes in room for %d, want at least %d", pings, writes, limit, least)
	}
	unconfirmed := request.Info().Unconfirmed
	s.Faults.Stall() // so that the last of them are lost
	s.Faults.Reset(connectionOf(request))
	s.Faults.Resume()
	wantError(t, coll.FindOne(requestCtx, bson.D{}).Err(), monorail.ErrRequestBroken)
	var broken *monorail.BrokenError
	if !errors.As(request.Err(), &broken) || broken.Unconfirmed != unconfirmed || len(broken.Writes) != unconfirmed {
		t.Fatalf("of %d unconfirmed writes, %d are handed back", unconfirmed, len(broken.Writes))
	}
	for i, w := range broken.Writes {
		if got := w.Statement.Lookup("_id").AsInt64(); got != int64(writes-unconfirmed+i) {
			t.Fatalf("write %d that is handed back is %d", i, got)
		}
	}
	check(t, request.Renew(requestCtx))
	check(t, request.Replay(requestCtx, broken.Writes))
	check(t, request.Barrier(requestCtx))
	if n, err := coll.CountDocuments(requestCtx, bson.D{}); n != writes || err != nil {
		t.Errorf("behind the replay there are %d documents (%v), want %d", n, err, writes)
	}
	check(t, request.End())
}

// TestRoomForAWriteIsBoundedByItsContext has a server that confirms nothing.
func TestRoomForAWriteIsBoundedByItsContext(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil, monorail.Options().SetKeepUnconfirmed(1))
	coll := c.Database(s.Database(t)).Collection("c")
	requestCtx, request := c.StartRequest(servertest.Context(t))
	check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{})) // larger than the room, and alone in it
	s.Faults.Stall()
	short, cancel := context.WithCancel(requestCtx)
	cancel()
	if err := c.Unacknowledged(coll).InsertOne(short, bson.D{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a write without room gives %v, want the context's error", err)
	}
	if n := request.Info().Unconfirmed; n != 1 {
		t.Errorf("%d writes were issued, want the first alone", n)
	}
	s.Faults.Resume()
	check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}))
	check(t, request.End())
	usable(t, c, coll)
}

func TestReplayRefusesWhatIsNoWrite(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	coll := c.Database(s.Database(t)).Collection("c")
	requestCtx, request := c.StartRequest(servertest.Context(t))
	good := monorail.UnconfirmedWrite{Namespace: coll.Database().Name() + ".c", Command: "insert", Statement: bson.Raw("\x05\x00\x00\x00\x00")}
	for name, bad := range map[string]monorail.UnconfirmedWrite{
		"empty":         {},
		"no collection": {Namespace: "database", Command: "insert", Statement: good.Statement},
		"no statement":  {Namespace: good.Namespace, Command: "insert"},
		"bad options":   {Namespace: good.Namespace, Command: "insert", Statement: good.Statement, Options: bson.Raw{1}},
	} {
		err := request.Replay(requestCtx, []monorail.UnconfirmedWrite{good, bad})
		if err == nil || !strings.Contains(err.Error(), "write 2 of 2") || !strings.Contains(err.Error(), "nothing was sent") {
			t.Errorf("%s: %v", name, err)
		}
	}
	check(t, request.Replay(requestCtx, nil))
	if n, err := coll.CountDocuments(requestCtx, bson.D{}); n != 0 || err != nil {
		t.Errorf("%d documents (%v) were written", n, err)
	}
	check(t, request.End())
	if err := request.Replay(requestCtx, nil); !errors.Is(err, monorail.ErrRequestEnded) {
		t.Errorf("a replay in an ended request gives %v", err)
	}
}

// TestWriteCutOffIsHandedBack: a write that breaks the request itself may have run as well as those before
// it, and is handed back and counted with them.
func TestWriteCutOffIsHandedBack(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil, monorail.Options().SetKeepUnconfirmed(1<<30))
	coll := fill(t, s, c, 1, 0)
	requestCtx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	check(t, read(requestCtx, coll, 0))
	s.Faults.Stall()
	defer s.Faults.Resume()
	abandonFind(t, requestCtx, request, coll) // the server reads it, and nothing behind it
	// More than the kernel takes for a server that does not read.
	document, err := bson.Marshal(bson.D{{Key: "a", Value: strings.Repeat("x", 15<<20)}})
	check(t, err)
	// A context that ends before the first byte has left breaks nothing, and leaves the write held.
	for patience := 100 * time.Millisecond; request.Err() == nil; patience *= 2 {
		short, cancel := context.WithTimeout(requestCtx, patience)
		err = c.Unacknowledged(coll).InsertMany(short, []any{bson.Raw(document), bson.Raw(document)})
		cancel()
	}
	var broken *monorail.BrokenError
	if !errors.As(err, &broken) {
		t.Fatalf("an insert that is cut off half way gives %v", err)
	}
	if broken.Unconfirmed < 2 || broken.Unconfirmed != len(broken.Writes) {
		t.Errorf("an insert of two documents that is cut off half way: %d are counted and %d handed back, want 2 at least, and as many", broken.Unconfirmed, len(broken.Writes))
	}
}
