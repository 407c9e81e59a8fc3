package store

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// recorder is a journal that keeps what it is told, until it refuses.
type recorder struct {
	changes []*Change
	refuse  error
}

func (r *recorder) Append(changes ...*Change) error {
	if r.refuse != nil {
		return r.refuse
	}
	r.changes = append(r.changes, changes...)
	return nil
}

// contents lists what a store holds, with names, documents in their order, and indexes.
func contents(s *Store) []string {
	var out []string
	for _, database := range s.Databases() {
		for _, c := range s.Collections(database) {
			line := fmt.Sprintf("%s %x:", c.Collection.Namespace(), c.Collection.UUID.Data)
			for scan := c.Collection.Scan(nil, Hint{}); ; {
				documents, err := scan.Next()
				if err != nil || len(documents) == 0 {
					break
				}
				for _, d := range documents {
					line += " " + bsonvalue.Format(d.Fields)
				}
			}
			for _, x := range c.Collection.Indexes() {
				line += fmt.Sprint(" ", x.Name, x.Hidden)
			}
			line += " " + bsonvalue.Format(c.Collection.Options().Document)
			out = append(out, line)
		}
	}
	return out
}

// exercise makes every kind of change.
func exercise(t *testing.T, s *Store) {
	t.Helper()
	c, _, err := s.Open("db", "a")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if err := insert(t, c, doc("_id", int32(i), "n", int32(i))); err != nil {
			t.Fatal(err)
		}
	}
	err = c.Write(func(w *Writer) error {
		all := slices.Clone(w.Scan(nil, Hint{}).NextLocked())
		changed := doc("_id", int32(1), "n", int32(100))
		_, err := w.Replace(all[1], changed, bsonvalue.Encode(changed))
		return errors.Join(err, w.Delete(all[2]))
	})
	if err := errors.Join(err, createIndex(c, "n", true, "n"), createIndex(c, "m", false, "m")); err != nil {
		t.Fatal(err)
	}
	err = c.Write(func(w *Writer) error {
		return errors.Join(w.DropIndex("m"), w.Modify(doc("validator", doc("_id", doc("$exists", true)))),
			w.ModifyIndex(IndexSpec{Name: "n", Key: doc("n", int32(1)), Unique: true, Hidden: true}))
	})
	_, _, openErr := s.Open("db", "b")
	_, createErr := s.Create("gone", "c", bson.D{})
	_, dropErr := s.DropDatabase("gone")
	if err := errors.Join(err, openErr, createErr, dropErr, s.Rename("db", "a", "db", "b", true)); err != nil {
		t.Fatal(err)
	}
}

func TestApplyMakesTheSameStore(t *testing.T) {
	journal := &recorder{}
	original, replica := NewJournaled(journal), New()
	exercise(t, original)
	for _, ch := range journal.changes {
		replica.Apply(ch)
	}
	if got, want := contents(replica), contents(original); !slices.Equal(got, want) || len(want) != 1 {
		t.Errorf("the replica has\n%q, the original\n%q", got, want)
	}
	if got := find(t, replica.Collection("db", "b"), doc("n", int32(100))); len(got) != 1 {
		t.Errorf("the replica's index finds %v", got)
	}
	// Each has its records: what the replica takes in next must not take the place of a document.
	if err := insert(t, replica.Collection("db", "b"), doc("_id", int32(9), "n", int32(9))); err != nil {
		t.Fatal(err)
	}
	if n, _ := replica.Collection("db", "b").Size(); n != 5 {
		t.Errorf("%d documents, want 5", n)
	}
}

func TestARefusedChangeIsNotMade(t *testing.T) {
	journal := &recorder{}
	s := NewJournaled(journal)
	c, _, _ := s.Open("db", "a")
	if err := insert(t, c, doc("_id", int32(1))); err != nil {
		t.Fatal(err)
	}
	before := contents(s)
	journal.refuse = errors.New("no")
	_, _, openErr := s.Open("db", "new")
	_, createErr := s.Create("db", "new", bson.D{})
	_, dropErr := s.Drop("db", "a")
	_, dropDatabaseErr := s.DropDatabase("db")
	for i, err := range []error{
		insert(t, c, doc("_id", int32(2))),
		c.Write(func(w *Writer) error {
			d := doc("_id", int32(1), "n", int32(1))
			_, err := w.Replace(w.Scan(nil, Hint{}).NextLocked()[0], d, bsonvalue.Encode(d))
			return err
		}),
		c.Write(func(w *Writer) error { return w.Delete(w.Scan(nil, Hint{}).NextLocked()[0]) }),
		createIndex(c, "n", true, "n"), openErr, createErr, dropErr, dropDatabaseErr,
		s.Rename("db", "a", "db", "b", false),
	} {
		if !errors.Is(err, journal.refuse) {
			t.Errorf("change %d: %v, want the journal's refusal", i, err)
		}
	}
	if got := contents(s); !slices.Equal(got, before) {
		t.Errorf("the store has %q, had %q", got, before)
	}
	local, _, err := s.Open("local", "c")
	if err != nil || insert(t, local, doc("_id", int32(1))) != nil {
		t.Errorf("the database local asks the journal: %v", err)
	}
}

func TestRestore(t *testing.T) {
	from, to := New(), New()
	exercise(t, from)
	lost, _, _ := to.Open("db", "lost")
	if _, _, err := to.Open("local", "own"); err != nil {
		t.Fatal(err)
	}
	to.Restore(from)
	if err := insert(t, lost, doc("_id", int32(1))); !errors.Is(err, ErrDropped) {
		t.Errorf("writing to a collection that is gone: %v", err)
	}
	if to.Collection("local", "own") == nil {
		t.Error("the database local is gone")
	}
	want := contents(from)
	if got := contents(to)[:1]; !slices.Equal(got, want) {
		t.Errorf("restored %q, want %q", got, want)
	}
	if err := insert(t, to.Collection("db", "b"), doc("_id", int32(77), "n", int32(77))); err != nil {
		t.Fatal(err)
	}
	if got := contents(from); !slices.Equal(got, want) {
		t.Errorf("a write to the copy changed the original: %q", got)
	}
}
