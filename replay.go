package monorail

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/description"
)

// Replay sends writes again that a *BrokenError has handed back (its Writes), unacknowledged, in
// order, each statement in a message of its own, on the socket that the request has by now: after a
// break, call Renew first. They are held like any unacknowledged write, and counted as unconfirmed
// again; call Barrier or Confirm to know that the server has processed them.
//
// Each write may have run already, so this is at-least-once. May be repeated safely:
//   - an insert of a document with an _id: the second is a duplicate key, which nobody hears of;
//   - a delete, and an update by $set, $unset, $max, $min, $addToSet, $pull or a replacement, as long as
//     nobody else writes the same fields in between: the late one wins.
//
// May not: $inc, $mul, $push, $pop, an insert into a collection that gives the _id itself, and an update
// whose filter what it writes makes match another document. Leave those out, or make them repeatable:
// {_id: …, done: {$ne: key}} with {$inc: …, $push: {done: key}} runs once for each key.
//
// It stops at the first write that cannot be sent, and the error says how many were: then those up to
// there, and no others, were. A program that has to know which are left replays them one by one. It sends
// nothing where one of writes is no command.
func (r *Request) Replay(ctx context.Context, writes []UnconfirmedWrite) error {
	if ctx == nil {
		ctx = context.Background()
	}
	if err := r.Err(); err != nil {
		return err
	}
	operations := make([]driver.Operation, 0, len(writes))
	for i, w := range writes {
		op, err := r.client.replayOf(w)
		if err != nil {
			return fmt.Errorf("monorail: write %d of %d: %w; nothing was sent", i+1, len(writes), err)
		}
		operations = append(operations, op)
	}
	ctx = context.WithValue(ctx, requestKey{r.client}, carrier(r))
	ctx = mongo.NewSessionContext(ctx, nil)
	for i, op := range operations {
		if err := op.Execute(ctx); err != nil && !errors.Is(err, driver.ErrUnacknowledgedWrite) {
			return fmt.Errorf("monorail: %d of %d writes were sent again: %w", i, len(writes), err)
		}
	}
	return nil
}

// replayOf returns the driver's operation that sends a write once more.
func (c *Client) replayOf(w UnconfirmedWrite) (op driver.Operation, err error) {
	database, collection, _ := strings.Cut(w.Namespace, ".")
	if database == "" || w.Command == "" {
		return op, errors.New("it has no namespace or no command")
	}
	if err := w.Statement.Validate(); err != nil {
		return op, fmt.Errorf("its statement is no document: %w", err)
	}
	if w.Options != nil {
		if err := w.Options.Validate(); err != nil {
			return op, fmt.Errorf("its options are no document: %w", err)
		}
	}
	sequence, ofStatements := statementSequences[w.Command]
	if ofStatements && collection == "" {
		return op, errors.New("its namespace names no collection")
	}
	return driver.Operation{
		CommandFn: func(dst []byte, _ description.SelectedServer) ([]byte, error) {
			if !ofStatements {
				return append(dst, elementsOf(w.Statement)...), nil
			}
			dst = bsoncore.AppendStringElement(dst, w.Command, collection)
			if w.Options != nil {
				dst = append(dst, elementsOf(w.Options)...)
			}
			statements := bsoncore.NewArrayBuilder().AppendDocument(bsoncore.Document(w.Statement)).Build()
			return bsoncore.AppendArrayElement(dst, sequence, statements), nil
		},
		Name:           w.Command,
		Database:       database,
		Deployment:     c.deployment,
		Selector:       c.writableSelector,
		Type:           driver.Write,
		WriteConcern:   writeconcern.Unacknowledged(),
		CommandMonitor: c.monitor,
		ServerAPI:      c.serverAPI,
		Timeout:        c.timeout,
	}, nil
}

// elementsOf returns the elements of a document, without its length and its end.
func elementsOf(document []byte) []byte { return document[4 : len(document)-1] }
