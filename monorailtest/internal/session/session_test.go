package session

import (
	"context"
	"errors"
	"testing"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

func change(number int64, id int32) *store.Change {
	return &store.Change{Statement: &store.Statement{Session: "s", Number: number, ID: id}}
}

func checkOut(t *testing.T, table *Table) *Session {
	t.Helper()
	s, err := table.CheckOut(t.Context(), "s")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStatementsOfTheLastNumberAreKnown(t *testing.T) {
	table := NewTable()
	s := checkOut(t, table)
	if err := table.Begin(s, 5); err != nil {
		t.Fatal(err)
	}
	done := change(5, 1)
	table.Take(done)
	if got := table.Executed(s, 1); got != done {
		t.Errorf("statement 1 is %v", got)
	}
	if got := table.Executed(s, 0); got != nil {
		t.Errorf("statement 0, which was not executed, is %v", got)
	}
	var e *mongoerror.Error
	if err := table.Begin(s, 4); !errors.As(err, &e) || e.Code != 225 {
		t.Errorf("an old number gives %v, want 225", err)
	}
	if err := table.Begin(s, 6); err != nil || table.Executed(s, 1) != nil {
		t.Errorf("number 6 begins with %v and the statements of number 5", err)
	}
}

func TestASessionIsUsedByOneAtATime(t *testing.T) {
	table := NewTable()
	s := checkOut(t, table)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := table.CheckOut(ended, "s"); !errors.Is(err, context.Canceled) {
		t.Errorf("a second user gets %v", err)
	}
	table.CheckIn(s)
	checkOut(t, table)
}

func TestRestoreForgetsWhatTheOtherTableDoesNotKnow(t *testing.T) {
	table, committed := NewTable(), NewTable()
	s := checkOut(t, table)
	committed.Take(change(1, 0))
	table.Take(change(1, 0))
	table.Take(change(2, 0))
	table.Restore(committed)
	if err := table.Begin(s, 1); err != nil {
		t.Errorf("number 1 after the rollback of number 2: %v", err)
	}
	if table.Executed(s, 0) == nil {
		t.Error("the statement that both had is gone")
	}
	committed.Take(change(3, 0))
	if err := table.Begin(s, 2); err != nil {
		t.Errorf("the tables still share a record: %v", err)
	}
}
