package store

import (
	"errors"
	"sync"
	"testing"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/indexkey"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// TestFreezeIsOneMoment has transactions move something from one collection to another and back, while the store is
// frozen again and again: there is always one of it.
func TestFreezeIsOneMoment(t *testing.T) {
	s := New()
	open := func(name string) *Collection {
		c, _, err := s.Open("db", name)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if err := insert(t, open("a"), row("_id", 1)); err != nil {
		t.Fatal(err)
	}
	open("b")
	stop := make(chan struct{}) // closed here, when the store has been frozen often enough
	var moving sync.WaitGroup
	moving.Go(func() {
		for from, to := "a", "b"; ; from, to = to, from {
			x := s.Begin()
			err := errors.Join(x.Use("db", from), x.Use("db", to))
			if err == nil {
				err = errors.Join(remove(x.Store().Collection("db", from), 1), insert(t, x.Store().Collection("db", to), row("_id", 1)))
			}
			if err = errors.Join(err, x.Commit(nil)); err != nil {
				t.Error(err)
				return
			}
			select {
			case <-stop:
				return // behind a commit at least, however late the goroutine began
			default:
			}
		}
	})
	version := s.Version()
	for range 300 {
		frozen, n := s.Freeze(), 0
		for i := range frozen {
			err := frozen[i].Each(func(*Document) error {
				n++
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if n != 1 || frozen[0].Len()+frozen[1].Len() != 1 {
			t.Fatalf("%d documents at one moment", n)
		}
	}
	close(stop)
	moving.Wait()
	if s.Version() == version {
		t.Error("commits leave the version as it was")
	}
	version = s.Version()
	if _ = s.Freeze(); len(find(t, open("a"), row()))+len(find(t, open("b"), row())) != 1 || s.Version() != version {
		t.Error("reading changes the version")
	}
}

// TestScansByIndexWhileDocumentsMove changes the indexed field of every odd document again and again: a scan finds each
// even one once, and in order.
func TestScansByIndexWhileDocumentsMove(t *testing.T) {
	const size = 600
	_, c := newStoreWith(t)
	if err := createIndex(c, "n", false, "n"); err != nil {
		t.Fatal(err)
	}
	for i := range size {
		if err := insert(t, c, row("_id", i, "n", i)); err != nil {
			t.Fatal(err)
		}
	}
	stop := make(chan struct{}) // closed here, when enough was scanned
	var moving sync.WaitGroup
	for worker := range 4 {
		moving.Go(func() {
			for i := worker; ; i += 4 {
				select {
				case <-stop:
					return
				default:
				}
				id := 2*(i%(size/2)) + 1
				err := c.Write(func(w *Writer) error {
					f, err := query.Parse(row("_id", id))
					if err != nil {
						return err
					}
					d := row("_id", id, "n", i*7919%size)
					_, err = w.Replace(w.Scan(f.Constraints(), Hint{}).NextLocked()[0], d, bsonvalue.Encode(d))
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	f, err := query.Parse(row("n", row("$gte", 0, "$lt", size)))
	if err != nil {
		t.Fatal(err)
	}
	for round := range 100 {
		backward := round%2 == 1
		scan := c.ScanInOrder(f.Constraints(), Hint{}, []indexkey.Field{{Name: "n", Descending: backward}})
		next := int32(0)
		if backward {
			next = size - 2
		}
		for {
			documents, err := scan.Next()
			if err != nil {
				t.Fatal(err)
			}
			if len(documents) == 0 {
				break
			}
			for _, d := range documents {
				id := d.ID().(int32)
				if id%2 == 1 {
					continue
				}
				if id != next {
					t.Fatalf("found %d, want %d", id, next)
				}
				if next += 2; backward {
					next -= 4
				}
			}
		}
		if next != size && next != -2 {
			t.Fatalf("round %d ends before %d", round, next)
		}
	}
	close(stop)
	moving.Wait()
}
