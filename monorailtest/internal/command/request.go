package command

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/replset"
	sessions "github.com/mongo-monorail/monorail/monorailtest/internal/session"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// Request is one command as it arrived. The byte slices belong to the request and live until the reply has been
// written: a handler that keeps any of them copies it.
type Request struct {
	// Name is the command name as the client sent it: the first key of the body.
	Name string
	// Database is the value of $db.
	Database string
	// Body is the kind 0 section, $db included.
	Body bson.Raw
	// Sequences holds the kind 1 sections by identifier ("documents", "updates", "deletes").
	Sequences map[string][]bson.Raw
	// Unacknowledged says that the client set moreToCome: nothing is ever sent back.
	Unacknowledged bool
	// Conn is the connection on which the request came.
	Conn *Conn
	// Wait is done when the connection is closed: nobody waits for the reply any more. nil for never.
	Wait context.Context
	// ExhaustAllowed says that the client takes a stream of replies. Known is then the topologyVersion of the
	// one before; nil for the first.
	ExhaustAllowed bool
	Known          *replset.TopologyVersion

	// attempted says that the command has tried to write, successfully or not: its write concern is then awaited.
	attempted bool
	// unchecked lets the command store documents that do not meet the validator of their collection.
	unchecked bool
	// resumable says that the command has failed on a change stream.
	resumable bool
	// majority says that the command reads what is committed on the majority of a replica set.
	majority bool
	// retry is the session of a retryable write, nil for every other command.
	retry *retry
	// session and number name the transaction that the command belongs to; nil for none.
	session *sessions.Session
	number  int64
	// transaction is that transaction while it is open; nil for none, and for what ends it.
	transaction *store.Transaction
}

// Handler answers one command. The reply needs no ok field: it is added. An error that is a *mongoerror.Error becomes
// {ok: 0, errmsg, code, codeName}; any other error becomes code 8, UnknownError. A handler that has a reply and an
// error returns the error only.
//
// Handlers run on the goroutine of their connection, many at a time; what they share is in State.
type Handler func(ctx context.Context, s *State, r *Request) (bson.D, error)
