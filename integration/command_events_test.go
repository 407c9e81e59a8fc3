package integration

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
	"github.com/mongo-monorail/monorail/monorailtest"
)

// finished is what both kinds of the end of a command have in common.
type finished struct {
	event.CommandFinishedEvent
	failed bool
}

// matchEvents checks that each started event has one end, on the same connection, and returns the ends
// by the names of the commands.
func matchEvents(t testing.TB, c *servertest.Client, connectionID string, server *int64, atMost time.Duration) map[string][]finished {
	t.Helper()
	ends := map[int64]finished{}
	add := func(e event.CommandFinishedEvent, failed bool) {
		if _, twice := ends[e.RequestID]; twice {
			t.Errorf("%s %d ends twice", e.CommandName, e.RequestID)
		}
		ends[e.RequestID] = finished{e, failed}
	}
	for _, e := range c.Commands.Succeeded() {
		add(e.CommandFinishedEvent, false)
	}
	for _, e := range c.Commands.Failed() {
		add(e.CommandFinishedEvent, true)
	}
	byName := map[string][]finished{}
	for _, e := range c.Commands.Started() {
		end, ok := ends[e.RequestID]
		delete(ends, e.RequestID)
		switch {
		case !ok:
			t.Errorf("%s %d has no end", e.CommandName, e.RequestID)
		case end.CommandName != e.CommandName || end.DatabaseName != e.DatabaseName:
			t.Errorf("%s %d ends as %s", e.CommandName, e.RequestID, end.CommandName)
		case e.ConnectionID != connectionID || end.ConnectionID != connectionID:
			t.Errorf("%s is told of connections %s and %s, want %s", e.CommandName, e.ConnectionID, end.ConnectionID, connectionID)
		case !sameID(e.ServerConnectionID, server) || !sameID(end.ServerConnectionID, server):
			t.Errorf("%s is told of server connections %v and %v, want %v", e.CommandName, e.ServerConnectionID, end.ServerConnectionID, server)
		case end.Duration < 0 || end.Duration > atMost:
			t.Errorf("%s took %v of %v", e.CommandName, end.Duration, atMost)
		}
		byName[e.CommandName] = append(byName[e.CommandName], end)
	}
	for id, e := range ends {
		t.Errorf("%s %d ends without a beginning", e.CommandName, id)
	}
	return byName
}

func sameID(a, b *int64) bool { return a != nil && b != nil && *a == *b }

func TestCommandEventsMatch(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, options.Client().SetRetryReads(false), monorail.Options().SetFlushInterval(0))
	ctx := context.Background()
	db := c.Database(s.Database(t))
	coll := db.Collection("c")
	silent := db.Collection("c", options.Collection().SetWriteConcern(writeconcern.Unacknowledged()))
	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	check(t, c.Ping(requestCtx, nil))
	info := request.Info()
	c.Commands.Reset()
	began := time.Now()

	// Held, by the lane and by the driver, and still in the program: both have succeeded.
	check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{{Key: "_id", Value: 1}}))
	_, err := silent.UpdateOne(requestCtx, bson.D{{Key: "_id", Value: 1}}, inc)
	check(t, err)
	check(t, c.Unacknowledged(coll).InsertMany(requestCtx, []any{bson.D{{Key: "_id", Value: 2}}, bson.D{{Key: "_id", Value: 3}}}))
	byName := matchEvents(t, c, info.ConnectionID, info.ServerConnectionID, time.Since(began))
	if len(byName["insert"]) != 2 || len(byName["update"]) != 1 || len(byName) != 2 {
		t.Errorf("held commands: %v", byName)
	}
	for _, e := range c.Commands.Succeeded() {
		if ok, err := e.Reply.LookupErr("ok"); err != nil || ok.AsInt64() != 1 {
			t.Errorf("an unacknowledged %s is told the reply %v", e.CommandName, e.Reply)
		}
	}

	// Acknowledged; refused by the server; a command error.
	check(t, coll.FindOne(requestCtx, bson.D{}).Err())
	if _, err := coll.InsertOne(requestCtx, bson.D{{Key: "_id", Value: 1}}); err == nil {
		t.Error("a duplicate key gives no error")
	}
	if err := db.RunCommand(requestCtx, bson.D{{Key: "noSuchCommand", Value: 1}}).Err(); err == nil {
		t.Error("an unknown command gives no error")
	}
	byName = matchEvents(t, c, info.ConnectionID, info.ServerConnectionID, time.Since(began))
	if n := byName["noSuchCommand"]; len(n) != 1 || !n[0].failed {
		t.Errorf("a failed command is told as %+v", n)
	}

	// A duration has the server's time in it.
	const delay = 20 * time.Millisecond
	s.Faults.SetReplyDelay(delay, monorailtest.Commands("distinct"))
	check(t, coll.Distinct(requestCtx, "n", bson.D{}).Err())
	s.Faults.ClearFaults()
	byName = matchEvents(t, c, info.ConnectionID, info.ServerConnectionID, time.Since(began))
	if n := byName["distinct"]; len(n) != 1 || n[0].failed || n[0].Duration < delay {
		t.Errorf("a command that took %v is told as %+v", delay, n)
	}

	// Cancelled while it waits for the server.
	s.Faults.Stall()
	cancelled, cancel := context.WithCancel(requestCtx)
	done := make(chan error, 1)
	go func() { _, err := coll.CountDocuments(cancelled, bson.D{}); done <- err }()
	servertest.Eventually(t, func() string {
		for _, e := range c.Commands.Started() {
			if e.CommandName == "aggregate" {
				return ""
			}
		}
		return "the count does not begin"
	})
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled count gives %v", err)
	}
	s.Faults.Resume()
	check(t, coll.FindOne(requestCtx, bson.D{}).Err())
	byName = matchEvents(t, c, info.ConnectionID, info.ServerConnectionID, time.Since(began))
	if n := byName["aggregate"]; len(n) != 1 || !n[0].failed {
		t.Errorf("a cancelled command is told as %+v", n)
	}

	// Broken: the one that meets it has failed, and those after it never began.
	check(t, c.Unacknowledged(coll).DeleteOne(requestCtx, bson.D{{Key: "_id", Value: 3}}))
	s.Faults.CutReply(10, onSocket(t, request))
	if err := db.RunCommand(requestCtx, bson.D{{Key: "count", Value: "c"}}).Err(); !errors.Is(err, monorail.ErrRequestBroken) {
		t.Errorf("half a reply gives %v", err)
	}
	s.Faults.ClearFaults()
	byName = matchEvents(t, c, info.ConnectionID, info.ServerConnectionID, time.Since(began))
	if n := byName["count"]; len(n) != 1 || !n[0].failed {
		t.Errorf("the command that met the break is told as %+v", n)
	}
	if n := byName["delete"]; len(n) != 1 || n[0].failed {
		t.Errorf("a held command is told as %+v", n)
	}
	c.Commands.Reset()
	for range 2 {
		if err := c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}); !errors.Is(err, monorail.ErrRequestBroken) {
			t.Errorf("an unacknowledged write afterwards gives %v", err)
		}
		if _, err := silent.InsertOne(requestCtx, bson.D{}); !errors.Is(err, monorail.ErrRequestBroken) {
			t.Errorf("the driver's afterwards gives %v", err)
		}
	}
	if n := len(c.Commands.Started()); n != 0 {
		t.Errorf("%d commands are told to have begun on a broken request", n)
	}
	usable(t, c, coll)
}

// TestCompressedCommandBehindTheEnd: a command that cannot be compressed any more, since its request ended
// when it had started, is told of as failed.
func TestCompressedCommandBehindTheEnd(t *testing.T) {
	s := servertest.Start(t)
	var ends []error // of each find; one goroutine
	var request *monorail.Request
	client, err := monorail.Connect(options.MergeClientOptions(options.Client().ApplyURI(s.URI), s.Base,
		options.Client().SetCompressors([]string{"zlib"}).SetMonitor(&event.CommandMonitor{
			Started: func(_ context.Context, e *event.CommandStartedEvent) {
				if e.CommandName == "find" {
					check(t, request.End())
				}
			},
			Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) {
				if e.CommandName == "find" {
					ends = append(ends, nil)
				}
			},
			Failed: func(_ context.Context, e *event.CommandFailedEvent) {
				if e.CommandName == "find" {
					ends = append(ends, e.Failure)
				}
			},
		})))
	check(t, err)
	t.Cleanup(func() { check(t, client.Disconnect(servertest.Context(t))) })
	ctx, r := client.StartRequest(servertest.Context(t))
	defer r.End()
	request = r
	check(t, client.Ping(ctx, nil))
	wantError(t, client.Database(s.Database(t)).Collection("c").FindOne(ctx, bson.D{}).Err(), monorail.ErrRequestEnded)
	if len(ends) != 1 || !errors.Is(ends[0], monorail.ErrRequestEnded) {
		t.Errorf("the command that started ends with %v, want one failure", ends)
	}
}
