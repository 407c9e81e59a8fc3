package monorail

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/description"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/mongo-monorail/monorail/internal/lane"
)

// unacknowledgedConcern is {w: 0}.
var unacknowledgedConcern = options.Collection().SetWriteConcern(writeconcern.Unacknowledged())

// arrayFiltersWireVersion is the oldest wire version whose servers know every field that the lane
// sends: arrayFilters came with it. The driver checks it for each write that has one.
const arrayFiltersWireVersion = 6

// laneWrite is one call of a method of an UnacknowledgedCollection that goes through the lane. It is
// used by one goroutine and then waits in a pool.
type laneWrite struct {
	encoder *lane.Encoder
	command lane.Command
	args    laneOptions

	ctx     context.Context
	client  *Client
	request *Request // which ctx carries
	refused error    // why the encoder did not take the call; the driver is to be asked
	// several says that the call is one for several statements, whose order the caller may want kept.
	several bool
}

var laneWrites = sync.Pool{New: func() any { return &laneWrite{encoder: lane.NewEncoder()} }}

// plain returns the driver's collection with write concern {w: 0}.
func (u *UnacknowledgedCollection) plain() *mongo.Collection {
	return u.coll.Clone(unacknowledgedConcern)
}

// begin returns the write to encode, or nil where the call is the driver's.
func (u *UnacknowledgedCollection) begin(ctx context.Context) (*laneWrite, error) {
	if u.coll == nil {
		return nil, errNilCollection
	}
	database := u.coll.Database()
	if database.Client() != u.client.Client {
		return nil, errForeignClient
	}
	c := u.client
	if ctx == nil || !c.hasLane || ctx.Err() != nil || mongo.SessionFromContext(ctx) != nil {
		// The driver knows what a nil or ended context gives.
		return nil, nil
	}
	request, err := c.requestOf(ctx)
	if request == nil || err != nil {
		return nil, err
	}
	maxTimeMS, ok := c.maxTimeMS(ctx)
	if !ok {
		return nil, nil
	}
	w := laneWrites.Get().(*laneWrite)
	w.ctx, w.client, w.request = ctx, c, request
	w.encoder.Configure(u.registry, u.settings)
	w.command.Database, w.command.Collection = database.Name(), u.coll.Name()
	w.command.Ordered, w.command.ClusterTime = &ordered, c.clock.GetClusterTime()
	w.command.ServerAPI, w.command.MaxTimeMS = c.serverAPI, maxTimeMS
	if c.settings.mergeWrites {
		w.command.MaxTimeMS = 0
	}
	return w, nil
}

// ordered is what every method but two sends.
var ordered = true

// maxTimeMS derives the server's time limit from what is left of the operation's time, as the driver
// does, in whole milliseconds and rounded up; 0 means none. It tells false when no time is left. The
// driver also subtracts the shortest round trip that it knows; a held message leaves later anyway.
func (c *Client) maxTimeMS(ctx context.Context) (int64, bool) {
	const longest = 1<<31 - 1 // what a server takes; the driver sends no larger one
	deadline, ok := ctx.Deadline()
	var left time.Duration
	switch {
	case ok:
		left = time.Until(deadline)
	case c.timeout == nil || *c.timeout == 0:
		return 0, true
	default:
		left = *c.timeout
	}
	milliseconds := int64((left + time.Millisecond - 1) / time.Millisecond)
	if milliseconds > longest {
		return 0, true
	}
	return milliseconds, milliseconds > 0
}

// send hands the encoded command to the request's socket and gives w back. It tells false where
// nothing was sent because the driver is to be asked. (Where a user's marshaler panics, send is never
// called, and the encoder, which is in the middle of a document, never used again.)
func (w *laneWrite) send() (sent bool, err error) {
	defer w.release()
	if w.refused != nil {
		return false, nil
	}
	if err = w.hold(); errors.Is(err, errForDriver) {
		return false, nil
	}
	return true, err
}

// errForDriver says that the driver is to be asked: the server is one that the lane does not know.
var errForDriver = errors.New("monorail: not for the lane")

// hold puts the messages of the command into the request's outbox.
func (w *laneWrite) hold() error {
	ctx := w.ctx
	if _, ok := ctx.Deadline(); !ok && w.client.timeout != nil && *w.client.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, *w.client.timeout)
		defer cancel()
	}
	e, err := w.client.laneEpoch(ctx, w.request.series)
	if err != nil {
		return refusedConnection(err)
	}
	limits := e.pin.limits
	if limits == (lane.Limits{}) {
		return errForDriver
	}
	if err := w.encoder.CheckSizes(limits); err != nil {
		return err
	}
	h := handle{epoch: e, pin: e.pin}
	for {
		message, statements, err := w.encoder.Next(limits)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := w.holdMessage(ctx, &h, message, statements); err != nil {
			return laneError(err)
		}
	}
}

func (w *laneWrite) holdMessage(ctx context.Context, h *handle, message []byte, statements int) error {
	h.epoch.wrote(w.command.Database, w.command.Collection)
	if h.pin.merges {
		if company := w.company(message, h.pin.limits); company != lane.Alone {
			return w.joinMessage(ctx, h, message, statements, company)
		}
		h.tellMerged()
	}
	if w.client.monitor == nil {
		return h.hold(ctx, message, statements)
	}
	started := w.publishStarted(ctx, h, message)
	err := h.hold(ctx, message, statements)
	w.publishFinished(ctx, h, started, err)
	return err
}

// laneError gives an error of the socket the form that it has when the driver met it: a
// mongo.CommandError that is a network error, with the socket's error in its chain.
func laneError(err error) error {
	if !errors.As(err, new(topology.ConnectionError)) {
		return err
	}
	return mongo.CommandError{
		Message: err.Error(),
		Labels:  []string{driver.TransientTransactionError, driver.NetworkError},
		Wrapped: err,
	}
}

// refusedConnection gives the error of a server that refused to make the connection, to a wrong
// password for one, the form that the driver gives it: a mongo.CommandError. Other errors have their
// form already.
func refusedConnection(err error) error {
	var refused driver.Error
	if errors.Is(err, ErrRequestBroken) || !errors.As(err, &refused) {
		return err
	}
	return mongo.CommandError{
		Code:    refused.Code,
		Message: refused.Message,
		Labels:  refused.Labels,
		Name:    refused.Name,
		Wrapped: err,
		Raw:     bson.Raw(refused.Raw),
	}
}

// laneLimits returns what the server of that description takes of the lane's messages; the zero value
// where it may not understand them, or does not say.
func laneLimits(server *description.Server) lane.Limits {
	limits := lane.Limits{
		DocumentSize: int(server.MaxDocumentSize),
		MessageSize:  int(server.MaxMessageSize),
		BatchCount:   int(server.MaxBatchCount),
	}
	if version := server.WireVersion; version == nil || version.Max < arrayFiltersWireVersion ||
		limits.DocumentSize == 0 || limits.MessageSize == 0 || limits.BatchCount == 0 {
		return lane.Limits{}
	}
	return limits
}

// release forgets the user's values and gives w back. The methods that used w.args have cleared them.
func (w *laneWrite) release() {
	w.encoder.Reset()
	w.command = lane.Command{}
	w.ctx, w.client, w.request, w.refused, w.several = nil, nil, nil, nil, false
	laneWrites.Put(w)
}

// laneEpoch returns what runs on the socket of a request, for an unacknowledged write that does not go
// through the driver.
func (c *Client) laneEpoch(ctx context.Context, s *series) (*epoch, error) {
	if e := s.current(); e != nil && s.needsWritable() && writable(e.pin.currentKind()) {
		return e, nil
	}
	if timeout := c.deployment.GetServerSelectionTimeout(); timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	selected, err := c.deployment.selectInRequest(ctx, s, c.writableSelector)
	if errors.Is(err, topology.ErrTopologyClosed) {
		return nil, mongo.ErrClientDisconnected
	}
	if err != nil {
		return nil, err
	}
	connect := selected.Connection
	if s, ok := selected.(*server); ok {
		connect = s.connect
	}
	conn, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	return conn.ReadWriteCloser.(*handle).epoch, nil
}
