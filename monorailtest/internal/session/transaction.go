package session

import (
	"errors"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// DefaultLifetime is how long a transaction may be open: transactionLifetimeLimitSeconds of MongoDB,
// a minute.
const DefaultLifetime = time.Minute

// state is what has become of a transaction on the member where it began.
type state int

const (
	// none: the number is not that of a transaction that began here.
	none state = iota
	inProgress
	committed
	aborted
)

// Lifetime returns how long a transaction may be open.
func (t *Table) Lifetime() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lifetime
}

// SetLifetime sets how long transactions that begin from now on may be open; d is positive.
func (t *Table) SetLifetime(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lifetime = d
}

// OnEnd has f told of every transaction that ends from now on, once it has ended.
func (t *Table) OnEnd(f func(session string, number int64)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.onEnd = f
}

// BeginTransaction starts the transaction with a number, on a store as it is now; one that is still
// open under an earlier number is aborted. It fails with TransactionTooOld (225) if there was a
// greater number, and with ConflictingOperationInProgress (117) if the number was used already. The
// caller has the session checked out.
func (t *Table) BeginTransaction(s *Session, number int64, on *store.Store) (*store.Transaction, error) {
	t.mu.Lock()
	after, err := func() {}, error(nil)
	switch {
	case number < s.record.Number:
		err = s.tooOldLocked(number)
	case number == s.record.Number:
		err = mongoerror.New(mongoerror.ConflictingOperationInProgress,
			"Only servers in a sharded cluster can start a new transaction at the active transaction number")
	case t.closed:
		err = mongoerror.New(mongoerror.InterruptedAtShutdown, "interrupted at shutdown")
	default:
		after = t.finishLocked(s, aborted)
	}
	t.mu.Unlock()
	after()
	if err != nil {
		return nil, err
	}
	tx := on.Begin()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.beginLocked(s, number, tx)
	return tx, nil
}

// Transaction returns the open transaction with a number. It fails with NoSuchTransaction (251) if
// there is none, with TransactionTooOld (225) if there was a greater number, and with
// TransactionCommitted (256) if it was committed. The caller has the session checked out.
func (t *Table) Transaction(s *Session, number int64) (*store.Transaction, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case number < s.record.Number:
		return nil, s.tooOldLocked(number)
	case number == s.record.Number && (s.state == committed || s.record.Committed):
		return nil, mongoerror.New(mongoerror.TransactionCommitted, "Transaction %d has been committed.", number)
	case number > s.record.Number || s.state == none:
		return nil, mongoerror.New(mongoerror.NoSuchTransaction, "Given transaction number %d does not match any in-progress "+
			"transactions. The active transaction number is %d", number, s.record.Number)
	case s.state == aborted || s.doomed:
		return nil, mongoerror.New(mongoerror.NoSuchTransaction, "Transaction %d has been aborted.", number)
	}
	return s.open, nil
}

// Commit commits the transaction with a number, and does nothing if that was done before. It fails as
// Transaction does, but for TransactionCommitted, and as the store's Commit does, which has then
// aborted the transaction. The caller has the session checked out.
func (t *Table) Commit(s *Session, number int64) error {
	tx, err := t.Transaction(s, number)
	if err != nil {
		var e *mongoerror.Error
		if errors.As(err, &e) && e.Code == mongoerror.TransactionCommitted {
			return nil
		}
		return err
	}
	to := committed
	err = tx.Commit(&store.Statement{Session: s.ID, Number: number})
	if err != nil {
		to = aborted
	}
	t.finish(s, to)
	return err
}

// Abort aborts the transaction with a number. It fails as Transaction does. The caller has the session
// checked out.
func (t *Table) Abort(s *Session, number int64) error {
	if _, err := t.Transaction(s, number); err != nil {
		return err
	}
	t.finish(s, aborted)
	return nil
}

// Kill aborts the open transaction of a session, if there is one; at once, or, while a command of the
// session runs, after it.
func (t *Table) Kill(id string) { t.killWhere(func(s *Session) bool { return s.ID == id }) }

// KillAll aborts every open transaction, as Kill does.
func (t *Table) KillAll() { t.killWhere(func(*Session) bool { return true }) }

// Open returns how many transactions are open and not killed.
func (t *Table) Open() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, s := range t.sessions {
		if s.open != nil && !s.doomed {
			n++
		}
	}
	return n
}

// Close aborts every open transaction, and lets none begin. No session may be in use.
func (t *Table) Close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.KillAll()
}

func (t *Table) killWhere(match func(*Session) bool) {
	var aborts []func()
	t.mu.Lock()
	for _, s := range t.sessions {
		if match(s) {
			aborts = append(aborts, t.killLocked(s))
		}
	}
	t.mu.Unlock()
	inTurn(aborts)()
}

// inTurn returns what calls all of them.
func inTurn(all []func()) func() {
	return func() {
		for _, f := range all {
			f()
		}
	}
}

func (t *Table) beginLocked(s *Session, number int64, tx *store.Transaction) {
	s.advanceLocked(number)
	s.state, s.open, s.openNumber, s.doomed = inProgress, tx, number, false
	// The timer is stopped when the transaction ends; if it fires nevertheless, it finds another
	// transaction open, or none.
	s.limit = time.AfterFunc(t.lifetime, func() { t.expire(s, tx) })
}

// expire aborts a transaction that has been open for too long. The timer of the transaction calls it.
func (t *Table) expire(s *Session, tx *store.Transaction) {
	t.mu.Lock()
	after := func() {}
	if s.open == tx {
		after = t.killLocked(s)
	}
	t.mu.Unlock()
	after()
}

// finish notes the end of the open transaction, and aborts what was not committed.
func (t *Table) finish(s *Session, to state) {
	t.mu.Lock()
	after := t.finishLocked(s, to)
	t.mu.Unlock()
	after()
}

// finishLocked notes the end of the open transaction, if there is one. The caller calls what it
// returns after releasing the lock: it aborts what was not committed.
func (t *Table) finishLocked(s *Session, to state) (after func()) {
	tx, number, onEnd := s.open, s.openNumber, t.onEnd
	if tx == nil {
		return func() {}
	}
	if s.openNumber == s.record.Number {
		s.state = to
	}
	s.open, s.doomed = nil, false
	s.limit.Stop()
	return func() {
		tx.Abort()
		if onEnd != nil {
			onEnd(s.ID, number)
		}
	}
}

// killLocked ends the open transaction, or dooms it while the session is in use. The caller calls what
// it returns after releasing the lock.
func (t *Table) killLocked(s *Session) (after func()) {
	if s.inUse && s.open != nil {
		s.doomed = true
		return func() {}
	}
	return t.finishLocked(s, aborted)
}
