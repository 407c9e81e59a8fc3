package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

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
