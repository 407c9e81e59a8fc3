package monorailtest

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail/monorailtest/internal/access"
	"github.com/mongo-monorail/monorail/monorailtest/internal/snapshot"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// dataFile returns the path of a file that is not there yet.
func dataFile(t testing.TB) string { return filepath.Join(t.TempDir(), "data") }

func TestServerKeepsWhatItHolds(t *testing.T) {
	path := dataFile(t)
	ctx := soon(t)
	root := func(o *options.ClientOptions) {
		o.SetAuth(options.Credential{Username: "root", Password: "secret"})
	}
	s := NewServer(WithFile(path), WithUser("root", "secret"))
	db := connect(t, s, root).Database("db")
	c := db.Collection("c")
	for i := range 3 {
		_, err := c.InsertOne(ctx, bson.D{{Key: "_id", Value: i}, {Key: "n", Value: 10 - i}})
		check(t, err)
	}
	_, err := c.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: bson.D{{Key: "n", Value: -1}}, Options: options.Index().SetUnique(true).SetName("n")})
	check(t, err)
	s.Close()
	if err := s.Save(); err == nil {
		t.Error("a closed server saves")
	}

	// The users are kept too: nobody comes in without being one.
	s = newServer(t, WithFile(path))
	if err := connect(t, s).Database("db").Collection("c").FindOne(ctx, bson.D{}).Err(); err == nil {
		t.Error("a user is not asked for")
	}
	c = connect(t, s, root).Database("db").Collection("c")
	cursor, err := c.Find(ctx, bson.D{})
	check(t, err)
	var all []bson.D
	check(t, cursor.All(ctx, &all))
	if len(all) != 3 || all[2][1].Value != int32(8) {
		t.Errorf("kept %v", all)
	}
	if _, err := c.InsertOne(ctx, bson.D{{Key: "n", Value: 9}}); !mongo.IsDuplicateKeyError(err) {
		t.Errorf("a duplicate in the unique index: %v", err)
	}
}

func TestServerRefusesAFile(t *testing.T) {
	path := dataFile(t)
	s := newServer(t, WithFile(path))
	if _, err := StartServer(WithFile(path)); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "another server") {
		t.Errorf("a file in use: %v", err)
	}
	if _, err := StartReplicaSet(3, WithFile(path)); err == nil {
		t.Error("a set on a file in use")
	}
	s.Close()
	b, err := os.ReadFile(path)
	check(t, err)
	torn := dataFile(t)
	check(t, os.WriteFile(torn, b[:len(b)-1], 0o600))
	if _, err := StartServer(WithFile(torn)); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a torn file: %v", err)
	}
	defer func() {
		if text, ok := recover().(string); !ok || !strings.Contains(text, torn) {
			t.Errorf("NewServer: %v", text)
		}
	}()
	NewServer(WithFile(torn))
}

// TestAServerThatCannotListenGivesTheFileUp also shows that a failed start leaves the file to be used.
func TestAServerThatCannotListenGivesTheFileUp(t *testing.T) {
	path := dataFile(t)
	taken, err := net.Listen("tcp", anyPort)
	check(t, err)
	defer taken.Close()
	if _, err := StartServer(WithFile(path), WithAddr(taken.Addr().String())); err == nil {
		t.Fatal("two listeners on one port")
	}
	if _, err := StartReplicaSet(1, WithFile(path), WithAddr(taken.Addr().String())); err == nil {
		t.Fatal("two listeners on one port")
	}
	newServer(t, WithFile(path))
}

func TestSaveWritesWhatWasAcknowledged(t *testing.T) {
	path := dataFile(t)
	s := newServer(t, WithFile(path))
	c := dial(t, s)
	c.ok(insertOne(1))
	check(t, s.Save())
	saved, err := os.Stat(path)
	check(t, err)
	// The process ends here as far as the file knows.
	b, err := os.ReadFile(path)
	check(t, err)
	copied := dataFile(t)
	check(t, os.WriteFile(copied, b, 0o600))
	wantIDs(t, newServer(t, WithFile(copied)), 1)
	// Nothing has changed: nothing is written.
	check(t, s.Save())
	if again, err := os.Stat(path); err != nil || !os.SameFile(saved, again) {
		t.Error("a save of nothing new")
	}
	if err := newServer(t).Save(); err == nil {
		t.Error("a server without a file saves")
	}
}

func TestSetKeepsWhatItsPrimaryHolds(t *testing.T) {
	path := dataFile(t)
	rs := NewReplicaSet(3, WithFile(path))
	c := dial(t, rs.Member(0))
	c.ok(insertOne(1))
	// The other two would elect one of them without it.
	check(t, rs.AwaitReplication(soon(t)))
	check(t, rs.Elect(soon(t), 1))
	rs.Kill(0)
	primary := dial(t, rs.Member(1))
	primary.ok(insertOne(2))
	client, err := mongo.Connect(options.Client().ApplyURI(rs.Member(1).URI()))
	check(t, err)
	_, err = client.Database("local").Collection("own").InsertOne(soon(t), bson.D{})
	check(t, err)
	check(t, client.Disconnect(soon(t)))
	rs.Close()

	rs = newSet(t, 3, WithFile(path))
	ctx := soon(t)
	for i := range 3 {
		n, err := connectSet(t, rs).Database("test").Collection("c").CountDocuments(ctx, bson.D{})
		if err != nil || n != 2 {
			t.Errorf("%d documents, %v", n, err)
		}
		if names, err := connect(t, rs.Member(i)).Database("local").ListCollectionNames(ctx, bson.D{}); err != nil || len(names) != 0 {
			t.Errorf("the local database of member %d has %v, %v", i, names, err)
		}
	}
	// What the set began with is committed, and what a member rolls back leaves it alone.
	rs.Isolate(0)
	check(t, rs.Elect(ctx, 1))
	dial(t, rs.Member(0)).ok(insertOne(3))
	rs.Rejoin(0)
	check(t, rs.AwaitReplication(ctx))
	direct := connect(t, rs.Member(0)).Database("test").Collection("c")
	if n, err := direct.CountDocuments(ctx, bson.D{}); err != nil || n != 2 {
		t.Errorf("after a rollback: %d documents, %v", n, err)
	}
	check(t, rs.Save())
}

// TestFileIsWrittenEveryInterval runs the keeper alone, under a clock of its own.
func TestFileIsWrittenEveryInterval(t *testing.T) {
	path := dataFile(t)
	synctest.Test(t, func(t *testing.T) {
		var failures []error
		o := newOptions([]Option{WithFile(path), WithFileErrors(func(err error) { failures = append(failures, err) })})
		k, s, err := o.openKeeper()
		check(t, err)
		k.start(o.file.interval, func() (*store.Store, *access.Users) { return s, nil })
		defer k.close()
		size := func() int64 {
			info, err := os.Stat(path)
			check(t, err)
			return info.Size()
		}
		empty := size()
		if _, _, err := s.Open("db", "c"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute - time.Nanosecond)
		synctest.Wait()
		if size() != empty {
			t.Error("written early")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if size() == empty {
			t.Error("not written")
		}
		if _, _, err := s.Open("db", "d"); err != nil {
			t.Fatal(err)
		}
		check(t, os.Remove(path))
		check(t, os.Mkdir(path, 0o700))
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(failures) != 1 {
			t.Errorf("failures: %v", failures)
		}
		check(t, os.Remove(path))
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(failures) != 1 || size() == empty {
			t.Errorf("not written after a failure: %v", failures)
		}
	})
	f, s, _, err := snapshot.Open(path)
	check(t, err)
	check(t, f.Close())
	if len(s.Collections("db")) != 2 {
		t.Errorf("the file has %v", s.Collections("db"))
	}
}

// TestFailureOfTheLastSaveIsTold has no other way to be told than the option.
func TestFailureOfTheLastSaveIsTold(t *testing.T) {
	path := dataFile(t)
	var failures []error
	s := NewServer(WithFile(path), WithFileErrors(func(err error) { failures = append(failures, err) }))
	dial(t, s).ok(insertOne(1))
	check(t, os.Remove(path))
	check(t, os.Mkdir(path, 0o700))
	s.Close()
	if len(failures) != 1 || !strings.Contains(failures[0].Error(), path) {
		t.Errorf("failures: %v", failures)
	}
	s.Close()
	if err := s.Save(); !errors.Is(err, errFileClosed) {
		t.Errorf("a save after the end: %v", err)
	}
}

// TestSaveWhileOthersWrite saves again and again while connections write: what the file has at the end is everything.
func TestSaveWhileOthersWrite(t *testing.T) {
	const writers, each = 8, 40
	path := dataFile(t)
	s := NewServer(WithFile(path))
	var writing sync.WaitGroup
	for w := range writers {
		c := dial(t, s)
		writing.Go(func() {
			for i := range each {
				_, err := c.socket.Write(c.ask(insertOne(int32(w*each + i))))
				if err == nil {
					_, err = c.read()
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 20 {
		check(t, s.Save())
	}
	writing.Wait()
	s.Close()
	n, _ := newServer(t, WithFile(path)).state.Store.Collection("test", "c").Size()
	if n != writers*each {
		t.Errorf("%d documents, want %d", n, writers*each)
	}
}
