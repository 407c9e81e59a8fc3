package monorail

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail/internal/lane"
)

// bulkWriteDefaults is what the driver applies before the options of a bulk write.
var bulkWriteDefaults = []options.Lister[options.BulkWriteOptions]{options.BulkWrite()}

// BulkWrite performs the models in the driver's grouping: neighbours of one kind are one command where
// it is ordered, all of one kind where it is not. Of an ordered bulk write, what comes before the
// command with a rejected model is sent, and nothing behind it. Of an unordered one every other
// command is sent, and the error is that of the last command with a rejected model. (The driver's own
// unacknowledged one forgets such an error if the last command is good.)
func (u *UnacknowledgedCollection) BulkWrite(ctx context.Context, models []mongo.WriteModel, opts ...options.Lister[options.BulkWriteOptions]) error {
	w, err := u.begin(ctx)
	if err != nil {
		return err
	}
	opts = append([]options.Lister[options.BulkWriteOptions](nil), opts...)
	plain := func(models []mongo.WriteModel) error {
		_, err := u.plain().BulkWrite(ctx, models, opts...)
		return err
	}
	if w == nil {
		return plain(models)
	}
	// Not deferred: where a user's marshaler panics, the encoder is not fit to be used again.
	err = w.bulkWrite(models, opts, plain)
	w.release()
	return err
}

// bulkWrite sends the commands of a bulk write, and has plain perform what is the driver's.
func (w *laneWrite) bulkWrite(models []mongo.WriteModel, opts []options.Lister[options.BulkWriteOptions],
	plain func([]mongo.WriteModel) error,
) error {
	args := &w.args.bulkWrite
	defer forget(args)
	if len(models) == 0 || !w.bulkWriteOptions(opts) {
		return plain(models)
	}
	ordered := args.Ordered == nil || *args.Ordered
	runs, err := lane.Runs(models, ordered)
	if err != nil {
		return plain(models)
	}
	w.command.BypassDocumentValidation = args.BypassDocumentValidation != nil && *args.BypassDocumentValidation
	w.several = true
	w.command.Comment, w.command.Ordered, w.command.Let = args.Comment, args.Ordered, args.Let
	var last error
	for _, run := range runs {
		w.command.Operation = run.Operation
		err := w.appendModels(run.Models)
		if err == nil {
			err = w.hold()
		}
		if errors.Is(err, lane.ErrRefused) || errors.Is(err, errForDriver) {
			err = plain(run.Models) // the driver's error is the user's
		}
		if err != nil && ordered {
			return err
		}
		if err != nil {
			last = err
		}
	}
	return last
}

// appendModels encodes one command of a bulk write.
func (w *laneWrite) appendModels(models []mongo.WriteModel) error {
	if err := w.encoder.Begin(&w.command); err != nil {
		return err
	}
	for _, model := range models {
		if err := w.encoder.AppendModel(model); err != nil {
			return err
		}
	}
	return nil
}
