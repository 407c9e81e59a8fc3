package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
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

// unacknowledged is a collection option: w:0.
var unacknowledged = options.Collection().SetWriteConcern(writeconcern.Unacknowledged())

// check fails the test on an error.
func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLazy(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")

	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	if info := request.Info(); info.Pinned || info.Address != "" || info.Depth != 1 {
		t.Errorf("before the first operation: %+v", info)
	}
	if n := c.Pool.CheckOuts(); n != 0 {
		t.Errorf("StartRequest checked %d connections out", n)
	}
	if !c.InRequest(requestCtx) || c.InRequest(ctx) || c.Request(requestCtx) != request {
		t.Error("InRequest or Request does not tell what the context carries")
	}
	check(t, request.Flush(ctx))
	check(t, request.Barrier(ctx))
	if n := c.Pool.CheckOuts(); n != 0 {
		t.Errorf("Flush and Barrier without an operation checked %d connections out", n)
	}
	_, err := coll.InsertOne(requestCtx, bson.D{{Key: "_id", Value: 1}})
	check(t, err)
	if info := request.Info(); !info.Pinned || info.Address == "" || info.ConnectionID == "" {
		t.Errorf("after the first operation: %+v", info)
	}
	if n := c.Pool.CheckedOut(); n != 1 {
		t.Errorf("%d connections are checked out in the request, want 1", n)
	}
	check(t, request.End())
	if n := c.Pool.CheckedOut(); n != 0 {
		t.Errorf("%d connections are checked out after End, want 0", n)
	}
}

func TestOneSocket(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	db := c.Database(s.Database(t))
	coll := db.Collection("c")
	// Connections in the pool that the operations could stray to.
	var warm sync.WaitGroup
	for range 4 {
		warm.Go(func() { _ = c.Ping(servertest.Context(t), nil) })
	}
	warm.Wait()
	c.Commands.Reset()

	operations := []struct {
		name string
		run  func(ctx context.Context) error
	}{
		{"InsertOne", func(ctx context.Context) error {
			_, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: 0}, {Key: "n", Value: 0}})
			return err
		}},
		{"InsertMany", func(ctx context.Context) error {
			var docs []any
			for i := 1; i <= 300; i++ {
				docs = append(docs, bson.D{{Key: "_id", Value: i}, {Key: "n", Value: i}})
			}
			_, err := coll.InsertMany(ctx, docs)
			return err
		}},
		{"unacknowledged UpdateOne", func(ctx context.Context) error {
			_, err := db.Collection("c", unacknowledged).UpdateOne(ctx, bson.D{{Key: "_id", Value: 0}}, inc)
			return err
		}},
		{"lane UpdateOne", func(ctx context.Context) error {
			return c.Unacknowledged(coll).UpdateOne(ctx, bson.D{{Key: "_id", Value: 0}}, inc)
		}},
		{"UpdateMany", func(ctx context.Context) error {
			_, err := coll.UpdateMany(ctx, bson.D{}, inc)
			return err
		}},
		{"Find and getMore", func(ctx context.Context) error {
			cursor, err := coll.Find(ctx, bson.D{}, options.Find().SetBatchSize(50))
			if err != nil {
				return err
			}
			var docs []bson.D
			return cursor.All(ctx, &docs)
		}},
		{"Find and killCursors", func(ctx context.Context) error {
			cursor, err := coll.Find(ctx, bson.D{}, options.Find().SetBatchSize(2))
			if err != nil {
				return err
			}
			return cursor.Close(ctx)
		}},
		{"CountDocuments", func(ctx context.Context) error { _, err := coll.CountDocuments(ctx, bson.D{}); return err }},
		{"EstimatedDocumentCount", func(ctx context.Context) error { _, err := coll.EstimatedDocumentCount(ctx); return err }},
		{"Distinct", func(ctx context.Context) error { return coll.Distinct(ctx, "n", bson.D{}).Err() }},
		{"Aggregate", func(ctx context.Context) error {
			cursor, err := coll.Aggregate(ctx, mongo.Pipeline{{{Key: "$match", Value: bson.D{}}}})
			if err != nil {
				return err
			}
			return cursor.Close(ctx)
		}},
		{"FindOneAndUpdate", func(ctx context.Context) error {
			return coll.FindOneAndUpdate(ctx, bson.D{{Key: "_id", Value: 1}}, inc).Err()
		}},
		{"BulkWrite", func(ctx context.Context) error {
			_, err := coll.BulkWrite(ctx, []mongo.WriteModel{
				mongo.NewInsertOneModel().SetDocument(bson.D{{Key: "_id", Value: "bulk"}}),
				mongo.NewUpdateOneModel().SetFilter(bson.D{{Key: "_id", Value: 2}}).SetUpdate(inc),
				mongo.NewDeleteOneModel().SetFilter(bson.D{{Key: "_id", Value: 3}}),
			})
			return err
		}},
		{"indexes", func(ctx context.Context) error {
			name, err := coll.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: bson.D{{Key: "n", Value: 1}}})
			if err != nil {
				return err
			}
			cursor, err := coll.Indexes().List(ctx)
			if err != nil {
				return err
			}
			if err := cursor.Close(ctx); err != nil {
				return err
			}
			return coll.Indexes().DropOne(ctx, name)
		}},
		{"RunCommand", func(ctx context.Context) error {
			return db.RunCommand(ctx, bson.D{{Key: "ping", Value: 1}}).Err()
		}},
		{"ListCollectionNames", func(ctx context.Context) error { _, err := db.ListCollectionNames(ctx, bson.D{}); return err }},
		{"ListDatabaseNames", func(ctx context.Context) error { _, err := c.ListDatabaseNames(ctx, bson.D{}); return err }},
		{"GridFS", func(ctx context.Context) error {
			bucket := db.GridFSBucket(options.GridFSBucket().SetChunkSizeBytes(1000))
			content := bytes.Repeat([]byte("0123456789"), 500)
			id, err := bucket.UploadFromStream(ctx, "file", bytes.NewReader(content))
			if err != nil {
				return err
			}
			var back bytes.Buffer
			if _, err := bucket.DownloadToStream(ctx, id, &back); err != nil {
				return err
			}
			if !bytes.Equal(back.Bytes(), content) {
				return errors.New("the file came back changed")
			}
			return nil
		}},
		{"explicit session", func(ctx context.Context) error {
			return c.UseSession(ctx, func(ctx context.Context) error {
				_, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: "session"}})
				return err
			})
		}},
		{"DeleteMany", func(ctx context.Context) error { _, err := coll.DeleteMany(ctx, bson.D{}); return err }},
		{"Drop", func(ctx context.Context) error { return coll.Drop(ctx) }},
	}
	requestCtx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	for _, operation := range operations {
		c.Commands.Reset()
		if err := operation.run(requestCtx); err != nil {
			t.Errorf("%s: %v", operation.name, err)
		}
		ids := c.Commands.Connections()
		if want := request.Info().ConnectionID; len(ids) != 1 || ids[0] != want {
			t.Errorf("%s ran on %v, want on the request's %s alone", operation.name, ids, want)
		}
	}
	if n := c.Pool.CheckedOut(); n != 1 {
		t.Errorf("%d connections are checked out in the request, want 1", n)
	}
}

var inc = bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}

func push(i int) bson.D { return bson.D{{Key: "$push", Value: bson.D{{Key: "list", Value: i}}}} }

// pushed reads the list that push filled.
func pushed(ctx context.Context, t testing.TB, coll *mongo.Collection, id any) []int {
	t.Helper()
	var doc struct{ List []int }
	err := coll.FindOne(ctx, bson.D{{Key: "_id", Value: id}}).Decode(&doc)
	if err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
		t.Fatal(err)
	}
	return doc.List
}

func TestInOrder(t *testing.T) {
	const goroutines, writes = 8, 200
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	db := c.Database(s.Database(t))
	coll, plain := db.Collection("c"), db.Collection("c", unacknowledged)
	lane := c.Unacknowledged(coll)
	upsert := options.UpdateOne().SetUpsert(true)

	err := c.WithRequest(servertest.Context(t), func(ctx context.Context) error {
		errs := make(chan error, goroutines) // each goroutine sends once
		for g := range goroutines {
			go func() {
				id := bson.D{{Key: "_id", Value: g}}
				for i := range writes {
					var err error
					switch i % 3 { // all three travel in one order
					case 0:
						err = lane.UpdateOne(ctx, id, push(i), upsert)
					case 1:
						_, err = plain.UpdateOne(ctx, id, push(i), upsert)
					default:
						_, err = coll.UpdateOne(ctx, id, push(i), upsert)
					}
					if err != nil {
						errs <- err
						return
					}
					if i%50 == 10 {
						if list := pushed(ctx, t, coll, g); len(list) != i+1 {
							errs <- fmt.Errorf("goroutine %d reads %d of its own %d writes", g, len(list), i+1)
							return
						}
					}
				}
				errs <- nil
			}()
		}
		for range goroutines {
			if err := <-errs; err != nil {
				return err
			}
		}
		for g := range goroutines {
			for i, n := range pushed(ctx, t, coll, g) {
				if i != n {
					return fmt.Errorf("goroutine %d: write %d was executed at place %d", g, n, i)
				}
			}
		}
		return nil
	})
	check(t, err)
}

func TestReadYourWritesOnABusyServer(t *testing.T) {
	const visitors, visits = 8, 40
	s := servertest.Start(t)
	if s.Faults != nil {
		s.Faults.SetDelay(200 * time.Microsecond)
	}
	c := s.Connect(t, nil)
	coll := c.Database(s.Database(t)).Collection("c")
	var wait sync.WaitGroup
	for visitor := range visitors {
		wait.Go(func() {
			for i := range visits {
				err := c.WithRequest(servertest.Context(t), func(ctx context.Context) error {
					if err := c.Unacknowledged(coll).UpdateOne(ctx, bson.D{{Key: "_id", Value: visitor}}, push(i), options.UpdateOne().SetUpsert(true)); err != nil {
						return err
					}
					if list := pushed(ctx, t, coll, visitor); len(list) != i+1 {
						return fmt.Errorf("visitor %d reads %d visits, want %d", visitor, len(list), i+1)
					}
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
}

func TestCursorKeepsTheSocket(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")
	var docs []any
	for i := range 10 {
		docs = append(docs, bson.D{{Key: "_id", Value: i}})
	}
	_, err := coll.InsertMany(ctx, docs)
	check(t, err)

	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	cursor, err := coll.Find(requestCtx, bson.D{}, options.Find().SetBatchSize(3))
	check(t, err)
	socket := request.Info().ConnectionID
	next := func(ctx context.Context, n int) []string {
		t.Helper()
		c.Commands.Reset()
		for range n {
			if !cursor.Next(ctx) {
				t.Fatalf("the cursor ended early: %v", cursor.Err())
			}
		}
		return c.Commands.Connections()
	}
	next(ctx, 3)
	if ids := next(ctx, 3); len(ids) != 1 || ids[0] != socket {
		t.Errorf("with a context outside the request, getMore ran on %v, want %s", ids, socket)
	}
	// Another request holds the socket that the ended one has given back.
	check(t, request.End())
	otherCtx, other := c.StartRequest(ctx)
	defer other.End()
	check(t, c.Database("admin").RunCommand(otherCtx, bson.D{{Key: "ping", Value: 1}}).Err())
	if ids := next(ctx, 3); len(ids) != 1 || ids[0] == other.Info().ConnectionID {
		t.Errorf("after End, getMore ran on %v, want a connection of the pool", ids)
	}
	if cursor.Next(requestCtx); !errors.Is(cursor.Err(), monorail.ErrRequestEnded) {
		t.Errorf("after End, Next with the request's context gives %v, want ErrRequestEnded", cursor.Err())
	}
}

func TestCursorOfThePoolJoinsTheRequest(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")
	_, err := coll.InsertMany(ctx, []any{bson.D{{Key: "_id", Value: 0}}, bson.D{{Key: "_id", Value: 1}}})
	check(t, err)
	cursor, err := coll.Find(ctx, bson.D{}, options.Find().SetBatchSize(1))
	check(t, err)
	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	c.Commands.Reset()
	for cursor.Next(requestCtx) {
	}
	check(t, cursor.Err())
	if !request.Info().Pinned {
		t.Fatal("getMore with the request's context, its first operation, took no socket for it")
	}
	if ids := c.Commands.Connections(); len(ids) != 1 || ids[0] != request.Info().ConnectionID {
		t.Errorf("getMore with the request's context ran on %v, want on %s", ids, request.Info().ConnectionID)
	}
}

func TestNested(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	coll := c.Database(s.Database(t)).Collection("c")
	outerCtx, outer := c.StartRequest(servertest.Context(t), monorail.RequestOptions().SetName("outer"))
	innerCtx, inner := c.StartRequest(outerCtx)
	ping := func(ctx context.Context) error { _, err := coll.CountDocuments(ctx, bson.D{}); return err }

	check(t, ping(innerCtx))
	check(t, ping(outerCtx))
	if n := c.Pool.CheckedOut(); n != 1 {
		t.Errorf("nested requests hold %d sockets, want 1", n)
	}
	if info := inner.Info(); info.Depth != 2 || info.Name != "outer" || info.ConnectionID != outer.Info().ConnectionID {
		t.Errorf("the inner request: %+v", info)
	}
	for range 3 { // ending more often than starting changes nothing
		check(t, inner.End())
	}
	if err := ping(innerCtx); !errors.Is(err, monorail.ErrRequestEnded) {
		t.Errorf("with the ended inner request: %v", err)
	}
	check(t, ping(outerCtx))
	if info := outer.Info(); !info.Pinned || info.Depth != 1 {
		t.Errorf("an inner End ended the outer request: %+v", info)
	}

	// The outer handle ends first: the socket stays with the inner one.
	innerCtx, inner = c.StartRequest(outerCtx)
	check(t, outer.End())
	check(t, ping(innerCtx))
	if n := c.Pool.CheckedOut(); n != 1 {
		t.Errorf("%d sockets are held by the inner request, want 1", n)
	}
	check(t, inner.End())
	if n := c.Pool.CheckedOut(); n != 0 {
		t.Errorf("%d sockets are held after the last End, want 0", n)
	}
}

func TestIsolated(t *testing.T) {
	s := servertest.Start(t)
	c, other := s.Connect(t, nil), s.Connect(t, nil)
	ctx := servertest.Context(t)
	name := s.Database(t)
	count := func(c *servertest.Client, ctx context.Context) string {
		t.Helper()
		c.Commands.Reset()
		_, err := c.Database(name).Collection("c").CountDocuments(ctx, bson.D{})
		check(t, err)
		return c.Commands.Connections()[0]
	}
	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	mine := count(c, requestCtx)
	if outside := count(c, ctx); outside == mine {
		t.Error("an operation outside the request ran on its socket")
	}
	if other.InRequest(requestCtx) || other.Request(requestCtx) != nil {
		t.Error("a request of one client is one of another client too")
	}
	count(other, requestCtx)
	if n := other.Pool.CheckedOut(); n != 0 {
		t.Errorf("another client holds %d sockets because of a request that is not its own", n)
	}
	bothCtx, second := other.StartRequest(requestCtx)
	defer second.End()
	count(other, bothCtx)
	if got := count(c, bothCtx); got != mine {
		t.Errorf("in the context of two requests the first one's operation ran on %s, want %s", got, mine)
	}
	check(t, second.End())
	if got := count(c, bothCtx); got != mine {
		t.Error("the end of another client's request ended this one")
	}
}

func TestEndedMeansEnded(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")
	operations := map[string]func(ctx context.Context) error{
		"InsertOne": func(ctx context.Context) error { _, err := coll.InsertOne(ctx, bson.D{}); return err },
		"Find":      func(ctx context.Context) error { _, err := coll.Find(ctx, bson.D{}); return err },
		"lane":      func(ctx context.Context) error { return c.Unacknowledged(coll).InsertOne(ctx, bson.D{}) },
		"Ping":      func(ctx context.Context) error { return c.Ping(ctx, nil) },
	}
	ended := func(name string, requestCtx context.Context, request *monorail.Request) {
		t.Helper()
		c.Commands.Reset()
		for operation, run := range operations {
			if err := run(requestCtx); !errors.Is(err, monorail.ErrRequestEnded) {
				t.Errorf("%s: %s gives %v, want ErrRequestEnded", name, operation, err)
			}
		}
		if n := len(c.Commands.Started()); n != 0 {
			t.Errorf("%s: %d commands were sent", name, n)
		}
		for what, err := range map[string]error{"Err": request.Err(), "Flush": request.Flush(ctx), "Barrier": request.Barrier(ctx)} {
			if !errors.Is(err, monorail.ErrRequestEnded) {
				t.Errorf("%s: %s gives %v, want ErrRequestEnded", name, what, err)
			}
		}
		if n := c.Pool.CheckedOut(); n != 0 {
			t.Errorf("%s: %d sockets are held", name, n)
		}
	}
	for _, used := range []bool{false, true} {
		requestCtx, request := c.StartRequest(ctx)
		if used {
			check(t, c.Ping(requestCtx, nil))
		}
		check(t, request.End())
		ended(fmt.Sprintf("End, used %t", used), requestCtx, request)
	}

	outside, cancel := context.WithCancel(ctx)
	requestCtx, request := c.StartRequest(outside)
	check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{{Key: "_id", Value: "held"}}))
	cancel()
	servertest.Eventually(t, func() string {
		if c.Pool.CheckedOut() != 0 {
			return "the request did not end with its context"
		}
		return ""
	})
	ended("end of the context", context.WithoutCancel(requestCtx), request)
	// What was held was sent when the request ended.
	servertest.Eventually(t, func() string {
		if n, err := coll.CountDocuments(ctx, bson.D{}); n != 1 {
			return fmt.Sprintf("%d documents after the request ended with its context (%v), want the held one", n, err)
		}
		return ""
	})
}

func TestPanicGivesTheSocketBack(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")
	leave := map[string]func(){"panic": func() { panic("on purpose") }, "Goexit": runtime.Goexit}
	for name, leave := range leave {
		done := make(chan struct{}) // closed by the goroutine that leaves
		go func() {
			defer close(done)
			defer func() { _ = recover() }()
			_ = c.WithRequest(ctx, func(ctx context.Context) error {
				if err := c.Unacknowledged(coll).InsertOne(ctx, bson.D{{Key: "_id", Value: name}}); err != nil {
					t.Error(err)
				}
				leave()
				return nil
			})
		}()
		<-done
		if n := c.Pool.CheckedOut(); n != 0 {
			t.Errorf("%d sockets are held after %s", n, name)
		}
		servertest.Eventually(t, func() string {
			if err := coll.FindOne(ctx, bson.D{{Key: "_id", Value: name}}).Err(); err != nil {
				return fmt.Sprintf("the write before %s: %v", name, err)
			}
			return ""
		})
	}
	want := errors.New("the function's own error")
	if err := c.WithRequest(ctx, func(context.Context) error { return want }); !errors.Is(err, want) {
		t.Errorf("WithRequest gives %v, want the function's error", err)
	}
}

func TestBarrier(t *testing.T) {
	const writes = 50
	s := servertest.Start(t)
	if s.Faults != nil {
		s.Faults.SetDelay(300*time.Microsecond, monorailtest.Unacknowledged())
	}
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")
	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	for range 3 {
		for i := range writes {
			check(t, c.Unacknowledged(coll).UpdateOne(requestCtx, bson.D{{Key: "_id", Value: 1}}, push(i), options.UpdateOne().SetUpsert(true)))
		}
		if n := request.Info().Unconfirmed; n != writes {
			t.Errorf("%d writes are unconfirmed before the barrier, want %d", n, writes)
		}
		c.Commands.Reset()
		check(t, request.Barrier(ctx))
		if n := len(c.Commands.Started()); n != 1 {
			t.Errorf("a barrier took %d commands, want 1", n)
		}
		if info := request.Info(); info.Unconfirmed != 0 || info.InFlight != 0 || info.HeldBytes != 0 {
			t.Errorf("after the barrier: %+v", info)
		}
		// Outside the request there is no order but what the barrier has made.
		if n := len(pushed(ctx, t, coll, 1)); n%writes != 0 || n == 0 {
			t.Errorf("behind the barrier, %d writes are there", n)
		}
	}
	if n := len(pushed(ctx, t, coll, 1)); n != 3*writes {
		t.Errorf("behind three barriers, %d writes are there, want %d", n, 3*writes)
	}
}
