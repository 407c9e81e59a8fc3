package monorail

// The field Internal of the driver's options is deprecated for setting it; that it is set has to be
// seen, since only the driver understands what is in it.
//lint:file-ignore SA1019 see above

import (
	"reflect"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail/internal/lane"
)

// laneOptions are the driver's options of one write. The setters get pointers to them, so on their
// own they would be allocated for every write.
type laneOptions struct {
	insertOne  options.InsertOneOptions
	insertMany options.InsertManyOptions
	updateOne  options.UpdateOneOptions
	updateMany options.UpdateManyOptions
	replace    options.ReplaceOptions
	deleteOne  options.DeleteOneOptions
	deleteMany options.DeleteManyOptions
	bulkWrite  options.BulkWriteOptions
}

// applyOptions applies the driver's options in their order; nil ones count for nothing. It tells
// false when one of them fails, whose error is then the driver's to report.
func applyOptions[T any](args *T, opts []options.Lister[T]) bool {
	for _, lister := range opts {
		if lister == nil {
			continue
		}
		if v := reflect.ValueOf(lister); v.Kind() == reflect.Pointer && v.IsNil() {
			continue
		}
		for _, set := range lister.List() {
			if set != nil && set(args) != nil {
				return false
			}
		}
	}
	return true
}

// forget clears the options of a write that is encoded: they hold values of the user's.
func forget[T any](args *T) {
	var none T
	*args = none
}

// The methods below encode a call. Where the encoder refuses it, or it has options that only the
// driver understands (those of package xoptions), they set w.refused.

func (w *laneWrite) insertOne(document any, opts []options.Lister[options.InsertOneOptions]) {
	args := &w.args.insertOne
	defer forget(args)
	if !applyOptions(args, opts) || args.Internal != (options.InsertOneOptions{}).Internal {
		w.refused = lane.ErrRefused
		return
	}
	w.command.Comment = args.Comment
	w.encode(lane.Insert, args.BypassDocumentValidation, func(e *lane.Encoder) error { return e.AppendInsert(document) })
}

func (w *laneWrite) insertMany(documents any, opts []options.Lister[options.InsertManyOptions]) {
	args := &w.args.insertMany
	defer forget(args)
	elements := reflect.ValueOf(documents)
	if !applyOptions(args, opts) || args.Internal != (options.InsertManyOptions{}).Internal ||
		elements.Kind() != reflect.Slice || elements.Len() == 0 {
		w.refused = lane.ErrRefused
		return
	}
	w.command.Comment = args.Comment
	if args.Ordered != nil {
		w.command.Ordered = args.Ordered
	}
	w.several = true
	w.encode(lane.Insert, args.BypassDocumentValidation, func(e *lane.Encoder) error {
		for i := range elements.Len() {
			if err := e.AppendInsert(elements.Index(i).Interface()); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *laneWrite) updateOne(filter, update any, opts []options.Lister[options.UpdateOneOptions]) {
	args := &w.args.updateOne
	defer forget(args)
	if !applyOptions(args, opts) || args.Internal != (options.UpdateOneOptions{}).Internal {
		w.refused = lane.ErrRefused
		return
	}
	w.command.Comment, w.command.Let = args.Comment, args.Let
	w.encode(lane.Update, args.BypassDocumentValidation, func(e *lane.Encoder) error {
		return e.AppendUpdate(&lane.UpdateStatement{
			Filter: filter, Update: update, Kind: lane.Operators, Sort: args.Sort,
			ArrayFilters: args.ArrayFilters, Collation: args.Collation, Upsert: args.Upsert, Hint: args.Hint,
		})
	})
}

func (w *laneWrite) updateByID(id, update any, opts []options.Lister[options.UpdateOneOptions]) {
	if id == nil {
		w.refused = lane.ErrRefused
		return
	}
	w.updateOne(w.encoder.IDFilter(id), update, opts)
}

func (w *laneWrite) updateMany(filter, update any, opts []options.Lister[options.UpdateManyOptions]) {
	args := &w.args.updateMany
	defer forget(args)
	if !applyOptions(args, opts) || args.Internal != (options.UpdateManyOptions{}).Internal {
		w.refused = lane.ErrRefused
		return
	}
	w.command.Comment, w.command.Let = args.Comment, args.Let
	w.encode(lane.Update, args.BypassDocumentValidation, func(e *lane.Encoder) error {
		return e.AppendUpdate(&lane.UpdateStatement{
			Filter: filter, Update: update, Kind: lane.Operators, Multi: true,
			ArrayFilters: args.ArrayFilters, Collation: args.Collation, Upsert: args.Upsert, Hint: args.Hint,
		})
	})
}

func (w *laneWrite) replaceOne(filter, replacement any, opts []options.Lister[options.ReplaceOptions]) {
	args := &w.args.replace
	defer forget(args)
	if !applyOptions(args, opts) || args.Internal != (options.ReplaceOptions{}).Internal {
		w.refused = lane.ErrRefused
		return
	}
	w.command.Comment, w.command.Let = args.Comment, args.Let
	w.encode(lane.Update, args.BypassDocumentValidation, func(e *lane.Encoder) error {
		return e.AppendUpdate(&lane.UpdateStatement{
			Filter: filter, Update: replacement, Kind: lane.Replacement, Sort: args.Sort,
			Collation: args.Collation, Upsert: args.Upsert, Hint: args.Hint,
		})
	})
}

func (w *laneWrite) deleteOne(filter any, opts []options.Lister[options.DeleteOneOptions]) {
	args := &w.args.deleteOne
	defer forget(args)
	if !applyOptions(args, opts) || args.Internal != (options.DeleteOneOptions{}).Internal {
		w.refused = lane.ErrRefused
		return
	}
	w.command.Comment, w.command.Let = args.Comment, args.Let
	w.encode(lane.Delete, nil, func(e *lane.Encoder) error {
		return e.AppendDelete(&lane.DeleteStatement{Filter: filter, Collation: args.Collation, Hint: args.Hint})
	})
}

func (w *laneWrite) deleteMany(filter any, opts []options.Lister[options.DeleteManyOptions]) {
	args := &w.args.deleteMany
	defer forget(args)
	if !applyOptions(args, opts) || args.Internal != (options.DeleteManyOptions{}).Internal {
		w.refused = lane.ErrRefused
		return
	}
	w.command.Comment, w.command.Let = args.Comment, args.Let
	w.encode(lane.Delete, nil, func(e *lane.Encoder) error {
		return e.AppendDelete(&lane.DeleteStatement{Filter: filter, Many: true, Collation: args.Collation, Hint: args.Hint})
	})
}

// bulkWriteOptions applies the options of a bulk write, and tells false where they are the driver's.
func (w *laneWrite) bulkWriteOptions(opts []options.Lister[options.BulkWriteOptions]) bool {
	args := &w.args.bulkWrite
	return applyOptions(args, bulkWriteDefaults) && applyOptions(args, opts) && args.Internal == (options.BulkWriteOptions{}).Internal
}

// encode encodes one command; appendStatements appends what it is made of.
func (w *laneWrite) encode(operation lane.Operation, bypass *bool, appendStatements func(*lane.Encoder) error) {
	w.command.Operation = operation
	w.command.BypassDocumentValidation = bypass != nil && *bypass
	if w.refused = w.encoder.Begin(&w.command); w.refused == nil {
		w.refused = appendStatements(w.encoder)
	}
}
