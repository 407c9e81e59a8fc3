package integration

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
	"github.com/mongo-monorail/monorail/monorailtest"
)

// merging has time send nothing.
func merging() *monorail.OptionsBuilder {
	return monorail.Options().SetMergeWrites(true).SetFlushInterval(0)
}

// startedCommands lists what the command monitor was told, as "insert 3" for one of three statements.
func startedCommands(t testing.TB, c *servertest.Client) (out []string) {
	t.Helper()
	for _, e := range c.Commands.Started() {
		name := e.CommandName
		for _, sequence := range []string{"documents", "updates", "deletes"} {
			if array, err := e.Command.LookupErr(sequence); err == nil {
				values, err := array.Array().Values()
				check(t, err)
				name = fmt.Sprint(name, " ", len(values))
			}
		}
		out = append(out, name)
	}
	return out
}

// TestMergedWritesAreOneMessage counts messages and write calls, and what is unconfirmed and held.
func TestMergedWritesAreOneMessage(t *testing.T) {
	const writes = 50
	s := servertest.StartWithFaults(t)
	flushed, calls := 0, 0
	c, err := monorail.Connect(options.Client().ApplyURI(s.URI), merging().SetMonitor(&monorail.Monitor{
		Flushed: func(e *monorail.RequestFlushedEvent) { flushed, calls = flushed+e.Messages, calls+1 },
	}))
	check(t, err)
	defer func() { check(t, c.Disconnect(servertest.Context(t))) }()
	coll := c.Database(s.Database(t)).Collection("c")
	ctx, request := c.StartRequest(servertest.Context(t)) // a deadline, which no merged write passes on
	defer request.End()
	check(t, c.Ping(ctx, nil))
	flushed, calls = 0, 0
	recording := s.Faults.Record(100, func(m *monorailtest.Message) bool { return !m.IsHandshake() })
	defer recording.Stop()

	lane, first, second := c.Unacknowledged(coll), 0, 0
	for i := range writes {
		check(t, lane.UpdateOne(ctx, bson.D{{Key: "_id", Value: 1}}, push(i), options.UpdateOne().SetUpsert(true)))
		info := request.Info()
		if info.Unconfirmed != i+1 {
			t.Errorf("%d writes are unconfirmed, want %d", info.Unconfirmed, i+1)
		}
		switch i {
		case 0:
			first = info.HeldBytes
		case 1:
			second = info.HeldBytes - first
		default:
			if want := first + i*second; info.HeldBytes != want || second >= first/2 {
				t.Fatalf("%d bytes are held after %d writes, want %d: one message of %d and a statement of %d", info.HeldBytes, i+1, want, first, second)
			}
		}
	}
	if list := pushed(ctx, t, coll, 1); len(list) != writes || !slices.IsSorted(list) {
		t.Errorf("the read sees %v, want the first %d numbers", list, writes)
	}
	if n := request.Info().Unconfirmed; n != 0 || flushed != 2 || calls != 1 {
		t.Errorf("after the read %d are unconfirmed, and %d messages in %d write calls went: want 0, 2 and 1", n, flushed, calls)
	}
	messages := recording.Messages()
	if len(messages) != 2 || len(messages[0].Sequences["updates"]) != writes || messages[1].Command != "find" {
		t.Fatalf("%d messages came: %v", len(messages), messages)
	}
	body := bson.Raw(messages[0].Body)
	if ordered, ok := body.Lookup("ordered").BooleanOK(); !ok || ordered {
		t.Errorf("a message of %d statements says %s", writes, body)
	}
	if _, err := body.LookupErr("maxTimeMS"); err == nil {
		t.Errorf("a merged write has a time limit: %s", body)
	}
}

// TestWritesAreMergedOnlyWhereAsked: towards a mongos and a load balancer when asked twice, and never where
// the connection compresses or nobody asked.
func TestWritesAreMergedOnlyWhereAsked(t *testing.T) {
	twice := func() *monorail.OptionsBuilder { return merging().SetMergeWritesThroughMongos(true) }
	for _, test := range []struct {
		name    string
		server  []monorailtest.Option
		client  *options.ClientOptions
		options *monorail.OptionsBuilder
		merges  bool
	}{
		{"asked for", nil, nil, merging(), true},
		{"not asked for", nil, nil, monorail.Options().SetFlushInterval(0), false},
		{"for mongos alone", nil, nil, monorail.Options().SetFlushInterval(0).SetMergeWritesThroughMongos(true), false},
		{"compressed", nil, options.Client().SetCompressors([]string{"zlib"}), merging(), false},
		{"mongos", []monorailtest.Option{monorailtest.WithMongos()}, nil, merging(), false},
		{"mongos, asked twice", []monorailtest.Option{monorailtest.WithMongos()}, nil, twice(), true},
		{"load balancer", []monorailtest.Option{monorailtest.WithLoadBalancer(2)}, nil, merging(), false},
		{"load balancer, asked twice", []monorailtest.Option{monorailtest.WithLoadBalancer(2)}, nil, twice(), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := servertest.StartWithFaults(t, test.server...)
			c := s.Connect(t, test.client, test.options)
			coll := c.Database(s.Database(t)).Collection("c")
			check(t, c.WithRequest(servertest.Context(t), func(ctx context.Context) error {
				for i := range 3 {
					check(t, c.Unacknowledged(coll).InsertOne(ctx, bson.D{{Key: "_id", Value: i}}))
				}
				return c.Ping(ctx, nil)
			}))
			want := []string{"insert 1", "insert 1", "insert 1", "ping"}
			if test.merges {
				want = []string{"insert 3", "ping"}
			}
			if got := startedCommands(t, c); !slices.Equal(got, want) {
				t.Errorf("commands %v, want %v", got, want)
			}
		})
	}
}

// TestMergedCommandEvents: one pair of events for each message, in the order in which the server gets
// them, whatever sends it.
func TestMergedCommandEvents(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil, merging().SetMaxHeldBytes(2000))
	db := c.Database(s.Database(t))
	coll, silent := db.Collection("c"), db.Collection("c", unacknowledged)
	ctx := servertest.Context(t)
	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	check(t, c.Ping(requestCtx, nil))
	info := request.Info()
	lane := c.Unacknowledged(coll)
	began := time.Now() // a message's time counts from its first write, which may be that of the case before
	insert := func(n int) {
		t.Helper()
		for range n {
			check(t, lane.InsertOne(requestCtx, bson.D{}))
		}
	}
	for _, test := range []struct {
		name string
		do   func()
		want string
	}{
		{"held", func() { insert(2) }, ""},
		{"read", func() { check(t, coll.FindOne(requestCtx, bson.D{}).Err()) }, "insert 2, find"},
		{"another kind", func() { insert(2); check(t, lane.DeleteOne(requestCtx, bson.D{{Key: "_id", Value: 1}})) }, "insert 2"},
		{"the driver's", func() { _, err := silent.DeleteOne(requestCtx, bson.D{{Key: "_id", Value: 1}}); check(t, err) }, "delete 1, delete 1"},
		{"not to be merged", func() { insert(1); check(t, lane.InsertMany(requestCtx, []bson.D{{}, {}})) }, "insert 1, insert 2"},
		{"flush", func() { insert(3); check(t, request.Flush(ctx)) }, "insert 3"},
		{"barrier", func() { insert(1); check(t, request.Barrier(ctx)) }, "insert 1, ping"},
		{"limit", func() {
			for request.Info().HeldBytes == 0 {
				insert(1)
			}
			n := 1
			for ; request.Info().HeldBytes > 0; n++ {
				insert(1)
			}
			if got := startedCommands(t, c); !slices.Equal(got, []string{fmt.Sprint("insert ", n)}) || n < 20 {
				t.Errorf("at the limit of held bytes: %v, want one insert of %d", got, n)
			}
			c.Commands.Reset()
		}, ""},
		{"end", func() { insert(4); check(t, request.End()) }, "insert 4"},
	} {
		c.Commands.Reset()
		test.do()
		if got := strings.Join(startedCommands(t, c), ", "); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
		if test.name != "another kind" && test.name != "the driver's" {
			matchEvents(t, c, info.ConnectionID, info.ServerConnectionID, time.Since(began))
		}
		for _, e := range c.Commands.Succeeded() {
			if ok, err := e.Reply.LookupErr("ok"); err != nil || ok.AsInt64() != 1 {
				t.Errorf("%s: %s is told the reply %v", test.name, e.CommandName, e.Reply)
			}
		}
	}
}

// TestTimerTellsOfMergedWrites: nobody sends, and the monitor hears of it, with the context of the first.
func TestTimerTellsOfMergedWrites(t *testing.T) {
	type key struct{}
	s := servertest.Start(t)
	told := make(chan any, 100) // the monitor sends
	monitor := (&servertest.Commands{}).Monitor()
	monitor.Started = func(ctx context.Context, _ *event.CommandStartedEvent) { told <- ctx.Value(key{}) }
	c, err := monorail.Connect(options.Client().ApplyURI(s.URI).SetMonitor(monitor), monorail.Options().SetMergeWrites(true).SetFlushInterval(time.Millisecond))
	check(t, err)
	defer func() { check(t, c.Disconnect(servertest.Context(t))) }()
	ctx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	check(t, c.Unacknowledged(c.Database(s.Database(t)).Collection("c")).InsertOne(context.WithValue(ctx, key{}, "first"), bson.D{}))
	select {
	case v := <-told:
		if v != "first" {
			t.Errorf("the context of the event has %v", v)
		}
	case <-ctx.Done():
		t.Error("nobody heard of the write")
	}
}

// TestMergedWritesThatMayBeLost: a break counts statements, and hands them back one by one as they were
// issued; a message that had not left is told as failed.
func TestMergedWritesThatMayBeLost(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil, merging().SetKeepUnconfirmed(1<<20))
	coll := c.Database(s.Database(t)).Collection("c")
	ctx := servertest.Context(t)
	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	check(t, coll.FindOneAndUpdate(requestCtx, bson.D{{Key: "_id", Value: 0}}, inc, options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.After)).Err())
	lane := c.Unacknowledged(coll)
	s.Faults.DropUnacknowledged(100)
	for i := range 5 {
		check(t, lane.UpdateOne(requestCtx, bson.D{{Key: "_id", Value: 1}}, push(i), options.UpdateOne().SetUpsert(true)))
		if i == 2 {
			check(t, request.Flush(ctx))
		}
	}
	c.Commands.Reset()
	s.Faults.Reset(connectionOf(request))
	servertest.Eventually(t, func() string { // the watcher sees it; nothing else is sent
		if request.Err() == nil {
			return "the request does not break"
		}
		return ""
	})
	s.Faults.ClearFaults()
	var broken *monorail.BrokenError
	if !errors.As(request.Err(), &broken) || broken.Unconfirmed != 5 || len(broken.Writes) != 5 {
		t.Fatalf("the break tells of %v", request.Err())
	}
	for i, w := range broken.Writes {
		got := w.Statement.Lookup("u", "$push", "list")
		if w.Command != "update" || got.AsInt64() != int64(i) || !w.Options.Lookup("ordered").Boolean() {
			t.Errorf("write %d is %s %s with %s", i, w.Command, w.Statement, w.Options)
		}
	}
	servertest.Eventually(t, func() string {
		if n := len(c.Commands.Failed()); n != 1 {
			return fmt.Sprint(n, " commands are told as failed")
		}
		return ""
	})
	if got := startedCommands(t, c); !slices.Equal(got, []string{"update 2"}) || !mongo.IsNetworkError(c.Commands.Failed()[0].Failure) {
		t.Errorf("the monitor is told of %v, which failed by %v", got, c.Commands.Failed()[0].Failure)
	}
	if err := lane.UpdateOne(requestCtx, bson.D{}, inc); !errors.Is(err, monorail.ErrRequestBroken) {
		t.Errorf("a write after the break gives %v", err)
	}
	check(t, request.Renew(ctx))
	check(t, request.Replay(ctx, broken.Writes))
	if list := pushed(requestCtx, t, coll, 1); len(list) != 5 || !slices.IsSorted(list) {
		t.Errorf("the replay made %v", list)
	}
}

// TestMergedInOrder: goroutines share a request, cancel calls, read, and each sees its own writes in order.
func TestMergedInOrder(t *testing.T) {
	const goroutines, writes = 8, 200
	s := servertest.Start(t)
	c := s.Connect(t, nil, monorail.Options().SetMergeWrites(true).SetMaxHeldBytes(4<<10).SetFlushInterval(100*time.Microsecond))
	coll := c.Database(s.Database(t)).Collection("c")
	ctx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	check(t, c.Ping(ctx, nil))
	var done sync.WaitGroup
	for g := range goroutines {
		done.Go(func() {
			upsert := options.UpdateOne().SetUpsert(true)
			var want []int
			for i := range writes {
				if err := c.Unacknowledged(coll).UpdateOne(ctx, bson.D{{Key: "_id", Value: g}}, push(i), upsert); err != nil {
					t.Error(err)
					return
				}
				want = append(want, i)
				switch i % 40 {
				case 13:
					soon, cancel := context.WithTimeout(ctx, time.Duration(g)*50*time.Microsecond)
					err := coll.FindOne(soon, bson.D{{Key: "_id", Value: g}}).Err()
					cancel()
					if err != nil && !mongo.IsTimeout(err) {
						t.Error(err)
					}
				case 29:
					var doc struct{ List []int }
					if err := coll.FindOne(ctx, bson.D{{Key: "_id", Value: g}}).Decode(&doc); err != nil || !slices.Equal(doc.List, want) {
						t.Errorf("goroutine %d reads %v, %v after %d writes", g, doc.List, err, i+1)
					}
				}
			}
		})
	}
	done.Wait()
	for g := range goroutines {
		if list := pushed(ctx, t, coll, g); len(list) != writes || !slices.IsSorted(list) {
			t.Errorf("of goroutine %d came %v", g, list)
		}
	}
	if n := request.Info().Unconfirmed; n != 0 {
		t.Errorf("%d writes are unconfirmed after the reads", n)
	}
	check(t, request.End())
	total := 0
	for _, e := range c.Commands.Started() {
		if e.CommandName == "update" {
			values, err := e.Command.Lookup("updates").Array().Values()
			check(t, err)
			total += len(values)
		}
	}
	if total != goroutines*writes {
		t.Errorf("the monitor was told of %d statements, want %d", total, goroutines*writes)
	}
}
