// Package session keeps what a server knows about logical sessions: who is using one, and which
// retryable statements it has executed already.
package session

import (
	"context"
	"sync"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// codeTransactionTooOld is TransactionTooOld of error_codes.yml.
const codeTransactionTooOld = 225

// Table holds the sessions of one member by their ids. It is safe for concurrent use.
type Table struct {
	// mu guards what follows, and the records.
	mu sync.Mutex
	// sessions holds every session that has used a transaction number.
	sessions map[string]*Session
}

// Session is one session of a member.
type Session struct {
	// ID is the session id as its user and UUID make it.
	ID string

	// free holds one token while nobody uses the session: whoever uses it takes it and puts it back.
	free chan struct{}
	// record is guarded by the table.
	record Record
}

// Record is what outlives an operation, and is replicated.
type Record struct {
	// Number is the last transaction number, -1 before the first.
	Number int64
	// Statements holds what the retryable statements of that number changed.
	Statements map[int32]*store.Change
}

// NewTable returns an empty table.
func NewTable() *Table { return &Table{sessions: map[string]*Session{}} }

// CheckOut gives the caller the session alone, and waits for whoever has it. The caller calls
// CheckIn. The error is that of ctx.
func (t *Table) CheckOut(ctx context.Context, id string) (*Session, error) {
	t.mu.Lock()
	s := t.openLocked(id)
	t.mu.Unlock()
	select {
	case <-s.free:
		return s, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// CheckIn ends a CheckOut.
func (t *Table) CheckIn(s *Session) { s.free <- struct{}{} }

func (t *Table) openLocked(id string) *Session {
	s := t.sessions[id]
	if s == nil {
		s = &Session{ID: id, free: make(chan struct{}, 1), record: Record{Number: -1}}
		s.free <- struct{}{}
		t.sessions[id] = s
	}
	return s
}

// Begin makes number the session's transaction number. One that is smaller than an earlier one is
// refused (225). The caller has the session checked out.
func (t *Table) Begin(s *Session, number int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if number < s.record.Number {
		return mongoerror.New(codeTransactionTooOld, "Cannot start transaction %d on session %s because a newer transaction %d has already started",
			number, s.ID, s.record.Number)
	}
	s.record.begin(number)
	return nil
}

// Executed returns what a statement of the present number has changed, nil if it has not been
// executed, or changed nothing.
func (t *Table) Executed(s *Session, statement int32) *store.Change {
	t.mu.Lock()
	defer t.mu.Unlock()
	return s.record.Statements[statement]
}

// Take notes what a change says about its session, if it has one.
func (t *Table) Take(ch *store.Change) {
	st := ch.Statement
	if st == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &t.openLocked(st.Session).record
	r.begin(st.Number)
	if st.Number < r.Number {
		return
	}
	if r.Statements == nil {
		r.Statements = map[int32]*store.Change{}
	}
	r.Statements[st.ID] = ch
}

// begin goes on to a number, unless the record has a greater one.
func (r *Record) begin(number int64) {
	if number > r.Number {
		r.Number, r.Statements = number, nil
	}
}

// Restore replaces the records by those of another table. Sessions that are checked out stay so.
func (t *Table) Restore(from *Table) {
	records := from.records()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.sessions {
		s.record = Record{Number: -1}
	}
	for id, r := range records {
		t.openLocked(id).record = r
	}
}

// records returns copies of all records.
func (t *Table) records() map[string]Record {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(map[string]Record, len(t.sessions))
	for id, s := range t.sessions {
		r := Record{Number: s.record.Number}
		for n, ch := range s.record.Statements {
			if r.Statements == nil {
				r.Statements = make(map[int32]*store.Change, len(s.record.Statements))
			}
			r.Statements[n] = ch
		}
		out[id] = r
	}
	return out
}
