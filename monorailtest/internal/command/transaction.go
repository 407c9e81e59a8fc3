package command

import (
	"context"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"go.mongodb.org/mongo-driver/bson"
)

// labelTransient tells a client that the whole transaction can be tried again.
const labelTransient = "TransientTransactionError"

// inTransaction reports whether the command says that it is part of a transaction.
func (g *generic) inTransaction() bool { return present(g.autocommit) }

// starts reports whether the command says that it is the first of its transaction.
func (g *generic) starts() bool { return present(g.startTransaction) }

// checkTransaction refuses what no transaction may contain. The error ends no transaction.
func checkTransaction(r *Request, sp *spec, g *generic) error {
	if !g.inTransaction() {
		return nil
	}
	refuse := func(format string, args ...any) error {
		return mongoerror.New(mongoerror.OperationNotSupportedInTransaction, format, args...)
	}
	switch {
	case r.Name == "count":
		return refuse("Cannot run 'count' in a multi-document transaction. " +
			"Please see http://dochub.mongodb.org/core/transaction-count for a recommended alternative.")
	case sp.transaction == forbidden:
		return refuse("Cannot run '%s' in a multi-document transaction.", r.Name)
	case r.Database == "config" || r.Database == "local" || r.Database == "admin" && sp.transaction != ends:
		return refuse("Cannot run command against the '%s' database in a transaction.", r.Database)
	case g.starts() && sp.transaction == ends:
		return refuse("Cannot start a transaction with %s", r.Name)
	case g.starts() && r.Name == "killCursors":
		return refuse("Cannot run killCursors as the first operation in a multi-document transaction.")
	}
	return nil
}

// checkTransactionConcerns checks the concerns of a command of a transaction: its first command has the readConcern,
// its last the writeConcern.
func checkTransactionConcerns(sp *spec, g *generic) error {
	if !g.inTransaction() {
		return nil
	}
	if g.writeConcern.Type != 0 && sp.transaction != ends {
		return mongoerror.New(mongoerror.InvalidOptions, "writeConcern is not allowed within a multi-statement transaction")
	}
	doc, ok := g.readConcern.DocumentOK()
	if !ok || len(doc) == len(bson.Raw{5, 0, 0, 0, 0}) {
		return nil
	}
	if !g.starts() {
		return mongoerror.New(mongoerror.InvalidOptions, "Only the first command in a transaction may specify a readConcern")
	}
	switch level, _ := doc.Lookup("level").StringValueOK(); level {
	case "", "local", "majority", "snapshot":
		return nil
	}
	return mongoerror.New(mongoerror.InvalidOptions,
		"The readConcern level must be either 'local' (default), 'majority' or 'snapshot' in order to run in a transaction")
}

// runInTransaction runs a command of a transaction, on its private copy of the data. If the command fails, or one of
// its statements does, the transaction is aborted.
func (s *State) runInTransaction(ctx context.Context, r *Request, sp *spec, g *generic) (bson.D, error) {
	waiting, cancel := r.waiting(ctx)
	defer cancel()
	session, err := s.Sessions.CheckOut(waiting, sessionOf(r))
	if err != nil {
		return nil, err
	}
	defer s.Sessions.CheckIn(session)
	number := g.txnNumber.Int64()
	r.session, r.number = session, number
	if sp.transaction == ends {
		return sp.handle(ctx, s, r)
	}
	if g.starts() {
		r.transaction, err = s.Sessions.BeginTransaction(session, number, s.Store)
	} else {
		r.transaction, err = s.Sessions.Transaction(session, number)
	}
	if err != nil {
		return nil, err
	}
	reply, err := s.runOnCopy(ctx, r, sp)
	if err != nil || firstWriteError(reply) != nil {
		// It fails only if the transaction has ended already.
		_ = s.Sessions.Abort(session, number)
	}
	return reply, err
}

// runOnCopy runs a command on the copy of the transaction that the request has.
func (s *State) runOnCopy(ctx context.Context, r *Request, sp *spec) (bson.D, error) {
	// The commands on cursors name the collection of a command before them.
	if name, ok := r.Body.Lookup(r.Name).StringValueOK(); ok && r.Name != "killCursors" {
		if err := r.transaction.Use(r.Database, name); err != nil {
			return nil, err
		}
	}
	return sp.handle(ctx, s, r)
}

// commitTransaction commits; once more if the client asks again.
func commitTransaction(_ context.Context, s *State, r *Request) (bson.D, error) {
	if r.session == nil {
		return nil, mongoerror.New(mongoerror.CommandFailed, "commitTransaction must be run within a transaction")
	}
	r.attempted = true
	return bson.D{}, s.Sessions.Commit(r.session, r.number)
}

// abortTransaction aborts.
func abortTransaction(_ context.Context, s *State, r *Request) (bson.D, error) {
	if r.session == nil {
		return nil, mongoerror.New(mongoerror.CommandFailed, "abortTransaction must be run within a transaction")
	}
	r.attempted = true
	return bson.D{}, s.Sessions.Abort(r.session, r.number)
}

// isTransient reports whether the transaction can be tried again from its start: nothing of it has been committed, and
// it may well succeed. For what ends a transaction a lost primary is not enough: it may have been committed.
func isTransient(code int32, ending bool) bool {
	switch code {
	case mongoerror.WriteConflict, mongoerror.SnapshotUnavailable, mongoerror.NoSuchTransaction, mongoerror.LockTimeout:
		return true
	}
	return !ending && isRetryable(code)
}

// transactionPart says what a command may be in a transaction.
type transactionPart int

const (
	// forbidden: the command cannot run in a transaction (263).
	forbidden transactionPart = iota
	// statement: the command can be the first of a transaction or follow.
	statement
	// ends: the command ends a transaction.
	ends
)
