package lane

import (
	"context"
	"errors"
	"fmt"
	"io"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// write is one call of a method of a collection, which both the driver and the lane can perform.
// Fields that are nil stand for options that are not given.
type write struct {
	method    string
	documents []any // InsertOne takes the first
	filter    any
	update    any
	models    []mongo.WriteModel

	bypass       *bool
	comment      any
	ordered      *bool
	let          any
	sort         any
	arrayFilters []any
	collation    *options.Collation
	upsert       *bool
	hint         any
}

func (w *write) String() string {
	return fmt.Sprintf("%s(documents %v, filter %v, update %v, models %v; bypass %v, comment %v, ordered %v, let %v, sort %v, filters %v, collation %v, upsert %v, hint %v)",
		w.method, w.documents, w.filter, w.update, w.models, w.bypass, w.comment, w.ordered, w.let, w.sort,
		w.arrayFilters, w.collation, w.upsert, w.hint)
}

// driver performs the call on a collection of the plain driver. That it panics, as it does for some
// malformed values, is an error too: a caller who is refused by the lane gets the same.
func (w *write) driver(ctx context.Context, coll *mongo.Collection) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v", reason)
		}
	}()
	switch w.method {
	case "InsertOne":
		_, err = coll.InsertOne(ctx, w.documents[0], set(func(o *options.InsertOneOptions) {
			o.BypassDocumentValidation, o.Comment = w.bypass, w.comment
		}))
	case "InsertMany":
		_, err = coll.InsertMany(ctx, w.documents, set(func(o *options.InsertManyOptions) {
			o.BypassDocumentValidation, o.Comment, o.Ordered = w.bypass, w.comment, w.ordered
		}))
	case "UpdateOne":
		_, err = coll.UpdateOne(ctx, w.filter, w.update, set(w.updateOneOptions))
	case "UpdateByID":
		_, err = coll.UpdateByID(ctx, w.filter, w.update, set(w.updateOneOptions))
	case "UpdateMany":
		_, err = coll.UpdateMany(ctx, w.filter, w.update, set(func(o *options.UpdateManyOptions) {
			o.BypassDocumentValidation, o.Comment, o.Let, o.Hint = w.bypass, w.comment, w.let, w.hint
			o.ArrayFilters, o.Collation, o.Upsert = w.arrayFilters, w.collation, w.upsert
		}))
	case "ReplaceOne":
		_, err = coll.ReplaceOne(ctx, w.filter, w.update, set(func(o *options.ReplaceOptions) {
			o.BypassDocumentValidation, o.Comment, o.Let, o.Hint = w.bypass, w.comment, w.let, w.hint
			o.Sort, o.Collation, o.Upsert = w.sort, w.collation, w.upsert
		}))
	case "DeleteOne":
		_, err = coll.DeleteOne(ctx, w.filter, set(func(o *options.DeleteOneOptions) {
			o.Comment, o.Let, o.Hint, o.Collation = w.comment, w.let, w.hint, w.collation
		}))
	case "DeleteMany":
		_, err = coll.DeleteMany(ctx, w.filter, set(func(o *options.DeleteManyOptions) {
			o.Comment, o.Let, o.Hint, o.Collation = w.comment, w.let, w.hint, w.collation
		}))
	case "BulkWrite":
		_, err = coll.BulkWrite(ctx, w.models, set(func(o *options.BulkWriteOptions) {
			o.BypassDocumentValidation, o.Comment, o.Ordered, o.Let = w.bypass, w.comment, w.ordered, w.let
		}))
	default:
		panic(w.method)
	}
	return err
}

func (w *write) updateOneOptions(o *options.UpdateOneOptions) {
	o.BypassDocumentValidation, o.Comment, o.Let, o.Hint = w.bypass, w.comment, w.let, w.hint
	o.ArrayFilters, o.Collation, o.Upsert, o.Sort = w.arrayFilters, w.collation, w.upsert, w.sort
}

// lister makes a function an option of the driver.
type lister[T any] struct{ set func(*T) }

func set[T any](f func(*T)) options.Lister[T] { return &lister[T]{f} }

func (l *lister[T]) List() []func(*T) error {
	return []func(*T) error{func(args *T) error { l.set(args); return nil }}
}

// lane performs the call with an encoder and returns the messages. Base has the fields of the
// command that do not come from the call.
func (w *write) lane(e *Encoder, base Command, limits Limits) ([][]byte, error) {
	ordered := true
	base.Comment, base.Ordered, base.Let = w.comment, &ordered, w.let
	base.BypassDocumentValidation = w.bypass != nil && *w.bypass
	switch w.method {
	case "InsertOne", "InsertMany":
		if len(w.documents) == 0 {
			return nil, refuse("no documents")
		}
		base.Operation = Insert
		documents := w.documents
		switch {
		case w.method == "InsertOne":
			documents = documents[:1]
		case w.ordered != nil:
			base.Ordered = w.ordered
		}
		return w.run(e, &base, limits, func() error {
			for _, document := range documents {
				if err := e.AppendInsert(document); err != nil {
					return err
				}
			}
			return nil
		})
	case "DeleteOne", "DeleteMany":
		base.Operation = Delete
		return w.run(e, &base, limits, func() error {
			return e.AppendDelete(&DeleteStatement{
				Filter: w.filter, Many: w.method == "DeleteMany", Collation: w.collation, Hint: w.hint,
			})
		})
	case "BulkWrite":
		base.Ordered = w.ordered
		return w.bulk(e, base, limits)
	}
	base.Operation = Update
	return w.run(e, &base, limits, func() error {
		s := UpdateStatement{
			Filter: w.filter, Update: w.update, Multi: w.method == "UpdateMany", Sort: w.sort,
			ArrayFilters: w.arrayFilters, Collation: w.collation, Upsert: w.upsert, Hint: w.hint,
		}
		switch w.method {
		case "UpdateByID":
			if w.filter == nil {
				return refuse("nil id")
			}
			s.Filter = e.IDFilter(w.filter)
		case "UpdateMany":
			s.Sort = nil
		case "ReplaceOne":
			s.Kind, s.ArrayFilters = Replacement, nil
		}
		return e.AppendUpdate(&s)
	})
}

func (w *write) bulk(e *Encoder, base Command, limits Limits) ([][]byte, error) {
	if len(w.models) == 0 {
		return nil, refuse("no models")
	}
	runs, err := Runs(w.models, w.ordered == nil || *w.ordered)
	if err != nil {
		return nil, err
	}
	var messages [][]byte
	var lastErr error
	for _, run := range runs {
		base.Operation = run.Operation
		more, err := w.run(e, &base, limits, func() error {
			for _, model := range run.Models {
				if err := e.AppendModel(model); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			lastErr = err
			if w.ordered == nil || *w.ordered {
				break
			}
			continue
		}
		messages = append(messages, more...)
	}
	return messages, lastErr
}

// run encodes one command and returns copies of its messages.
func (w *write) run(e *Encoder, c *Command, limits Limits, appendStatements func() error) ([][]byte, error) {
	if err := e.Begin(c); err != nil {
		return nil, err
	}
	if err := appendStatements(); err != nil {
		return nil, err
	}
	if err := e.CheckSizes(limits); err != nil {
		return nil, err
	}
	var messages [][]byte
	for {
		message, _, err := e.Next(limits)
		if errors.Is(err, io.EOF) {
			return messages, nil
		}
		if err != nil {
			return messages, err
		}
		messages = append(messages, append([]byte(nil), message...))
	}
}
