package integration

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
	"github.com/mongo-monorail/monorail/monorailtest"
)

// throughMongos tells whether the test runs against a mongos.
func throughMongos(t testing.TB, c *servertest.Client) bool {
	t.Helper()
	var hello struct{ Msg string }
	check(t, c.Database("admin").RunCommand(servertest.Context(t), bson.D{{Key: "hello", Value: 1}}).Decode(&hello))
	return hello.Msg == "isdbgrid"
}

func TestConfirm(t *testing.T) {
	const writes = 20
	s := servertest.Start(t)
	if s.Faults != nil {
		s.Faults.SetDelay(time.Millisecond, monorailtest.Unacknowledged())
	}
	c := s.Connect(t, nil)
	if throughMongos(t, c) {
		t.Skip("a mongos cannot confirm: see TestConfirmIsRefusedThroughMongos")
	}
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")
	requestCtx, request := c.StartRequest(ctx)
	check(t, request.Confirm(ctx, nil)) // no socket, nothing to confirm
	for name, wc := range map[string]*writeconcern.WriteConcern{
		"default": nil, "majority": writeconcern.Majority(), "journaled": writeconcern.Journaled(), "one": writeconcern.W1(),
	} {
		for range writes {
			check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{{Key: "name", Value: name}}))
		}
		c.Commands.Reset()
		check(t, request.Confirm(ctx, wc))
		if started := c.Commands.Started(); len(started) != 1 || started[0].ConnectionID != request.Info().ConnectionID {
			t.Errorf("%s: Confirm took %d commands, want 1 on the request's socket", name, len(started))
		}
		if info := request.Info(); info.Unconfirmed != 0 || info.HeldBytes != 0 || info.InFlight != 0 {
			t.Errorf("%s: after Confirm: %+v", name, info)
		}
		if n, err := coll.CountDocuments(ctx, bson.D{{Key: "name", Value: name}}); n != writes || err != nil { // outside
			t.Errorf("%s: behind Confirm %d writes are there (%v)", name, n, err)
		}
	}
	if n, err := coll.CountDocuments(ctx, bson.D{{Key: "monorail", Value: bson.D{{Key: "$exists", Value: true}}}}); n != 0 || err != nil {
		t.Errorf("Confirm changed %d documents (%v)", n, err)
	}
	check(t, request.End())
	wantError(t, request.Confirm(ctx, nil), monorail.ErrRequestEnded)
}

// TestConfirmNamesWhatWasWritten looks at the namespace of the update by which Confirm waits.
func TestConfirmNamesWhatWasWritten(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	if throughMongos(t, c) {
		t.Skip("a mongos cannot confirm")
	}
	ctx := servertest.Context(t)
	database := c.Database(s.Database(t))
	a, b := database.Collection("a"), database.Collection("b")
	var ignored bson.D
	aggregate := func(ctx context.Context, on *mongo.Collection) error {
		cursor, err := on.Aggregate(ctx, mongo.Pipeline{{{Key: "$match", Value: bson.D{}}}})
		if err != nil {
			return err
		}
		return cursor.All(ctx, &[]bson.D{})
	}
	for _, test := range []struct {
		name, want string
		run        func(ctx context.Context) error
	}{
		{"a read alone", "ping admin", func(ctx context.Context) error { return a.FindOne(ctx, bson.D{}).Err() }},
		{"the lane", "update a", func(ctx context.Context) error { return c.Unacknowledged(a).InsertOne(ctx, bson.D{}) }},
		{"the last of several, and reads behind", "update b", func(ctx context.Context) error {
			if err := c.Unacknowledged(a).InsertOne(ctx, bson.D{}); err != nil {
				return err
			}
			if _, err := b.InsertOne(ctx, bson.D{}); err != nil {
				return err
			}
			return a.FindOne(ctx, bson.D{}).Err()
		}},
		{"a dropped collection", "update b", func(ctx context.Context) error { return b.Drop(ctx) }},
		{"an aggregation that reads behind a write", "update a", func(ctx context.Context) error {
			if err := c.Unacknowledged(a).InsertOne(ctx, bson.D{}); err != nil {
				return err
			}
			return aggregate(ctx, b)
		}},
		{"an aggregation that reads alone", "ping admin", func(ctx context.Context) error { return aggregate(ctx, b) }},
		{"a command of the database", "update monorail", func(ctx context.Context) error {
			return database.RunCommand(ctx, bson.D{{Key: "dropDatabase", Value: 1}}).Decode(&ignored)
		}},
	} {
		check(t, c.WithRequest(ctx, func(ctx context.Context) error {
			if err := test.run(ctx); err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
				return err
			}
			c.Commands.Reset()
			return c.Request(ctx).Confirm(ctx, nil)
		}))
		started := c.Commands.Started()
		got := started[0].CommandName + " " + started[0].DatabaseName
		if started[0].CommandName == "update" {
			got = "update " + started[0].Command.Lookup("update").StringValue()
			if concern := started[0].Command.Lookup("writeConcern"); concern.Document().Lookup("w").StringValue() != "majority" ||
				!concern.Document().Lookup("j").Boolean() || concern.Document().Lookup("wtimeout").AsInt64() <= 0 {
				t.Errorf("%s: the write concern is %s, want majority and j with the rest of the context's time", test.name, concern)
			}
		}
		if got != test.want || len(started) != 1 {
			t.Errorf("%s: Confirm runs %s (of %d commands), want %s", test.name, got, len(started), test.want)
		}
	}
}

func TestConfirmRefusesNothingToWaitFor(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	coll := c.Database(s.Database(t)).Collection("c")
	requestCtx, request := c.StartRequest(servertest.Context(t))
	check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}))
	for _, wc := range []*writeconcern.WriteConcern{writeconcern.Unacknowledged(), {W: -1}, {W: 1.5}} {
		if err := request.Confirm(requestCtx, wc); err == nil || !strings.Contains(err.Error(), "write concern") {
			t.Errorf("confirming with %v gives %v", wc, err)
		}
	}
	check(t, request.End())
}

// TestConfirmIsRefusedThroughMongos has a server that says it is a mongos.
func TestConfirmIsRefusedThroughMongos(t *testing.T) {
	servertest.StartWithFaults(t) // skips on a real deployment
	mongos := monorailtest.NewServer(monorailtest.WithMongos())
	t.Cleanup(mongos.Close)
	s := &servertest.Server{URI: mongos.URI(), Faults: mongos}
	c := s.Connect(t, nil)
	coll := c.Database(s.Database(t)).Collection("c")
	requestCtx, request := c.StartRequest(servertest.Context(t))
	check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}))
	err := request.Confirm(requestCtx, nil)
	if err == nil || !strings.Contains(err.Error(), "mongos") || !strings.Contains(err.Error(), "Barrier") {
		t.Errorf("confirming through a mongos gives %v, want why not, and what else to do", err)
	}
	if n := request.Info().Unconfirmed; n != 1 {
		t.Errorf("a refused Confirm leaves %d writes unconfirmed, want 1", n)
	}
	check(t, request.Barrier(requestCtx))
	if n := request.Info().Unconfirmed; n != 0 {
		t.Errorf("behind the barrier %d writes are unconfirmed", n)
	}
	check(t, request.End())
}

// fail makes the next command of that name fail as data says.
func fail(t testing.TB, c *servertest.Client, command string, data ...bson.E) {
	t.Helper()
	data = append(data, bson.E{Key: "failCommands", Value: bson.A{command}})
	check(t, c.Database("admin").RunCommand(servertest.Context(t), bson.D{
		{Key: "configureFailPoint", Value: "failCommand"},
		{Key: "mode", Value: bson.D{{Key: "times", Value: 1}}},
		{Key: "data", Value: data},
	}).Err())
}

// TestConfirmFails shows that what the server says against a confirmation is never taken for one.
func TestConfirmFails(t *testing.T) {
	writeConcernError := func(code int) bson.E {
		return bson.E{Key: "writeConcernError", Value: bson.D{{Key: "code", Value: code}, {Key: "errmsg", Value: "no"}}}
	}
	for _, test := range []struct {
		name   string
		data   bson.E
		code   int
		breaks bool
	}{
		{"the write concern is not reached in time", writeConcernError(64), 64, false},
		{"the write concern cannot be satisfied", writeConcernError(100), 100, false},
		{"missing privileges", bson.E{Key: "errorCode", Value: 13}, 13, false},
		{"a time-series collection", bson.E{Key: "errorCode", Value: 72}, 72, false},
		{"a step-down in the middle", writeConcernError(189), 189, true},
		{"a step-down while it waits", writeConcernError(11602), 11602, true},
		{"not primary", bson.E{Key: "errorCode", Value: 10107}, 10107, true},
		{"the connection is closed", bson.E{Key: "closeConnection", Value: true}, 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := servertest.StartWithFailPoints(t)
			c := s.Connect(t, nil)
			if throughMongos(t, c) {
				t.Skip("a mongos cannot confirm")
			}
			ctx := servertest.Context(t)
			coll := c.Database(s.Database(t)).Collection("c")
			requestCtx, request := c.StartRequest(ctx)
			check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}))
			check(t, request.Barrier(ctx))
			check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}))
			fail(t, c, "update", test.data)
			err := request.Confirm(ctx, nil)
			if err == nil || errors.Is(err, monorail.ErrRequestBroken) != test.breaks {
				t.Fatalf("Confirm gives %v, want an error; of a broken request: %t", err, test.breaks)
			}
			var exception mongo.ServerError
			if !test.breaks && (!errors.As(err, &exception) || !exception.HasErrorCode(test.code)) {
				t.Errorf("Confirm gives %v, want the server's error %d", err, test.code)
			}
			if !test.breaks {
				check(t, request.Confirm(ctx, nil))
				check(t, request.End())
			} else {
				wantError(t, request.Confirm(ctx, nil), monorail.ErrRequestBroken)
				wantError(t, request.End(), monorail.ErrRequestBroken)
			}
			usable(t, c, coll)
		})
	}
}

// TestConfirmIsBoundedByItsContext has a server that does not answer.
func TestConfirmIsBoundedByItsContext(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil)
	coll := c.Database(s.Database(t)).Collection("c")
	requestCtx, request := c.StartRequest(servertest.Context(t))
	check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}))
	check(t, request.Barrier(requestCtx))
	check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}))
	s.Faults.Stall()
	short, cancel := context.WithTimeout(requestCtx, 20*time.Millisecond)
	defer cancel()
	if err := request.Confirm(short, nil); !mongo.IsTimeout(err) {
		t.Errorf("Confirm gives %v, want a timeout", err)
	}
	if n := request.Info().Unconfirmed; n != 1 {
		t.Errorf("after a Confirm that gave up %d writes are unconfirmed, want 1", n)
	}
	if err := request.Confirm(short, nil); !mongo.IsTimeout(err) {
		t.Errorf("Confirm with a context that has ended gives %v, want a timeout", err)
	}
	s.Faults.Resume()
	check(t, request.Confirm(requestCtx, nil))
	check(t, request.End())
	usable(t, c, coll)
}
