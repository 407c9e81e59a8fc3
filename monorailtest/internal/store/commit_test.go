package store

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// TestTransactionsKeepASum moves amounts between documents of two collections while others read
// them: every snapshot has the same sum.
func TestTransactionsKeepASum(t *testing.T) {
	const accounts, workers, rounds = 8, 6, 200
	s := New()
	for _, name := range []string{"a", "b"} {
		c, _, err := s.Open("db", name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range accounts {
			if err := insert(t, c, row("_id", i, "n", 100)); err != nil {
				t.Fatal(err)
			}
		}
	}
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for round := range rounds {
				x := s.Begin()
				if sum := sumOf(t, x.Store()); sum != 2*accounts*100 {
					t.Errorf("a snapshot has the sum %d", sum)
				}
				if move(x, (worker+round)%accounts, (worker*round)%accounts) == nil {
					commit(t, x)
				} else {
					x.Abort()
				}
			}
		})
	}
	wg.Wait()
	if sum := sumOf(t, s); sum != 2*accounts*100 {
		t.Errorf("the sum is %d", sum)
	}
}

func move(x *Transaction, from, to int) error {
	for i, name := range []string{"a", "b"} {
		if err := x.Use("db", name); err != nil {
			return err
		}
		err := x.Store().Collection("db", name).Write(func(w *Writer) error {
			old := byID(w, []int{from, to}[i])
			d := row("_id", old.ID(), "n", Field(old.Fields, "n").(int32)+[]int32{-1, 1}[i])
			_, err := w.Replace(old, d, bsonvalue.Encode(d))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func sumOf(t testing.TB, s *Store) (sum int32) {
	for _, name := range []string{"a", "b"} {
		scan := s.Collection("db", name).Scan(nil, Hint{Natural: true})
		for {
			documents, err := scan.Next()
			if err != nil {
				t.Error(err)
			}
			if len(documents) == 0 {
				break
			}
			for _, d := range documents {
				sum += Field(d.Fields, "n").(int32)
			}
		}
	}
	return sum
}

// TestCommitIsOneEntry has another store follow by the journal.
func TestCommitIsOneEntry(t *testing.T) {
	j := &entries{}
	s, follower := NewJournaled(j), New()
	c, _, err := s.Open("db", "c")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []bson.D{row("_id", 1, "k", 1), row("_id", 2, "k", 2)} {
		if err := insert(t, c, d); err != nil {
			t.Fatal(err)
		}
	}
	if err := createIndex(c, "k", true, "k"); err != nil {
		t.Fatal(err)
	}
	before := len(j.list)
	x, mine := begin(t, s)
	made, _, err := x.Store().Open("db", "made")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		remove(mine, 1), insert(t, mine, row("_id", 3, "k", 1)), replace(mine, row("_id", 2, "k", 7)), replace(mine, row("_id", 2, "k", 8)),
		createIndex(made, "k", true, "k"), insert(t, made, row("_id", 1, "k", 1)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(j.list) != before {
		t.Error("the journal was told before the commit")
	}
	commit(t, x)
	if len(j.list) != before+1 {
		t.Errorf("the journal was told %d times, want once", len(j.list)-before)
	}
	if err := insert(t, s.Collection("db", "made"), row("_id", 2, "k", 2)); err != nil {
		t.Fatal(err)
	}
	for _, entry := range j.list {
		follower.ApplyTogether(entry)
	}
	if got, want := contents(follower), contents(s); !slices.Equal(got, want) {
		t.Errorf("the follower has %q, want %q", got, want)
	}
	wantIDs(t, follower.Collection("db", "c"), row("k", 8), 2)
	wantCode(t, insert(t, follower.Collection("db", "made"), row("_id", 9, "k", 1)), mongoerror.DuplicateKey)

	j.refuse = errors.New("no")
	y, yours := begin(t, s)
	if err := insert(t, yours, row("_id", 10)); err != nil {
		t.Fatal(err)
	}
	if err := y.Commit(nil); !errors.Is(err, j.refuse) {
		t.Errorf("a refused commit: %v", err)
	}
	wantIDs(t, c, row("_id", 10))
	if c.claims != nil || len(c.users) != 0 {
		t.Error("a refused commit leaves claims")
	}
}

// entries is a journal that keeps its entries apart.
type entries struct {
	list   [][]*Change
	refuse error
}

func (e *entries) Append(changes ...*Change) error {
	if e.refuse != nil {
		return e.refuse
	}
	e.list = append(e.list, slices.Clone(changes))
	return nil
}

// TestReadersSeeATransactionWhole reads two collections of a follower while it applies a transaction that changes many
// documents of both.
func TestReadersSeeATransactionWhole(t *testing.T) {
	const documents = 2000
	j := &entries{}
	s, follower := NewJournaled(j), New()
	for _, name := range []string{"a", "b"} {
		c, _, err := s.Open("db", name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range documents {
			if err := insert(t, c, row("_id", i, "n", 0)); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := len(j.list)
	x := s.Begin()
	for i, name := range []string{"a", "b"} {
		if err := x.Use("db", name); err != nil {
			t.Fatal(err)
		}
		addToAll(t, x.Store().Collection("db", name), []int32{-1, 1}[i])
	}
	commit(t, x)
	for _, entry := range j.list[:before] {
		follower.ApplyTogether(entry)
	}
	applied := make(chan struct{})
	go func() {
		defer close(applied)
		for _, entry := range j.list[before:] {
			follower.ApplyTogether(entry)
		}
	}()
	for done := false; !done; {
		select {
		case <-applied:
			done = true
		default:
		}
		y := follower.Begin()
		if sum := sumOf(t, y.Store()); sum != 0 {
			t.Errorf("half a transaction is seen: the sum is %d", sum)
			done = true
		}
		y.Abort()
	}
	<-applied
}

// addToAll adds to the n of every document.
func addToAll(t *testing.T, c *Collection, n int32) {
	t.Helper()
	err := c.Write(func(w *Writer) error {
		scan := w.Scan(nil, Hint{Natural: true})
		for list := scan.NextLocked(); len(list) > 0; list = scan.NextLocked() {
			for _, old := range list {
				d := row("_id", old.ID(), "n", Field(old.Fields, "n").(int32)+n)
				if _, err := w.Replace(old, d, bsonvalue.Encode(d)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSnapshotIsOfOneMoment begins transactions while somebody writes to one collection, and then to another: no
// snapshot has the second write without the first, however many collections there are.
func TestSnapshotIsOfOneMoment(t *testing.T) {
	const others, snapshots = 300, 50
	s := New()
	open := func(name string) *Collection {
		c, _, err := s.Open("db", name)
		if err != nil {
			t.Fatal(err)
		}
		if err := insert(t, c, row("_id", 0, "n", 0)); err != nil {
			t.Fatal(err)
		}
		return c
	}
	for i := range others {
		open(fmt.Sprint("other", i))
	}
	first, second := open("first"), open("second")
	stop := make(chan struct{}) // closed by the test; the writer receives
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := errors.Join(replace(first, row("_id", 0, "n", n)), replace(second, row("_id", 0, "n", n))); err != nil {
				t.Error(err)
				return
			}
		}
	})
	value := func(x *Transaction, name string) int32 {
		list, err := x.Store().Collection("db", name).Scan(nil, Hint{}).Next()
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		return Field(list[0].Fields, "n").(int32)
	}
	for range snapshots {
		x := s.Begin()
		if a, b := value(x, "first"), value(x, "second"); a < b {
			t.Errorf("a snapshot has the second write of %d without the first: %d", b, a)
		}
		x.Abort()
	}
	close(stop)
	wg.Wait()
}
