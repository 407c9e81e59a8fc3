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
		w.event(h).started(ctx, w.encoder.AppendCommand(nil, message))
	}
	return time.Now()
}

// publishFinished tells the command monitor that a message has been held or sent, or why not.
func (w *laneWrite) publishFinished(ctx context.Context, h *handle, started time.Time, err error) {
	w.event(h).finished(ctx, time.Since(started), err)
}

// event is of the message that the encoder gave last.
func (w *laneWrite) event(h *handle) commandEvent {
	return commandEvent{w.client, h.pin, w.command.Database, w.encoder.Operation().String(), w.encoder.RequestID()}
}

// commandEvent is what the events of an unacknowledged command have in common.
type commandEvent struct {
	client         *Client
	pin            *pin
	database, name string
	requestID      int32
}

func (e commandEvent) started(ctx context.Context, command bson.Raw) {
	e.client.monitor.Started(ctx, &event.CommandStartedEvent{
		Command:            command,
		DatabaseName:       e.database,
		CommandName:        e.name,
		RequestID:          int64(e.requestID),
		ConnectionID:       e.pin.id,
		ServerConnectionID: e.pin.serverConnectionID,
		ServiceID:          e.pin.description.ServiceID,
	})
}

func (e commandEvent) finished(ctx context.Context, took time.Duration, err error) {
	finished := event.CommandFinishedEvent{
		Duration:           took,
		CommandName:        e.name,
		DatabaseName:       e.database,
		RequestID:          int64(e.requestID),
		ConnectionID:       e.pin.id,
		ServerConnectionID: e.pin.serverConnectionID,
		ServiceID:          e.pin.description.ServiceID,
	}
	monitor := e.client.monitor
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
