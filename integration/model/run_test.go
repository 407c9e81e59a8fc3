package model

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// failer is what a run needs of a test: that of rapid or that of testing.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// run is a program that runs, and the model beside it.
type run struct {
	t       failer
	worker  *worker
	client  *watchedClient
	program program
	at      int // the step that runs, from 1

	root     context.Context
	stop     context.CancelFunc
	flows    []*flow // in the order in which they were made; the first carries nothing
	requests []*requestModel
	handles  []*handleModel
	cursors  []*cursorModel
	outside  *requestModel // stands for what runs outside requests: its history is that of one goroutine
	gates    []*gate

	operations, values int
	disconnected       bool
}

func newRun(t failer, w *worker, c *watchedClient, p program) *run {
	r := &run{t: t, worker: w, client: c, program: p}
	r.root, r.stop = context.WithTimeout(context.Background(), 3*servertest.Timeout)
	r.flows = []*flow{{ctx: r.root}}
	r.outside = &requestModel{name: fmt.Sprint(w.serial, ".outside"), condition: live, history: &history{}}
	return r
}

// fatal fails the test, and shows the program.
func (r *run) fatal(format string, args ...any) {
	r.t.Helper()
	r.t.Fatalf("step %d: %s\n%s", r.at, fmt.Sprintf(format, args...), r.program)
}

func (r *run) openGates() {
	for _, g := range r.gates {
		g.open()
	}
	r.stop()
}

// eventually waits until check returns "".
func (r *run) eventually(check func() string) {
	r.t.Helper()
	if problem := awaited(check); problem != "" {
		r.fatal("%s", problem)
	}
}

// awaited waits until check returns "", and returns what it returned last.
func awaited(check func() string) string {
	deadline := time.Now().Add(servertest.Timeout)
	for pause := 20 * time.Microsecond; ; pause = min(2*pause, 2*time.Millisecond) {
		problem := check()
		if problem == "" || time.Now().After(deadline) {
			return problem
		}
		time.Sleep(pause)
	}
}

// flow returns a flow by the number of a step.
func (r *run) flow(number int) *flow { return r.flows[number%len(r.flows)] }

// newRequest returns the model of a request that was started just now.
func (r *run) newRequest() *requestModel {
	rq := &requestModel{
		name:      fmt.Sprintf("%d.%d", r.worker.serial, len(r.requests)+1),
		condition: live,
		history:   &history{},
	}
	r.requests = append(r.requests, rq)
	return rq
}

// newHandle returns the model of a handle to rq.
func (r *run) newHandle(rq *requestModel, request *monorail.Request) *handleModel {
	rq.open++
	if rq.request == nil {
		rq.request = request
	}
	h := &handleModel{of: rq, request: request, state: handleOpen}
	r.handles = append(r.handles, h)
	return h
}

// enter returns the request in which an operation with the context runs, which it starts in a
// scope; nil where it runs outside requests or not at all.
func (r *run) enter(f *flow) (belonging, *requestModel) {
	where, rq, scope := f.place()
	if where == unstarted {
		rq = r.newRequest()
		scope.automatic = r.newHandle(rq, nil)
		return inside, rq
	}
	return where, rq
}

// entered looks at the request after an operation: an automatic one can be seen now.
func (r *run) entered(f *flow, rq *requestModel) {
	if rq.request == nil {
		request := r.client.Request(f.ctx)
		if request == nil {
			r.forget(f, rq)
			return
		}
		for _, h := range r.handles {
			if h.of == rq {
				h.request = request
			}
		}
		rq.request = request
	}
	if !rq.pinned && rq.condition == live {
		r.pin(rq)
	}
}

// forget takes an automatic request back that was never started: the operation that would have done
// so was cancelled before.
func (r *run) forget(f *flow, rq *requestModel) {
	_, _, scope := f.place()
	if scope == nil || scope.automatic == nil || scope.automatic.of != rq {
		r.fatal("%v: the client knows no request", rq)
	}
	rq.forgotten = true
	scope.automatic = nil
	r.requests = r.requests[:len(r.requests)-1]
	r.handles = r.handles[:len(r.handles)-1]
}

// pin notes which socket a request has, if it has one.
func (r *run) pin(rq *requestModel) {
	info := rq.request.Info()
	if !info.Pinned {
		return
	}
	if info.ServerConnectionID == nil || info.ConnectionID == "" {
		r.fatal("%v: pinned, without a connection id: %+v", rq, info)
	}
	rq.pinned, rq.connection, rq.driverID = true, *info.ServerConnectionID, info.ConnectionID
	if other := r.holder(rq.connection, rq); other != nil {
		r.fatal("%v has the socket of %v", rq, other)
	}
}

// holder returns the request that has a socket for itself, other than except.
func (r *run) holder(connection int64, except *requestModel) *requestModel {
	for _, rq := range r.requests {
		if rq != except && rq.pinned && rq.connection == connection && rq.condition == live {
			return rq
		}
	}
	return nil
}

// newOperation returns an operation on the document of rq.
func (r *run) newOperation(kind opKind, rq *requestModel) *operation {
	r.operations++
	o := &operation{id: fmt.Sprintf("%d/%d", r.worker.serial, r.operations), kind: kind, doc: rq.name, first: r.values + 1}
	for range kind.pushes() {
		r.values++
		o.entries = append(o.entries, &entry{value: r.values, certain: true, silent: kind.unacknowledged()})
	}
	return o
}

// issue notes an operation in the order of its request.
func (r *run) issue(rq *requestModel, o *operation, sent sending) {
	rq.segments++
	rq.issued = append(rq.issued, &issue{op: o, segment: rq.segments, sent: sent})
}

// isEnded tells whether an error is that of an ended request, and does not look like a failure.
func isEnded(err error) bool {
	return errors.Is(err, monorail.ErrRequestEnded) && !errors.Is(err, monorail.ErrRequestBroken) && !mongo.IsNetworkError(err)
}

// gaveUp tells whether an error is that of a context that has ended, and of nothing else.
func gaveUp(err error) bool {
	return (errors.Is(err, context.Canceled) || mongo.IsTimeout(err)) &&
		!errors.Is(err, monorail.ErrRequestBroken) && !errors.Is(err, monorail.ErrRequestEnded)
}

// broke checks the report of a break. The operation that reports it has so many statements, which
// may be counted already or not.
func (r *run) broke(rq *requestModel, err error, statements int) {
	r.t.Helper()
	var b *monorail.BrokenError
	if !errors.Is(err, monorail.ErrRequestBroken) || !errors.As(err, &b) {
		r.fatal("%v gives %v, want a broken request", rq, err)
	}
	if b.Cause == nil || b.ConnectionID != rq.driverID || b.Address != r.worker.server.Addr() {
		r.fatal("%v: the break is %+v, want that of connection %s", rq, b, rq.driverID)
	}
	if rq.told != nil {
		if b.Unconfirmed != rq.told.Unconfirmed {
			r.fatal("%v: the break has %d unconfirmed statements, and had %d", rq, b.Unconfirmed, rq.told.Unconfirmed)
		}
		return
	}
	if rq.condition != doomed {
		r.fatal("%v gives %v, and nothing has happened to its socket", rq, err)
	}
	if least, most := rq.unconfirmedRange(); b.Unconfirmed < least || b.Unconfirmed > most+statements {
		r.fatal("%v: the break has %d unconfirmed statements, want %d to %d", rq, b.Unconfirmed, least, most+statements)
	}
	r.checkWrites(rq, b)
	rq.told, rq.condition, rq.unconfirmed, rq.abandoned = b, broken, b.Unconfirmed, 0
}

// judge checks what an End or another report of a break returned.
func (r *run) judge(what string, rq *requestModel, v verdict, err error) {
	r.t.Helper()
	switch {
	case err == nil && v.nilAllowed:
	case err == nil:
		r.fatal("%s of %v tells of no break", what, rq)
	case !v.brokenAllowed:
		r.fatal("%s of %v gives %v", what, rq, err)
	default:
		condition := rq.condition
		if condition == ended && rq.told == nil {
			rq.condition = doomed // so it was when it ended
		}
		r.broke(rq, err, 0)
		rq.condition = condition
	}
}
