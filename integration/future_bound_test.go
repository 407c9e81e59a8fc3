package integration

import (
	"context"
	"errors"
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
)

// TestMaxInFlight: Go waits for replies, having sent what is held, and no longer than its context lasts.
func TestMaxInFlight(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil, monorail.Options().SetFlushInterval(0).SetMaxInFlight(3))
	coll := c.Database(s.Database(t)).Collection("c")
	ctx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	check(t, c.Ping(ctx, nil))
	for i := range 50 {
		goInsert(ctx, coll, i) // nobody waits for it
		if n := request.Info().InFlight; n > 3 {
			t.Errorf("%d commands are in flight, want at most 3", n)
		}
	}
	check(t, request.Barrier(ctx))

	s.Faults.Stall()
	var stalled []*monorail.Future[*mongo.InsertOneResult]
	for i := range 3 {
		stalled = append(stalled, goInsert(ctx, coll, 100+i))
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	began := time.Now()
	late := goInsert(short, coll, "late")
	if time.Since(began) < 10*time.Millisecond {
		t.Error("Go has not waited for room")
	}
	if n := request.Info().HeldBytes; n != 0 {
		t.Errorf("%d bytes are held while Go waits for replies", n)
	}
	if _, err := late.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the operation that had no room gives %v", err)
	}
	s.Faults.Resume()
	for _, f := range stalled {
		_, err := f.Wait(ctx)
		check(t, err)
	}
	n, err := coll.CountDocuments(ctx, bson.D{})
	check(t, err)
	if n != 53 {
		t.Errorf("%d documents, want 53: what had no room was never sent", n)
	}
}

// TestMaxInFlightBytes: long commands wait for those before, although few are in flight.
func TestMaxInFlightBytes(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil, monorail.Options().SetFlushInterval(0).SetMaxInFlight(0).SetMaxHeldBytes(64<<20))
	coll := c.Database(s.Database(t)).Collection("c")
	ctx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	check(t, c.Ping(ctx, nil))
	text := strings.Repeat("x", 1<<20)
	var futures []*monorail.Future[*mongo.InsertOneResult]
	for i := range 10 {
		futures = append(futures, goInsert(ctx, coll, bson.D{{Key: "i", Value: i}, {Key: "text", Value: text[i:]}}))
		if info := request.Info(); info.InFlight > 4 || info.HeldBytes > 4<<20 {
			t.Errorf("%d commands are in flight, %d bytes held, want 4 MiB at most", info.InFlight, info.HeldBytes)
		}
	}
	for _, f := range futures {
		_, _ = f.Wait(ctx) // an index key may be too long for the server
	}
	check(t, request.Err())
}

// TestManyWithoutRoom: nobody waits for what these start, and each has what is held sent that it waits behind.
func TestManyWithoutRoom(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil, monorail.Options().SetFlushInterval(0).SetMaxInFlight(1))
	coll := c.Database(s.Database(t)).Collection("c")
	ctx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	check(t, c.Ping(ctx, nil))
	var callers sync.WaitGroup
	for caller := range 8 {
		callers.Go(func() {
			for i := range 100 {
				goInsert(ctx, coll, bson.D{{Key: "caller", Value: caller}, {Key: "i", Value: i}})
			}
		})
	}
	callers.Wait()
	n, err := coll.CountDocuments(ctx, bson.D{})
	check(t, err)
	if n != 800 {
		t.Errorf("%d documents, want 800", n)
	}
}

// overlaps watches the sessions of a client's commands.
type overlaps struct {
	sessions map[string]int64 // by session, the request that is under way
	requests map[int64]string
	most     int // in flight at a time
	shared   []string
	lock     chan struct{} // has room for one: who sends may use the fields
}

func newOverlaps() *overlaps {
	return &overlaps{sessions: map[string]int64{}, requests: map[int64]string{}, lock: make(chan struct{}, 1)}
}

func (o *overlaps) monitor() *event.CommandMonitor {
	end := func(id int64) {
		o.lock <- struct{}{}
		defer func() { <-o.lock }()
		delete(o.sessions, o.requests[id])
		delete(o.requests, id)
	}
	return &event.CommandMonitor{
		Started: func(_ context.Context, e *event.CommandStartedEvent) {
			session := e.Command.Lookup("lsid", "id").String()
			o.lock <- struct{}{}
			defer func() { <-o.lock }()
			if _, taken := o.sessions[session]; taken && session != "" {
				o.shared = append(o.shared, e.CommandName)
			}
			o.sessions[session], o.requests[e.RequestID] = e.RequestID, session
			o.most = max(o.most, len(o.requests))
		},
		Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) { end(e.RequestID) },
		Failed:    func(_ context.Context, e *event.CommandFailedEvent) { end(e.RequestID) },
	}
}

// TestPipelinedCommandsShareNoSession: two commands with one session are never under way together.
func TestPipelinedCommandsShareNoSession(t *testing.T) {
	s := servertest.StartWithTransactions(t)
	seen := newOverlaps()
	clientOpts := options.MergeClientOptions(options.Client().ApplyURI(s.URI), s.Base, options.Client().SetMonitor(seen.monitor()))
	client, err := monorail.Connect(clientOpts, monorail.Options().SetFlushInterval(0))
	check(t, err)
	t.Cleanup(func() { check(t, client.Disconnect(servertest.Context(t))) })
	coll := client.Database(s.Database(t)).Collection("c")
	ctx, request := client.StartRequest(servertest.Context(t))
	defer request.End()
	check(t, client.Ping(ctx, nil))

	var futures []*monorail.Future[*mongo.InsertOneResult]
	for i := range 20 {
		futures = append(futures, goInsert(ctx, coll, i))
	}
	for _, f := range futures {
		_, err := f.Wait(ctx)
		check(t, err)
	}
	if len(seen.shared) > 0 || seen.most != 20 {
		t.Errorf("%d commands were under way at most, want 20; %v in a session that was in use", seen.most, seen.shared)
	}

	// A session of the program's, in the context of Go or brought by the operation itself.
	session, err := client.StartSession()
	check(t, err)
	defer session.EndSession(ctx)
	seen.most = 0
	inSession := mongo.NewSessionContext(ctx, session)
	futures = nil
	for i := range 10 {
		if i%2 == 0 {
			futures = append(futures, goInsert(inSession, coll, 100+i))
			continue
		}
		futures = append(futures, monorail.Go(ctx, func(ctx context.Context) (*mongo.InsertOneResult, error) {
			return coll.InsertOne(mongo.NewSessionContext(ctx, session), bson.D{{Key: "_id", Value: 100 + i}})
		}))
	}
	for _, f := range futures {
		_, err := f.Wait(ctx)
		check(t, err)
	}
	_, err = session.WithTransaction(ctx, func(ctx context.Context) (any, error) {
		a, b := goInsert(ctx, coll, "a"), goInsert(ctx, coll, "b")
		if _, err := b.Wait(ctx); err != nil {
			return nil, err
		}
		return a.Wait(ctx)
	})
	check(t, err)
	// Inside an operation that has the session, Go waits for the whole of each one.
	nested := monorail.Go(inSession, func(ctx context.Context) (int, error) {
		a, b := goInsert(ctx, coll, "c"), goInsert(ctx, coll, "d")
		if _, err := b.Wait(ctx); err != nil {
			return 0, err
		}
		_, err := a.Wait(ctx)
		return 1, err
	})
	_, err = nested.Wait(ctx)
	check(t, err)
	if len(seen.shared) > 0 {
		t.Errorf("%v in a session that was in use", seen.shared)
	}
	n, err := coll.CountDocuments(ctx, bson.D{})
	check(t, err)
	if n != 34 {
		t.Errorf("%d documents, want 34", n)
	}

	// The wait for a session ends with the context.
	entered, release := make(chan struct{}), make(chan struct{})
	holder := monorail.Go(inSession, func(ctx context.Context) (int, error) {
		_, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: "holder"}})
		close(entered)
		<-release
		return 0, err
	})
	short, cancel := context.WithCancel(inSession)
	go func() { <-entered; cancel() }()
	refused := goInsert(short, coll, "refused")
	if _, err := refused.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("an operation that had no turn gives %v", err)
	}
	close(release)
	_, err = holder.Wait(ctx)
	check(t, err)
	_, err = goInsert(inSession, coll, "behind").Wait(ctx)
	check(t, err)
	if err := coll.FindOne(ctx, bson.D{{Key: "_id", Value: "refused"}}).Err(); !errors.Is(err, mongo.ErrNoDocuments) {
		t.Errorf("what had no turn was sent: %v", err)
	}
}

// TestPipelinedSessionsAsSent looks at what came to the server: every command that was under way with
// others has a session of its own.
func TestPipelinedSessionsAsSent(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil, monorail.Options().SetFlushInterval(0))
	coll := c.Database(s.Database(t)).Collection("c")
	ctx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	check(t, c.Ping(ctx, nil))
	recording := s.Faults.Record(100, onSocket(t, request))
	defer recording.Stop()
	var futures []*monorail.Future[int]
	for i := range 30 {
		futures = append(futures, monorail.Go(ctx, func(ctx context.Context) (int, error) {
			switch i % 3 {
			case 0:
				_, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: i}})
				return i, err
			case 1:
				return i, coll.FindOne(ctx, bson.D{{Key: "_id", Value: i - 1}}).Err()
			default:
				_, err := coll.UpdateOne(ctx, bson.D{{Key: "_id", Value: i - 2}}, inc, options.UpdateOne().SetUpsert(true))
				return i, err
			}
		}))
	}
	for i, f := range futures {
		n, err := f.Wait(ctx)
		check(t, err)
		if n != i {
			t.Errorf("future %d gives %d", i, n)
		}
	}
	sessions := map[string]string{}
	messages := recording.Messages()
	if len(messages) != 30 {
		t.Errorf("%d messages came, want 30", len(messages))
	}
	for i, m := range messages {
		if want := []string{"insert", "find", "update"}[i%3]; m.Command != want {
			t.Errorf("message %d is %s, want %s", i, m.Command, want)
		}
		session := bson.Raw(m.Body).Lookup("lsid", "id").String()
		if session == "" || sessions[session] != "" {
			t.Errorf("%s has session %q of %q", m.Command, session, sessions[session])
		}
		sessions[session] = m.Command
	}
}

// TestTurnOfAGoThatWasLeftBehind: an operation that has left one inside it behind, whose context has ended,
// has the session until that has ended too.
func TestTurnOfAGoThatWasLeftBehind(t *testing.T) {
	s := servertest.StartWithTransactions(t)
	c := s.Connect(t, nil)
	coll := c.Database(s.Database(t)).Collection("c")
	ctx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	check(t, c.Ping(ctx, nil))
	session, err := c.StartSession()
	check(t, err)
	defer session.EndSession(ctx)
	inSession := mongo.NewSessionContext(ctx, session)
	entered, release := make(chan struct{}), make(chan struct{}) // closed by the inner operation, and by the test
	var inner *monorail.Future[int]
	_, err = monorail.Go(inSession, func(ctx context.Context) (int, error) {
		short, cancel := context.WithCancel(ctx)
		go func() { <-entered; cancel() }()
		inner = monorail.Go(short, func(context.Context) (int, error) {
			close(entered)
			<-release
			return 0, nil
		})
		return 0, nil
	}).Wait(ctx)
	check(t, err)
	short, cancel := context.WithTimeout(inSession, 20*time.Millisecond)
	defer cancel()
	if _, err := goInsert(short, coll, "early").Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an operation with a session that is in use gives %v", err)
	}
	close(release)
	_, err = inner.Wait(ctx)
	check(t, err)
	_, err = goInsert(inSession, coll, "behind").Wait(ctx)
	check(t, err)
	if err := coll.FindOne(ctx, bson.D{{Key: "_id", Value: "early"}}).Err(); !errors.Is(err, mongo.ErrNoDocuments) {
		t.Errorf("what had no turn was sent: %v", err)
	}
}
