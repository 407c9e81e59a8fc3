package monorail

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
)

// laneReply is the reply that command monitors see for a write that has none: {ok: 1}.
var laneReply = bson.Raw("\x0d\x00\x00\x00" + "\x10ok\x00\x01\x00\x00\x00" + "\x00")

// publishStarted tells the command monitor of a message that is about to be held, and returns the
// time from which its duration counts.
func (w *laneWrite) publishStarted(ctx context.Context, h *handle, message []byte) time.Time {
	if w.client.monitor.Started != nil {
		w.client.monitor.Started(ctx, &event.CommandStartedEvent{
			Command:            w.encoder.AppendCommand(nil, message),
			DatabaseName:       w.command.Database,
			CommandName:        w.encoder.Operation().String(),
			RequestID:          int64(w.encoder.RequestID()),
			ConnectionID:       h.ID(),
			ServerConnectionID: h.ServerConnectionID(),
			ServiceID:          h.pin.description.ServiceID,
		})
	}
	return time.Now()
}

// publishFinished tells the command monitor that a message has been held or sent, or why not.
func (w *laneWrite) publishFinished(ctx context.Context, h *handle, started time.Time, err error) {
	finished := event.CommandFinishedEvent{
		Duration:           time.Since(started),
		CommandName:        w.encoder.Operation().String(),
		DatabaseName:       w.command.Database,
		RequestID:          int64(w.encoder.RequestID()),
		ConnectionID:       h.ID(),
		ServerConnectionID: h.ServerConnectionID(),
		ServiceID:          h.pin.description.ServiceID,
	}
	monitor := w.client.monitor
	switch {
	case err == nil && monitor.Succeeded != nil:
		reply := append(bson.Raw(nil), laneReply...) // the monitor's to keep
		monitor.Succeeded(ctx, &event.CommandSucceededEvent{CommandFinishedEvent: finished, Reply: reply})
	case err != nil && monitor.Failed != nil:
		failure := driver.Error{
			Message: err.Error(),
			Labels:  []string{driver.TransientTransactionError, driver.NetworkError},
			Wrapped: err,
		}
		monitor.Failed(ctx, &event.CommandFailedEvent{CommandFinishedEvent: finished, Failure: failure})
	}
}
