package command

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

const (
	// maxStatements is maxWriteBatchSize.
	maxStatements = 100000
	// maxDocument is the size of the largest document that may be stored: maxBsonObjectSize.
	maxDocument = 16 << 20
	// maxInternal is the size of the largest document that the server handles at all.
	maxInternal = maxDocument + 16<<10
	// codeResultTooLarge and codeUpsertTooLarge have no names.
	codeResultTooLarge = 17419
	codeUpsertTooLarge = 17420
	// maxErrorText bounds the texts of write errors: beyond this many bytes together,
	// further texts are left empty, so that the reply fits into a document.
	maxErrorText = 10 << 20
)

// batch is what the write commands have in common: the statements and their order.
type batch struct {
	// statements are the elements of documents, updates or deletes; they belong to the request.
	statements []bson.Raw
	// ordered: the first statement that fails is the last that is executed.
	ordered bool
	// collection is the name of the collection.
	collection string
}

// parseBatch reads the fields that insert, update and delete share. field is the name of the
// array of statements.
func parseBatch(r *Request, field string) (*batch, error) {
	b := &batch{ordered: true}
	var err error
	if b.collection, err = collectionName(r); err != nil {
		return nil, err
	}
	if err := checkWritable(r.Database, b.collection); err != nil {
		return nil, err
	}
	given := false
	err = eachField(r, func(key string, v bson.RawValue) (bool, error) {
		switch key {
		case r.Name:
		case field:
			given = true
			b.statements, err = statements(v, r.Name, field)
			return true, err
		case "ordered":
			if !present(v) {
				return true, nil
			}
			b.ordered, err = boolean(v, r.Name+".ordered")
			return true, err
		case "bypassDocumentValidation":
			r.unchecked, err = loose(v, r.Name+".bypassDocumentValidation")
			return true, err
		default:
			return false, nil
		}
		return true, nil
	}, nil)
	if err != nil {
		return nil, err
	}
	if sequence, ok := r.Sequences[field]; ok {
		b.statements, given = sequence, true
	}
	if !given {
		return nil, missingField(r.Name + "." + field)
	}
	// A statement that fails ends the transaction, and with it the batch.
	b.ordered = b.ordered || r.transaction != nil
	if n := len(b.statements); n == 0 || n > maxStatements {
		return nil, mongoerror.New(mongoerror.InvalidLength,
			"Write batch sizes must be between 1 and %d. Got %d operations.", maxStatements, n)
	}
	for _, s := range b.statements {
		if len(s) > maxInternal {
			return nil, tooLarge(len(s))
		}
	}
	return b, nil
}

// codeBufferFull is the code of a document that the server's buffers do not hold.
const codeBufferFull = 13548

// tooLargeWith is tooLarge for a document that is at hand: the message shows its first field.
func tooLargeWith(size int, d bson.D) error {
	err := tooLarge(size)
	var e *mongoerror.Error
	if len(d) > 0 && errors.As(err, &e) {
		e.Message += " First element: " + d[0].Key + ": " + bsonvalue.Format(d[0].Value)
	}
	return err
}

func tooLarge(size int) error {
	if size > bsonvalue.MaxEncoded {
		return mongoerror.New(codeBufferFull, "BufBuilder attempted to grow() to %d bytes, past the 64MB limit.", size)
	}
	return mongoerror.New(mongoerror.BSONObjectTooLarge,
		"BSONObj size: %d (0x%X) is invalid. Size must be between 0 and %d(16MB)", size, size, maxInternal)
}

// statements reads an array of documents. Null elements count as absent.
func statements(v bson.RawValue, parser, field string) ([]bson.Raw, error) {
	array, ok := v.ArrayOK()
	if d, isDocument := v.DocumentOK(); isDocument && len(d) == 5 {
		// An empty document counts as an empty array.
		return nil, nil
	}
	if !ok {
		return nil, mongoerror.New(codeExpectedObject, "invalid parameter: expected an object (%s)", field)
	}
	values, err := array.Values()
	if err != nil {
		return nil, mongoerror.New(mongoerror.InvalidBSON, "invalid array of statements")
	}
	out := make([]bson.Raw, 0, len(values))
	for i, e := range values {
		if e.Type == bson.TypeNull || e.Type == bson.TypeUndefined {
			continue
		}
		d, ok := e.DocumentOK()
		if !ok {
			return nil, wrongType(fmt.Sprintf("%s.%s.%d", parser, field, i), e.Type, "object")
		}
		out = append(out, d)
	}
	return out, nil
}

// run executes the statements one after the other and returns the writeErrors: a failed
// statement ends an ordered batch. An error of do that is fatal ends the command, and so does one
// for which the transaction can be tried again.
func (b *batch) run(s *State, r *Request, n int, do func(i int) error) (bson.A, error) {
	r.attempted = true
	var failed bson.A
	text := 0
	for i := range n {
		s.Counters.Operations.countStatement(r.Name)
		err := do(i)
		if err == nil {
			continue
		}
		var fatal *fatalError
		if errors.As(err, &fatal) {
			return nil, fatal.cause
		}
		e := asMongoError(err)
		if r.transaction != nil && isTransient(e.Code, false) {
			return nil, e
		}
		message := e.Message
		if text += len(message); text > maxErrorText {
			message = ""
		}
		entry := bson.D{{Key: "index", Value: int32(i)}, {Key: "code", Value: e.Code}}
		entry = append(append(entry, e.Fields...), bson.E{Key: "errmsg", Value: message})
		failed = append(failed, entry)
		if b.ordered {
			break
		}
	}
	return failed, nil
}

// fatalError is an error of a statement that ends the whole command with ok: 0.
type fatalError struct{ cause error }

func (f *fatalError) Error() string { return f.cause.Error() }

func (f *fatalError) Unwrap() error { return f.cause }

// write runs fn on a collection locked for writing. A collection that is missing is made if
// create is set; else fn is called with nil. A collection that is dropped meanwhile counts as
// missing. Where an open transaction is in the way, it waits for its end and runs fn again. i is the
// number of the statement within its command.
func write(ctx context.Context, s *State, r *Request, i int, name string, create bool, fn func(c *store.Collection, w *store.Writer) error) error {
	return patiently(ctx, r, func() error { return writeOnce(s, r, i, name, create, fn) })
}

// patiently makes a change, again and again while open transactions are in the way: it waits for their
// ends. If ctx is done first, the error is fatal.
func patiently(ctx context.Context, r *Request, change func() error) error {
	r.attempted = true
	for {
		err := change()
		var conflict *store.Conflict
		if err == nil || !errors.As(err, &conflict) {
			return err
		}
		if err := r.await(ctx, conflict.With.Ended()); err != nil {
			return &fatalError{err}
		}
	}
}

// await waits for a channel to be closed. The error is that of ctx, or of a client that is gone.
func (r *Request) await(ctx context.Context, closed <-chan struct{}) error {
	ctx, cancel := r.waiting(ctx)
	defer cancel()
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func writeOnce(s *State, r *Request, i int, name string, create bool, fn func(c *store.Collection, w *store.Writer) error) error {
	database, data := r.Database, s.data(r)
	for {
		if err := s.checkStatement(database, name); err != nil {
			return err
		}
		c := data.Collection(database, name)
		if c != nil && r.transaction != nil && c.Options().Capped {
			return mongoerror.New(mongoerror.OperationNotSupportedInTransaction,
				"Collection '%s' is a capped collection. Writes in transactions are not allowed on capped collections.", c.Namespace())
		}
		if c == nil {
			if err := s.checkNoView(r, name); err != nil {
				return err
			}
			if !create {
				return fn(nil, nil)
			}
			var err error
			if c, _, err = data.Open(database, name); err != nil {
				return err
			}
		}
		err := c.WriteStatement(r.statement(i), func(w *store.Writer) error {
			if r.unchecked {
				w.SkipValidation()
			}
			return fn(c, w)
		})
		if !errors.Is(err, store.ErrDropped) {
			return err
		}
	}
}

// encodeStored encodes a document that is about to be stored. code is that of the error for a
// document over the limit, whose text begins with what.
func encodeStored(d bson.D, code int32, what string) (bson.Raw, error) {
	raw := bsonvalue.Encode(d)
	switch {
	case len(raw) > maxInternal:
		return nil, tooLargeWith(len(raw), d)
	case len(raw) > maxDocument:
		return nil, mongoerror.New(code, "%s larger than %d", what, maxDocument)
	}
	return raw, nil
}
