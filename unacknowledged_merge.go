package monorail

import (
	"context"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/description"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/mongo-monorail/monorail/internal/lane"
	"github.com/mongo-monorail/monorail/internal/outbox"
	"github.com/mongo-monorail/monorail/internal/wire"
)

// throughMongos tells whether what the connection leads to is, or may be, a mongos.
func (p *pin) throughMongos() bool {
	for _, kind := range []description.ServerKind{p.kind, p.description.Kind} {
		if kind == description.ServerKindMongos || kind == description.ServerKindLoadBalancer {
			return true
		}
	}
	return false
}

// company returns which messages the statements of a message of this call may join.
func (w *laneWrite) company(message []byte, limits lane.Limits) lane.Company {
	if w.several && (w.command.Ordered == nil || *w.command.Ordered) {
		return lane.Alone
	}
	return w.encoder.Company(message, limits)
}

// joinMessage is holdMessage for a message that may have that company. The command monitor is told when
// nothing can join it any more, and here only of one that was not queued.
func (w *laneWrite) joinMessage(ctx context.Context, h *handle, message []byte, statements int, company lane.Company) error {
	layout, limits := w.encoder.Layout(), h.pin.limits
	batch := outbox.Batch{
		CommandEnd: layout.CommandEnd, Ordered: layout.Ordered, Sequence: layout.Sequence,
		Kind: uint8(company), Statements: layout.Statements, Count: statements,
		MaxSize: limits.MessageSize, MaxCount: limits.BatchCount,
	}
	queued, err := h.join(ctx, message, &batch)
	if !queued && w.client.monitor != nil {
		w.publishFinished(ctx, h, w.publishStarted(ctx, h, message), err)
	}
	return err
}

// tellMerged tells the command monitor of the merged writes that an operation is about to follow, so
// that it hears of things in the order in which they happen to the server.
func (h *handle) tellMerged() {
	c := h.epoch.series.client
	if !h.pin.merges || c.monitor == nil {
		return
	}
	// Not by way of those that are to be told: another goroutine might have taken it from there, and tell
	// of it only after the operation's own start.
	sealed, ok := h.pin.outbox.Seal()
	h.epoch.series.tellMonitors()
	if ok {
		c.publishMerged(mergedMessage{h.pin, sealed})
	}
}

// mergedMessage is one message of merged writes, and the pin whose outbox had it.
type mergedMessage struct {
	pin *pin
	outbox.Sealed
}

// mergedMessages are those that the command monitor has not been told yet. It may be shared between
// goroutines.
type mergedMessages struct {
	// mu guards messages. It is a leaf: nothing is called with it.
	mu       sync.Mutex
	messages []mergedMessage
}

func (q *mergedMessages) add(m mergedMessage) {
	q.mu.Lock()
	q.messages = append(q.messages, m)
	q.mu.Unlock()
}

func (q *mergedMessages) next() (m mergedMessage, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.messages) == 0 {
		q.messages = nil
		return m, false
	}
	m, q.messages[0] = q.messages[0], mergedMessage{}
	q.messages = q.messages[1:]
	return m, true
}

// deliver tells the client's command monitor, and is called with no lock held. It does not wait for
// another goroutine that does: the monitor may have called what brought us here.
func (q *mergedMessages) deliver(c *Client) {
	for {
		m, ok := q.next()
		if !ok {
			return
		}
		c.publishMerged(m)
	}
}

// publishMerged tells the command monitor of one message of merged writes.
func (c *Client) publishMerged(m mergedMessage) {
	command, _ := wire.ReadCommand(m.Message)
	e := commandEvent{
		client: c, pin: m.pin,
		database: string(command.Database), name: string(command.Name),
		requestID: wire.RequestID(m.Message),
	}
	if c.monitor.Started != nil {
		layout := lane.Layout{CommandEnd: m.Batch.CommandEnd, Sequence: m.Batch.Sequence, Statements: m.Batch.Statements}
		e.started(m.Context, layout.AppendCommand(nil, m.Message))
	}
	err := m.Err
	if err != nil {
		err = topology.ConnectionError{ConnectionID: m.pin.id, Wrapped: err}
	}
	e.finished(m.Context, time.Since(m.Began), err)
}
