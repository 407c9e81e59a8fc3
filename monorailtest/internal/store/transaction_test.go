package store

import (
	"errors"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// begin starts a transaction that uses db.c, and returns it with its copy of the collection, nil
// where it has none.
func begin(t testing.TB, s *Store) (*Transaction, *Collection) {
	t.Helper()
	x := s.Begin()
	t.Cleanup(x.Abort)
	if err := x.Use("db", "c"); err != nil {
		t.Fatal(err)
	}
	return x, x.Store().Collection("db", "c")
}

func commit(t testing.TB, x *Transaction) {
	t.Helper()
	if err := x.Commit(nil); err != nil {
		t.Error(err)
	}
}

func newStoreWith(t testing.TB, documents ...bson.D) (*Store, *Collection) {
	t.Helper()
	s := New()
	c, _, err := s.Open("db", "c")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range documents {
		if err := insert(t, c, d); err != nil {
			t.Fatal(err)
		}
	}
	return s, c
}

// replace stores d in the place of the document with its _id.
func replace(c *Collection, d bson.D) error {
	return c.Write(func(w *Writer) error {
		old := byID(w, Field(d, "_id"))
		if old == nil {
			return errors.New("no such document")
		}
		_, err := w.Replace(old, d, bsonvalue.Encode(d))
		return err
	})
}

func remove(c *Collection, id any) error {
	return c.Write(func(w *Writer) error {
		old := byID(w, id)
		if old == nil {
			return errors.New("no such document")
		}
		return w.Delete(old)
	})
}

func byID(w *Writer, id any) *Document {
	scan := w.Scan(nil, Hint{Natural: true})
	for documents := scan.NextLocked(); len(documents) > 0; documents = scan.NextLocked() {
		for _, d := range documents {
			if bsonvalue.Equal(d.ID(), value(id)) {
				return d
			}
		}
	}
	return nil
}

func wantIDs(t testing.TB, c *Collection, filter bson.D, want ...any) {
	t.Helper()
	for i := range want {
		want[i] = value(want[i])
	}
	if got := find(t, c, filter); !slices.Equal(got, want) {
		t.Errorf("%v finds %v, want %v", filter, got, want)
	}
}

func wantConflict(t testing.TB, err error, with *Transaction) {
	t.Helper()
	var conflict *Conflict
	if !errors.As(err, &conflict) || conflict.With != with {
		t.Errorf("%v, want a conflict with the transaction", err)
	}
}

func wantCode(t testing.TB, err error, want int32) {
	t.Helper()
	if code(err) != want {
		t.Errorf("%v, want code %d", err, want)
	}
}

func TestTransactionReadsItsSnapshotAndItsWrites(t *testing.T) {
	s, c := newStoreWith(t, row("_id", 1, "a", 1), row("_id", 2, "a", 1))
	if err := createIndex(c, "a", false, "a"); err != nil {
		t.Fatal(err)
	}
	x, mine := begin(t, s)
	if err := replace(c, row("_id", 1, "a", 9)); err != nil {
		t.Fatal(err)
	}
	if err := insert(t, c, row("_id", 3, "a", 1)); err != nil {
		t.Fatal(err)
	}
	wantIDs(t, mine, row("a", 1), 1, 2)
	if err := replace(mine, row("_id", 2, "a", 2)); err != nil {
		t.Fatal(err)
	}
	if err := insert(t, mine, row("_id", 4, "a", 2)); err != nil {
		t.Fatal(err)
	}
	wantIDs(t, mine, row("a", 2), 2, 4)
	wantIDs(t, c, row("a", 1), 2, 3)
	wantIDs(t, c, row("a", 2))
	commit(t, x)
	wantIDs(t, c, row(), 1, 2, 3, 4)
	wantIDs(t, c, row("a", 2), 2, 4)
	wantIDs(t, c, row("a", 1), 3)
	if n, bytes := c.Size(); n != 4 || bytes != 4*int64(len(bsonvalue.Encode(row("_id", 1, "a", 1)))) {
		t.Errorf("%d documents of %d bytes", n, bytes)
	}
}

func TestAbortLeavesNothing(t *testing.T) {
	s, c := newStoreWith(t, row("_id", 1, "a", 1), row("_id", 2, "a", 1))
	if err := createIndex(c, "a", false, "a"); err != nil {
		t.Fatal(err)
	}
	x, mine := begin(t, s)
	for _, err := range []error{replace(mine, row("_id", 1, "a", 7)), remove(mine, 2), insert(t, mine, row("_id", 3, "a", 7))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := x.Store().Open("other", "new"); err != nil {
		t.Fatal(err)
	}
	x.Abort()
	wantIDs(t, c, row("a", 1), 1, 2)
	wantIDs(t, c, row("a", 7))
	if s.Collection("other", "new") != nil || len(s.Databases()) != 1 {
		t.Errorf("an aborted collection is there: %v", s.Databases())
	}
	if c.claims != nil || len(c.users) != 0 || len(s.reserved) != 0 {
		t.Errorf("left: claims %v, users %v, reserved %v", c.claims, c.users, s.reserved)
	}
	for _, err := range []error{insert(t, c, row("_id", 3)), remove(c, 1), createIndex(c, "b", false, "b")} {
		if err != nil {
			t.Errorf("after the abort: %v", err)
		}
	}
}

func TestFirstWriterWins(t *testing.T) {
	s, c := newStoreWith(t, row("_id", 1), row("_id", 2), row("_id", 3))
	first, a := begin(t, s)
	_, b := begin(t, s)
	if err := replace(a, row("_id", 1, "by", "a")); err != nil {
		t.Fatal(err)
	}
	wantCode(t, replace(b, row("_id", 1, "by", "b")), mongoerror.WriteConflict)
	wantCode(t, remove(b, 1), mongoerror.WriteConflict)
	if err := replace(b, row("_id", 2, "by", "b")); err != nil {
		t.Errorf("another document: %v", err)
	}
	commit(t, first)
	wantCode(t, replace(b, row("_id", 1, "by", "b")), mongoerror.WriteConflict)
	if err := replace(c, row("_id", 3, "by", "nobody")); err != nil {
		t.Fatal(err)
	}
	wantCode(t, remove(b, 3), mongoerror.WriteConflict)
}

func TestWriteOutsideWaitsForTheTransaction(t *testing.T) {
	s, c := newStoreWith(t, row("_id", 1), row("_id", 2))
	x, mine := begin(t, s)
	if err := replace(mine, row("_id", 1, "a", 1)); err != nil {
		t.Fatal(err)
	}
	if err := insert(t, mine, row("_id", 3)); err != nil {
		t.Fatal(err)
	}
	wantConflict(t, replace(c, row("_id", 1, "a", 2)), x)
	wantConflict(t, remove(c, 1), x)
	wantConflict(t, insert(t, c, row("_id", 3)), x)
	if err := replace(c, row("_id", 2, "a", 2)); err != nil {
		t.Errorf("a document that nobody claimed: %v", err)
	}
	select {
	case <-x.Ended():
		t.Error("ended before it ended")
	default:
	}
	commit(t, x)
	<-x.Ended()
	wantCode(t, insert(t, c, row("_id", 3)), mongoerror.DuplicateKey)
	if err := replace(c, row("_id", 1, "a", 2)); err != nil {
		t.Error(err)
	}
}

func TestUniqueKeysOfTransactions(t *testing.T) {
	s, c := newStoreWith(t, row("_id", 1, "k", "x"), row("_id", 2, "k", "y"))
	if err := createIndex(c, "k", true, "k"); err != nil {
		t.Fatal(err)
	}
	x, a := begin(t, s)
	_, b := begin(t, s)
	wantCode(t, insert(t, a, row("_id", 3, "k", "x")), mongoerror.DuplicateKey)
	// A key that the transaction has freed is its own to use again.
	for _, err := range []error{remove(a, 1), insert(t, a, row("_id", 4, "k", "x")), replace(a, row("_id", 2, "k", "z"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, insert(t, b, row("_id", 5, "k", "z")), mongoerror.WriteConflict)
	wantCode(t, insert(t, b, row("_id", 6, "k", "x")), mongoerror.DuplicateKey)
	wantConflict(t, insert(t, c, row("_id", 7, "k", "z")), x)
	wantCode(t, insert(t, c, row("_id", 8, "k", "y")), mongoerror.DuplicateKey)
	if err := insert(t, c, row("_id", 9, "k", "w")); err != nil {
		t.Fatal(err)
	}
	wantCode(t, insert(t, b, row("_id", 10, "k", "w")), mongoerror.WriteConflict)
	commit(t, x)
	wantIDs(t, c, row("k", "x"), 4)
	wantIDs(t, c, row("k", "y"))
	wantIDs(t, c, row("k", "z"), 2)
	wantCode(t, insert(t, c, row("_id", 11, "k", "z")), mongoerror.DuplicateKey)
	if err := insert(t, c, row("_id", 12, "k", "y")); err != nil {
		t.Error(err)
	}
}

func TestCollectionsKeepTheirShapeForTransactions(t *testing.T) {
	s, c := newStoreWith(t, row("_id", 1))
	early := s.Begin()
	defer early.Abort()
	x, _ := begin(t, s)
	drop := func() error { _, err := s.Drop("db", "c"); return err }
	dropDatabase := func() error { _, err := s.DropDatabase("db"); return err }
	rename := func() error { return s.Rename("db", "c", "db", "d", false) }
	wantConflict(t, drop(), x)
	wantConflict(t, dropDatabase(), x)
	wantConflict(t, rename(), x)
	wantConflict(t, createIndex(c, "a", false, "a"), x)
	commit(t, x)
	if err := createIndex(c, "a", false, "a"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, early.Use("db", "c"), mongoerror.SnapshotUnavailable)
	if _, _, err := s.Open("db", "later"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, early.Use("db", "later"), mongoerror.SnapshotUnavailable)
	early.Abort()
	for _, err := range []error{rename(), dropDatabase()} {
		if err != nil {
			t.Error(err)
		}
	}
}

func TestCollectionMadeInATransaction(t *testing.T) {
	s := New()
	x, mine := begin(t, s)
	y, _ := begin(t, s)
	if mine != nil {
		t.Fatal("a collection that nobody made")
	}
	mine, _, err := x.Store().Open("db", "c")
	if err != nil {
		t.Fatal(err)
	}
	if err := insert(t, mine, row("_id", 1)); err != nil {
		t.Fatal(err)
	}
	_, _, err = y.Store().Open("db", "c")
	wantCode(t, err, mongoerror.WriteConflict)
	_, _, err = s.Open("db", "c")
	wantConflict(t, err, x)
	_, _, err = s.Open("DB", "c")
	wantConflict(t, err, x)
	_, err = s.Drop("db", "c")
	wantConflict(t, err, x)
	if s.Collection("db", "c") != nil || !x.Created("db", "c") {
		t.Error("the collection is there before the commit")
	}
	commit(t, x)
	c := s.Collection("db", "c")
	if c == nil {
		t.Fatal("no collection after the commit")
	}
	wantIDs(t, c, row("_id", 1), 1)
	if err := insert(t, c, row("_id", 2)); err != nil {
		t.Error(err)
	}
	wantCode(t, insert(t, c, row("_id", 2)), mongoerror.DuplicateKey)
}

// row is doc with the numbers that BSON has.
func row(pairs ...any) bson.D {
	for i := range pairs {
		pairs[i] = value(pairs[i])
	}
	return doc(pairs...)
}

// value makes an int a value of BSON.
func value(v any) any {
	if n, ok := v.(int); ok {
		return int32(n)
	}
	return v
}
