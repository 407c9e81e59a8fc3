package monorail

import (
	"context"
	"errors"
	"runtime"
	"time"

	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"
)

// closedChannel is the Done of a context that is over.
var closedChannel = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// checkOut gets a connection of the server's pool for a request, or, where s is nil, for an operation
// outside requests, with which the wait queue only meddles while requests hold sockets.
func (c *Client) checkOut(ctx context.Context, server *topology.SelectedServer, s *series) (*connection, error) {
	if s == nil {
		leaveGo(ctx)
	}
	if c.maxPoolSize == 0 || s == nil && c.occupancy.held.Load() == 0 {
		return server.Connection(ctx)
	}
	if ctx == nil {
		ctx = context.Background()
	}
	q := queueContext{Context: ctx, client: c, server: server, series: s}
	conn, err := q.checkOut()
	if q.told != nil {
		q.awaitMonitors(conn)
	}
	return conn, q.explain(err)
}

// queueContext is the context of one checkout. The driver's pool asks for its Done when it found no
// idle connection and begins to wait, and at no other time: so that is when the wait queue's timeout
// begins, and a checkout that does not wait pays for no timer. The goroutine of the checkout uses it.
type queueContext struct {
	context.Context // the operation's
	client          *Client
	server          *topology.SelectedServer
	series          *series // nil outside requests

	began   time.Time // when the wait began; zero before
	done    <-chan struct{}
	limited context.Context // Context with the timeout; nil where there is none
	cancel  context.CancelFunc
	state   queueState
	// told gets, once, how telling the monitors went; nil if there are none. The goroutine that tells
	// them sends.
	told chan telling
}

// queueState says what the wait queue does with a checkout.
type queueState uint8

const (
	// queueOutside: it does not wait for a full pool, or nothing of it is the wait queue's.
	queueOutside queueState = iota
	// queueWaiting: it is counted as waiting.
	queueWaiting
	// queueRefused: too many wait.
	queueRefused
)

// telling is how the functions of monitors ended.
type telling struct {
	panicked any  // what they panicked with
	exited   bool // they called runtime.Goexit
}

// checkOut asks the driver's pool.
func (q *queueContext) checkOut() (conn *connection, err error) {
	defer func() {
		if q.cancel != nil {
			q.cancel()
		}
		if q.state == queueWaiting {
			q.client.occupancy.exit(q.server.Description().Server.Addr, errors.As(err, new(topology.WaitQueueTimeoutError)))
		}
	}()
	return q.server.Connection(q)
}

// Done implements context.Context: the wait begins.
func (q *queueContext) Done() <-chan struct{} {
	if q.began.IsZero() {
		q.began = time.Now()
		q.done = q.begin()
	}
	return q.done
}

// Err implements context.Context.
func (q *queueContext) Err() error {
	switch {
	case q.state == queueRefused:
		return ErrTooManyWaiting
	case q.limited != nil:
		return q.limited.Err()
	default:
		return q.Context.Err()
	}
}

// begin returns what ends the wait.
func (q *queueContext) begin() <-chan struct{} {
	c := q.client
	addr := q.server.Description().Server.Addr
	// The count has the connections in use and those who want one, this checkout included. While it is
	// not above the limit, the pool makes a new connection, and the wait is for that.
	full := q.server.OperationCount() > int64(c.maxPoolSize)
	if !full || q.series == nil && !c.occupancy.holds(addr) {
		return q.Context.Done()
	}
	q.state = queueWaiting
	if !c.occupancy.enter(addr, c.settings.maxWaiting) {
		q.state = queueRefused
	}
	if c.observed() {
		q.tellMonitors()
	}
	if q.state == queueRefused {
		return closedChannel
	}
	if c.settings.waitQueueTimeout <= 0 {
		return q.Context.Done()
	}
	q.limited, q.cancel = context.WithTimeout(q.Context, c.settings.waitQueueTimeout)
	return q.limited.Done()
}

// tellMonitors tells of the wait. The driver's pool is waiting for Done, and a panic here would cost it
// a connection: so another goroutine does it, which ends with the functions of the monitors;
// awaitMonitors waits for it, and takes over what they did.
func (q *queueContext) tellMonitors() {
	held, waiting, oldest := q.client.occupancy.describe(q.server.Description().Server.Addr)
	e := RequestWaitingEvent{
		Address:     q.server.Description().Server.Addr.String(),
		MaxPoolSize: q.client.maxPoolSize,
		Held:        held,
		Waiting:     waiting,
		Oldest:      oldest,
		Refused:     q.state == queueRefused,
	}
	events := new(eventQueue)
	if q.series != nil {
		e.RequestEvent = q.series.event()
		events = &q.series.events
	}
	events.add(e)
	told := make(chan telling, 1)
	q.told = told
	go func() {
		how := telling{exited: true}
		defer func() {
			if how.exited {
				how.panicked = recover()
			}
			told <- how
		}()
		events.deliver(q.client.monitors)
		how.exited = false
	}()
}

// awaitMonitors returns when the monitors know of the wait. A panic of theirs goes on here, and conn
// goes back first.
func (q *queueContext) awaitMonitors(conn *connection) {
	how := <-q.told
	if !how.exited {
		return
	}
	if conn != nil {
		_ = conn.Close()
	}
	if how.panicked != nil {
		panic(how.panicked)
	}
	runtime.Goexit()
}

// explain returns err, or, where it is the wait that failed, an error that says whose sockets it waited
// for.
func (q *queueContext) explain(err error) error {
	if q.state == queueOutside || !errors.As(err, new(topology.WaitQueueTimeoutError)) || errors.Is(err, context.Canceled) {
		return err
	}
	addr := q.server.Description().Server.Addr
	held, waiting, oldest := q.client.occupancy.describe(addr)
	e := &WaitQueueError{
		Address:     addr.String(),
		MaxPoolSize: q.client.maxPoolSize,
		Held:        held,
		Waiting:     waiting,
		Oldest:      oldest,
		Waited:      time.Since(q.began),
		Cause:       err,
	}
	if q.state == queueRefused {
		e.Refused, e.Waited, e.Cause = true, 0, nil
	}
	return e
}
