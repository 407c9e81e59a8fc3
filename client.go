package monorail

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/description"
)

// Client is a client of the official driver that also has requests. All that the driver's client
// does it does in the same way; only operations whose context carries a request differ. It may be
// shared between goroutines. Make one with Connect, and one only for a deployment.
type Client struct {
	*mongo.Client

	deployment *deployment
	watcher    *watcher
	sockets    *socketTable
	occupancy  occupancy
	settings   clientSettings
	info       *driverInfo
	// monitors are told of the events of requests.
	monitors []*Monitor
	// writableSelector selects what a request without a read preference is pinned to.
	writableSelector description.ServerSelector

	// What the driver's client was told and does not tell: the unacknowledged lane needs it.
	monitor   *event.CommandMonitor
	serverAPI *driver.ServerAPIOptions
	timeout   *time.Duration
	// hasLane says that unacknowledged writes need not go through the driver; clock and defaultRegistry
	// are set then. The registry is the one that the driver's collections have where the program has
	// named none; nil where it has named one for the client.
	hasLane         bool
	clock           *clusterClock
	defaultRegistry *bson.Registry
	// maxPoolSize is the driver's; 0 is no limit.
	maxPoolSize int

	// mu guards the fields below. It is a leaf: nothing is called with it.
	mu sync.Mutex
	// open holds the requests that have not ended, so that Disconnect can end them.
	open   map[*series]struct{}
	closed bool
	// totals counts requests; what the open ones have to add to it is added when they end.
	totals requestTotals
	// background runs what gives leaked requests back. It is added to only while closed is false.
	background sync.WaitGroup
}

// requestKey is the context key of a client's carrier: each client has its own, so that requests of
// two clients are independent in one context.
type requestKey struct{ client *Client }

// requestContext is a context that carries a request or a scope of a client.
type requestContext struct {
	context.Context
	client  *Client
	carrier carrier
	// starts says that an operation of the client's with the context is in a request by that.
	starts bool
}

// anyRequestKey is the context key to which a context in a request of any client, or in a scope that
// starts one, has a value.
type anyRequestKey struct{}

// Value implements context.Context.
func (c *requestContext) Value(key any) any {
	switch key := key.(type) {
	case requestKey:
		if key.client == c.client {
			return c.carrier
		}
	case anyRequestKey:
		if c.starts {
			return c.carrier
		}
	}
	return c.Context.Value(key)
}

// carriesRequest tells whether ctx is in a request of any client, or in a scope that starts one.
func carriesRequest(ctx context.Context) bool { return ctx.Value(anyRequestKey{}) != nil }

// carrier is what a context carries for a client: a request or a scope.
type carrier interface {
	// request returns the request that an operation with the context belongs to, starting an
	// automatic one where start is set and the carrier is a scope; nil if there is none.
	request(start bool) (*Request, error)
}

// StartRequest starts a request and returns a context that carries it: every operation of this
// client with that context, or one derived from it, travels over one socket, in the order of the
// calls. It does no I/O and takes no socket, which the first operation does; the socket is then held
// until End. When ctx is done, the request ends by itself.
//
// In a context that carries a request already, StartRequest gives another handle to that request:
// its socket goes back when the last handle has ended. The request's options are those of the first.
// In a context whose own handle has ended it starts a new request.
//
// End must be called, with defer for preference; WithRequest does so by itself. The context and the
// request may be shared between goroutines; each goroutine's own order is kept.
func (c *Client) StartRequest(ctx context.Context, opts ...*RequestOptionsBuilder) (context.Context, *Request) {
	if ctx == nil {
		ctx = context.Background()
	}
	return c.startRequest(ctx, opts)
}

// startRequest is called by an exported method, whose caller's stack it captures.
func (c *Client) startRequest(ctx context.Context, opts []*RequestOptionsBuilder) (context.Context, *Request) {
	l := &lease{}
	if c.settings.captureStacks {
		l.stack = captureStack(2)
	}
	if outer, err := c.lookup(ctx, true); err == nil && outer != nil && outer.series.enter() {
		l.series = outer.series
	} else {
		settings := newRequestSettings(opts)
		settings.stack = l.stack
		l.series = c.newSeries(settings)
	}
	r := &Request{client: c, series: l.series, lease: l}
	r.cleanup = runtime.AddCleanup(r, (*lease).leaked, l)
	l.endWith(ctx)
	l.series.tellMonitors()
	return &requestContext{Context: ctx, client: c, carrier: r, starts: true}, r
}

// WithRequest calls fn with a context that carries a request, and ends the request when fn returns
// or panics. It returns the error of fn, or, when that is nil, the error of End: unacknowledged
// writes that may be lost. In fn, Request(ctx) is the handle.
func (c *Client) WithRequest(ctx context.Context, fn func(ctx context.Context) error, opts ...*RequestOptionsBuilder) (err error) {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, r := c.startRequest(ctx, opts)
	defer func() {
		if endErr := r.End(); err == nil {
			err = endErr
		}
	}()
	return fn(ctx)
}

// InRequest tells whether an operation with ctx would run in a request that has been started: false
// in a scope whose automatic request no operation has started yet.
func (c *Client) InRequest(ctx context.Context) bool { return c.Request(ctx) != nil }

// Request returns the request that ctx carries, or nil: outside requests, in one that has ended, and
// in a scope whose automatic request no operation has started yet. Of a nil request, End does nothing,
// and every other method panics.
func (c *Client) Request(ctx context.Context) *Request {
	r, err := c.lookup(ctx, false)
	if err != nil {
		return nil
	}
	return r
}

// Disconnect ends the requests that are open, as their End would, and then does what the driver's
// Disconnect does. When ctx ends first, the sockets that are still in use are closed; the error then
// tells of the unacknowledged writes that may be lost.
func (c *Client) Disconnect(ctx context.Context) error {
	if ctx == nil {
		ctx = context.Background()
	}
	err := c.endRequests(ctx)
	c.watcher.stop()
	return errors.Join(err, c.Client.Disconnect(ctx))
}

// endRequests ends all requests side by side: each may wait for a server that has stalled.
func (c *Client) endRequests(ctx context.Context) error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	defer c.background.Wait()
	open := c.requests()
	if len(open) == 0 {
		return nil
	}
	errs := make([]error, len(open))
	var ended sync.WaitGroup
	for i, s := range open {
		ended.Go(func() { errs[i] = s.end(ctx) })
	}
	ended.Wait()
	return errors.Join(errs...)
}

// requests returns the requests that have not ended.
func (c *Client) requests() []*series {
	c.mu.Lock()
	defer c.mu.Unlock()
	open := make([]*series, 0, len(c.open))
	for s := range c.open {
		open = append(open, s)
	}
	return open
}

// lookup finds the request of ctx. The error is ErrRequestEnded for a request that has ended.
func (c *Client) lookup(ctx context.Context, start bool) (*Request, error) {
	if ctx == nil {
		return nil, nil
	}
	found, ok := ctx.Value(requestKey{c}).(carrier)
	if !ok {
		return nil, nil
	}
	return found.request(start)
}

// requestOf finds the request that an operation with ctx belongs to, and starts an automatic one
// where that is due.
func (c *Client) requestOf(ctx context.Context) (*Request, error) { return c.lookup(ctx, true) }

// newSeries returns a series with one handle, known to Disconnect. On a closed client it is never
// pinned: its operations fail as the driver's do.
//
// Monitors have not been told yet that it started; the caller lets them know.
func (c *Client) newSeries(settings requestSettings) *series {
	s := newSeries(c, settings)
	if c.open == nil {
		panic("monorail: a Client that Connect has not made; a client of mongo.Connect cannot be wrapped")
	}
	c.mu.Lock()
	c.totals.started++
	s.id = c.totals.started
	if !c.closed {
		c.open[s] = struct{}{}
	}
	c.mu.Unlock()
	s.note(RequestStartedEvent{s.event()})
	return s
}

// forget drops an ended series.
func (c *Client) forget(s *series) {
	s.mu.Lock()
	breaks, renewals := s.breaksLocked()
	s.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, s)
	c.totals.ended++
	c.totals.breaks += breaks
	c.totals.renewals += renewals
}

// selectorFor returns the driver's server selector for a request.
func (c *Client) selectorFor(rp *readpref.ReadPref) (description.ServerSelector, error) {
	if rp == nil {
		return c.writableSelector, nil
	}
	return captureSelector(c.Client, rp)
}
