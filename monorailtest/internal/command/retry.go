package command

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	sessions "github.com/mongo-monorail/monorail/monorailtest/internal/session"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// codeNotRetryable has no name.
const codeNotRetryable = 50768

// retry is what a retryable write has of its session, which it uses alone until it is done.
type retry struct {
	session *sessions.Session
	number  int64
}

// checkRetryable refuses a transaction number on a command that is no retryable write.
func checkRetryable(r *Request, sp *spec) error {
	if sp.sequence == "" && sp.primary != "findAndModify" {
		return mongoerror.New(codeNotRetryable, "txnNumber may only be provided for multi-document transactions and retryable write "+
			"commands. autocommit:false was not provided, and %s is not a retryable write command.", r.Name)
	}
	return nil
}

// checkOut takes the session of a retryable write for the command.
func (s *State) checkOut(ctx context.Context, r *Request, g *generic) error {
	if s.Member == nil || !present(g.txnNumber) {
		return nil
	}
	ctx, cancel := r.waiting(ctx)
	defer cancel()
	table := s.Sessions
	session, err := table.CheckOut(ctx, sessionID(g.lsid))
	if err != nil {
		return err
	}
	if err := table.Begin(session, g.txnNumber.Int64()); err != nil {
		table.CheckIn(session)
		return err
	}
	r.retry = &retry{session, g.txnNumber.Int64()}
	return nil
}

// checkIn gives back what checkOut took.
func (s *State) checkIn(r *Request) {
	if r.retry != nil {
		s.Sessions.CheckIn(r.retry.session)
	}
}

// statement identifies statement i of a retryable write, nil for one of another command.
func (r *Request) statement(i int) *store.Statement {
	if r.retry == nil {
		return nil
	}
	return &store.Statement{Session: r.retry.session.ID, Number: r.retry.number, ID: int32(i)}
}

// executed returns what statement i of a retryable write has changed already, nil if it is to be executed.
func (s *State) executed(r *Request, i int) *store.Change {
	if r.retry == nil {
		return nil
	}
	return s.Sessions.Executed(r.retry.session, int32(i))
}

// repeated is the outcome of an update that was executed before.
func repeated(done *store.Change) outcome {
	if done.Before == nil {
		return outcome{upserted: done.After.ID(), inserted: true}
	}
	return outcome{matched: 1, modified: 1}
}

// repeated returns the document to show and the lastErrorObject of a findAndModify that was executed before.
func (a *replacement) repeated(done *store.Change) (value, last bson.D) {
	last = bson.D{{Key: "n", Value: int32(1)}}
	switch {
	case a.remove:
		return done.Before.Fields, last
	case done.Before == nil:
		last = append(last, bson.E{Key: "updatedExisting", Value: false}, bson.E{Key: "upserted", Value: done.After.ID()})
	default:
		last = append(last, bson.E{Key: "updatedExisting", Value: true})
	}
	switch {
	case a.returnNew:
		return done.After.Fields, last
	case done.Before == nil:
		return nil, last
	}
	return done.Before.Fields, last
}

// errMultiRetry refuses a statement that may change several documents in a retryable write.
func errMultiRetry(option string) error {
	return mongoerror.New(mongoerror.InvalidOptions, "Cannot use (or request) retryable writes with %s", option)
}
