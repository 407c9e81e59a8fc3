// Package session keeps what a server knows about logical sessions: who is using one, which
// retryable statements it has executed already, and what has become of its transaction.
package session

import (
	"context"
	"sync"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// Timeout is how long a session is remembered that nobody uses: localLogicalSessionTimeoutMinutes of
// MongoDB.
const Timeout = 30 * time.Minute

// sweepInterval is how often, at most, the table looks for sessions to forget: often enough for their
// timeout, and too rarely to cost anything.
const sweepInterval = time.Minute

// Table holds the sessions of one member by their ids. It is safe for concurrent use.
type Table struct {
	// mu guards what follows, and the sessions. A store is never called while it is held.
	mu sync.Mutex
	// sessions holds every session that has used a transaction number, but those forgotten.
	sessions map[string]*Session
	// swept is when the table last looked for sessions to forget.
	swept time.Time
	// lifetime is the limit for transactions that begin from now on.
	lifetime time.Duration
	// onEnd is told of every transaction that has ended, without the lock; nil for nobody.
	onEnd func(session string, number int64)
	// closed goes from false to true once: then no transaction is open and none can begin.
	closed bool
}

// Session is one session of a member.
type Session struct {
	// ID is the session id as its user and UUID make it.
	ID string

	// free holds one token while nobody uses the session: whoever uses it takes it and puts it back.
	free chan struct{}

	// What follows is guarded by the table.

	record Record
	// state is that of the transaction with the record's number, as far as this member knows; open is
	// the transaction while it is in progress, else nil, and openNumber its number. They change in
	// beginLocked, finishLocked and advanceLocked.
	state      state
	open       *store.Transaction
	openNumber int64
	// limit aborts the open transaction when it fires.
	limit *time.Timer
	// wanted counts who has the session or waits for it; inUse says that somebody has it.
	wanted int
	inUse  bool
	// doomed says that the open transaction was killed while the session was in use.
	doomed bool
	// used is when the session was last used.
	used time.Time
}

// Record is what outlives an operation, and is replicated.
type Record struct {
	// Number is the last transaction number, -1 before the first.
	Number int64
	// Statements holds what the retryable statements of that number changed.
	Statements map[int32]*store.Change
	// Committed says that the number is that of a transaction that was committed.
	Committed bool
}

// NewTable returns an empty table. Close ends it; a table that has never begun a transaction needs no
// end.
func NewTable() *Table {
	return &Table{sessions: map[string]*Session{}, swept: time.Now(), lifetime: DefaultLifetime}
}

// CheckOut gives the caller the session alone, and waits for whoever has it. The caller calls
// CheckIn. The error is that of ctx.
func (t *Table) CheckOut(ctx context.Context, id string) (*Session, error) {
	t.mu.Lock()
	after := t.sweepLocked()
	s := t.openLocked(id)
	s.wanted++
	t.mu.Unlock()
	after()
	select {
	case <-s.free:
	case <-ctx.Done():
		t.mu.Lock()
		s.wanted--
		t.mu.Unlock()
		return nil, ctx.Err()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s.inUse = true
	return s, nil
}

// CheckIn ends a CheckOut. A transaction that was killed meanwhile is aborted now.
func (t *Table) CheckIn(s *Session) {
	t.mu.Lock()
	after := func() {}
	if s.doomed {
		after = t.finishLocked(s, aborted)
	}
	s.inUse = false
	s.wanted--
	s.used = time.Now()
	t.mu.Unlock()
	after()
	s.free <- struct{}{}
}

// Refresh keeps a session from being forgotten.
func (t *Table) Refresh(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.sessions[id]; s != nil {
		s.used = time.Now()
	}
}

// End aborts the open transaction of a session, and forgets the session unless it is in use: its
// client has ended it.
func (t *Table) End(id string) {
	t.Kill(id)
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.sessions[id]; s != nil && s.wanted == 0 {
		delete(t.sessions, id)
	}
}

func (t *Table) openLocked(id string) *Session {
	s := t.sessions[id]
	if s == nil {
		s = &Session{ID: id, free: make(chan struct{}, 1), record: Record{Number: -1}, used: time.Now()}
		s.free <- struct{}{}
		t.sessions[id] = s
	}
	return s
}

// sweepLocked forgets the sessions that nobody has used for Timeout, if it is time to look for them.
// The caller calls what it returns after releasing the lock: it aborts their transactions.
func (t *Table) sweepLocked() (after func()) {
	now := time.Now()
	if now.Sub(t.swept) < sweepInterval {
		return func() {}
	}
	t.swept = now
	var aborts []func()
	for id, s := range t.sessions {
		if s.wanted == 0 && now.Sub(s.used) >= Timeout {
			aborts = append(aborts, t.killLocked(s))
			delete(t.sessions, id)
		}
	}
	return inTurn(aborts)
}

// Begin makes number the session's transaction number, for a retryable write; an open transaction with
// an earlier number is aborted. A number that is smaller than an earlier one is refused (225), and
// so is that of a transaction (72). The caller has the session checked out.
func (t *Table) Begin(s *Session, number int64) error {
	t.mu.Lock()
	after, err := func() {}, error(nil)
	switch {
	case number < s.record.Number:
		err = s.tooOldLocked(number)
	case number > s.record.Number:
		after = t.finishLocked(s, aborted)
		s.advanceLocked(number)
	case s.state != none || s.record.Committed:
		err = mongoerror.New(mongoerror.InvalidOptions,
			"Must specify autocommit=false on all operations of a multi-statement transaction.")
	}
	t.mu.Unlock()
	after()
	return err
}

func (s *Session) tooOldLocked(number int64) error {
	return mongoerror.New(mongoerror.TransactionTooOld,
		"Cannot start transaction %d on session %s because a newer transaction %d has already started.", number, s.ID, s.record.Number)
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
	s := t.openLocked(st.Session)
	s.advanceLocked(st.Number)
	r := &s.record
	if st.Number < r.Number {
		return
	}
	if ch.Kind == store.CommitTransaction {
		r.Committed = true
		return
	}
	if r.Statements == nil {
		r.Statements = map[int32]*store.Change{}
	}
	r.Statements[st.ID] = ch
}

// advanceLocked goes on to a number, unless the record has a greater one.
func (s *Session) advanceLocked(number int64) {
	if number > s.record.Number {
		s.record, s.state = Record{Number: number}, none
	}
}

// Restore replaces the records by those of another table, and aborts the open transactions. Sessions
// that are checked out stay so.
func (t *Table) Restore(from *Table) {
	t.KillAll()
	records := from.records()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.sessions {
		s.record, s.state = Record{Number: -1}, none
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
		r := Record{Number: s.record.Number, Committed: s.record.Committed}
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
