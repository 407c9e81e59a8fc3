package command

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/cursor"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"go.mongodb.org/mongo-driver/bson"
)

// Codes without a name: a cursor read from a session, or in a transaction, that did not open it.
const (
	codeCursorWithoutSession   = 50736
	codeSessionCursorNoSession = 50737
	codeSessionCursorOther     = 50738

	codeCursorWithoutTransaction = 50739
	codeTransactionCursorOutside = 50740
	codeTransactionCursorOther   = 50741
)

// getMore reads on from a cursor. The cursor ends with its last batch, and with an error of its source.
func getMore(ctx context.Context, s *State, r *Request) (bson.D, error) {
	id, namespace, batch, err := parseGetMore(r)
	if err != nil {
		return nil, err
	}
	c, err := s.Cursors.CheckOut(id, s.Mongos.service(r.Conn))
	if err != nil {
		return nil, err
	}
	if err := checkGetMore(r, c, namespace); err != nil {
		s.Cursors.CheckIn(c, false)
		return nil, err
	}
	docs, exhausted, err := r.read(ctx, c, batch)
	token := resumeToken(c.Source)
	open := s.Cursors.CheckIn(c, exhausted || err != nil)
	if err != nil {
		r.resumable = token != nil
		return nil, err
	}
	if !open {
		id = 0
	}
	return resumableReply("nextBatch", docs, token, id, c.Namespace), nil
}

// awaitTime is how long a getMore waits for documents where it does not say.
const awaitTime = time.Second

// codeCursorKilled is CursorKilled.
const codeCursorKilled = 237

// read takes the next batch of a cursor, and waits for one that is not empty if the cursor is to wait.
func (r *Request) read(ctx context.Context, c *cursor.Cursor, batch int) (docs []bson.Raw, exhausted bool, err error) {
	if b, ok := c.Source.(cursor.Bounded); ok {
		b.Within(ctx)
	}
	growing, ok := c.Source.(cursor.Growing)
	if !ok || !c.AwaitData {
		return c.Source.Next(batch, maxBatchBytes)
	}
	limit := awaitTime
	if n, ok := asFloat(r.Body.Lookup("maxTimeMS")); ok {
		limit = time.Duration(n) * time.Millisecond
	}
	over := time.NewTimer(limit)
	defer over.Stop()
	waiting, cancel := r.waiting(ctx)
	defer cancel()
	for {
		grown := growing.Grown()
		if docs, exhausted, err = c.Source.Next(batch, maxBatchBytes); err != nil || exhausted || len(docs) > 0 {
			return docs, exhausted, err
		}
		select {
		case <-grown:
		case <-over.C:
			return nil, false, nil
		case <-c.Killed():
			return nil, false, mongoerror.New(codeCursorKilled, "cursor was killed")
		case <-waiting.Done():
			if errors.Is(waiting.Err(), context.DeadlineExceeded) {
				return nil, false, nil // the limit is that of the command, too
			}
			return nil, false, waiting.Err()
		}
	}
}

// parseGetMore checks the fields of a getMore by themselves.
func parseGetMore(r *Request) (id int64, namespace string, batch int, err error) {
	elems, err := r.Body.Elements()
	if err != nil {
		return 0, "", 0, mongoerror.New(mongoerror.InvalidBSON, "invalid command document")
	}
	batch = unlimitedBatch
	var collection string
	found := false
	for _, e := range elems {
		v := e.Value()
		switch key := e.Key(); key {
		case "getMore":
			if v.Type != bson.TypeInt64 {
				return 0, "", 0, fieldType(r, key, "must be of type long")
			}
			id = v.Int64()
		case "collection":
			var ok bool
			if collection, ok = v.StringValueOK(); !ok {
				return 0, "", 0, fieldType(r, key, "must be of type string")
			}
			found = true
		case "batchSize":
			n, ok := asFloat(v)
			if !ok {
				return 0, "", 0, fieldType(r, key, "must be a number")
			}
			if n < 1 {
				return 0, "", 0, mongoerror.New(mongoerror.BadValue,
					"Batch size for getMore must be positive, but received: %.0f", math.Trunc(n))
			}
			batch = int(min(n, unlimitedBatch))
		case "term", "lastKnownCommittedOpTime":
			// Fields of replication.
		default:
			if !isGenericArgument(key) {
				return 0, "", 0, mongoerror.New(mongoerror.FailedToParse,
					"Failed to parse: %s. Unrecognized field '%s'.", bodyText(r), key)
			}
		}
	}
	switch {
	case !found:
		return 0, "", 0, mongoerror.New(mongoerror.FailedToParse, "Field 'collection' missing in: %s", bodyText(r))
	case collection == "":
		return 0, "", 0, mongoerror.New(mongoerror.InvalidNamespace, "Invalid namespace for getMore: %s.", r.Database)
	case id == 0:
		return 0, "", 0, mongoerror.New(mongoerror.BadValue, "Cursor id for getMore must be non-zero")
	}
	return id, r.Database + "." + collection, batch, nil
}

func fieldType(r *Request, field, want string) error {
	return mongoerror.New(mongoerror.TypeMismatch, "Field '%s' %s in: %s", field, want, bodyText(r))
}

// checkGetMore checks a getMore against its cursor: the namespace, the session, and whether it may wait.
func checkGetMore(r *Request, c *cursor.Cursor, namespace string) error {
	if namespace != c.Namespace {
		return mongoerror.New(mongoerror.Unauthorized,
			"Requested getMore on namespace '%s', but cursor belongs to a different namespace %s", namespace, c.Namespace)
	}
	session := sessionOf(r)
	switch {
	case c.Session == session:
	case c.Session == "":
		return mongoerror.New(codeCursorWithoutSession,
			"Cannot run getMore on cursor %d, which was not created in a session, in session %s", c.ID, session)
	case session == "":
		return mongoerror.New(codeSessionCursorNoSession,
			"Cannot run getMore on cursor %d, which was created in session %s, without an lsid", c.ID, c.Session)
	default:
		return mongoerror.New(codeSessionCursorOther,
			"Cannot run getMore on cursor %d, which was created in session %s, in session %s", c.ID, c.Session, session)
	}
	switch {
	case c.Transaction && r.transaction == nil:
		return mongoerror.New(codeTransactionCursorOutside,
			"Cannot run getMore on cursor %d, which was created in transaction %d, without a txnNumber", c.ID, c.Number)
	case !c.Transaction && r.transaction != nil:
		return mongoerror.New(codeCursorWithoutTransaction,
			"Cannot run getMore on cursor %d, which was not created in a transaction, in transaction %d", c.ID, r.number)
	case c.Number != r.number:
		return mongoerror.New(codeTransactionCursorOther,
			"Cannot run getMore on cursor %d, which was created in transaction %d, in transaction %d", c.ID, c.Number, r.number)
	}
	if r.Body.Lookup("maxTimeMS").Type != 0 && !c.AwaitData {
		return mongoerror.New(mongoerror.BadValue, "cannot set maxTimeMS on getMore command for a non-awaitData cursor")
	}
	return nil
}
