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

const (
	// patience is for a Confirm that may wait in vain, and long enough for one that need not.
	patience = 300 * time.Millisecond
	// noPatience is for one that cannot succeed.
	noPatience = 30 * time.Millisecond
	// confirmFailed is WriteConcernFailed, of a wait that took longer than wtimeout.
	confirmFailed = 64
)

// step runs one step.
func (r *setRun) step(s setStep) {
	r.t.Helper()
	if s.kind == beginRequest || len(r.requests) == 0 {
		r.begin()
		if s.kind == beginRequest {
			return
		}
	}
	rq := r.requests[s.request%len(r.requests)]
	switch s.kind {
	case happen:
		r.happen(rq, s)
	case awaitTheSilent:
		r.awaitTheSilent()
	case operateInSet:
		r.operate(rq, s.op, s.impatient)
	case finishRequest:
		r.end(rq)
	default:
		if rq.over {
			return // that an ended request does nothing is a matter of one server
		}
		switch s.kind {
		case nestRequest:
			_, request := r.client.StartRequest(rq.ctx)
			rq.handles = append(rq.handles, request)
		case shareInSet:
			r.share(rq, s.lanes, nil)
		case flushInSet:
			r.flush(rq)
		case barrierInSet:
			r.barrier(rq)
		case confirmInSet:
			r.judgeConfirm(rq, r.confirm(rq, r.patience(rq)), true)
		case renewInSet:
			r.renew(rq)
		}
	}
}

// begin starts a request. It is steady while the client can have heard of no change of the set.
func (r *setRun) begin() {
	rq := &setRequest{name: fmt.Sprintf("request%d", len(r.requests)+1), history: &history{}, prospect: steady}
	if r.uneasy {
		rq.prospect = shaken
	}
	ctx, request := r.client.StartRequest(r.root)
	rq.ctx, rq.handles = ctx, []*monorail.Request{request}
	r.requests = append(r.requests, rq)
}

// end ends the newest handle of a request.
func (r *setRun) end(rq *setRequest) {
	r.t.Helper()
	if rq.over {
		return
	}
	untold := len(rq.untold())
	handle := rq.handle()
	err := handle.End()
	if len(rq.handles) > 1 {
		rq.handles = rq.handles[:len(rq.handles)-1]
		if err != nil {
			r.fatal("End of a nested handle of %v gives %v", rq, err)
		}
		return
	}
	switch {
	case err != nil:
		r.broke(rq, err, 0)
	case rq.told != nil:
		r.fatal("End of %v tells of no break", rq)
	case rq.closed && untold > 0:
		r.fatal("End of %v does not tell of %d unacknowledged statements", rq, untold)
	}
	rq.over = true
	if err := handle.End(); err != nil {
		r.fatal("the second End of %v gives %v", rq, err)
	}
}

func (r *setRun) flush(rq *setRequest) {
	r.t.Helper()
	switch err := rq.handle().Flush(r.root); {
	case err != nil:
		r.broke(rq, err, 0)
	case rq.told != nil:
		r.fatal("Flush of %v tells of no break", rq)
	}
}

// barrier calls Barrier. A server that is primary no longer answers it too: it says nothing of that.
func (r *setRun) barrier(rq *setRequest) {
	r.t.Helper()
	switch err := rq.handle().Barrier(r.root); {
	case err != nil:
		if !rq.closed {
			rq.mayBeReplied()
		}
		r.broke(rq, err, 0)
	case rq.told != nil || rq.closed && rq.pinned():
		r.fatal("Barrier of %v gives nil", rq)
	default:
		rq.replied()
	}
}

// patience is how long a Confirm may take: while nothing is wrong as long as it likes.
func (r *setRun) patience(rq *setRequest) time.Duration {
	switch {
	case rq.stranded:
		return noPatience
	case rq.prospect == steady && !r.stopped:
		return servertest.Timeout
	default:
		return patience
	}
}

// confirm calls Confirm.
func (r *setRun) confirm(rq *setRequest, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(r.root, patience)
	defer cancel()
	return rq.handle().Confirm(ctx, nil)
}

// judgeConfirm judges what Confirm has returned. Quiet says that nothing happened meanwhile.
func (r *setRun) judgeConfirm(rq *setRequest, err error, quiet bool) {
	r.t.Helper()
	var server mongo.ServerError
	switch {
	case err == nil && (rq.told != nil || quiet && rq.stranded || rq.prospect == lost && rq.wrote):
		r.fatal("%v is confirmed; stranded: %v, stopped: %v", rq, rq.stranded, r.stopped)
	case err == nil:
		rq.confirmed()
		rq.replied()
	case errors.Is(err, monorail.ErrRequestBroken):
		if !rq.closed {
			rq.mayBeReplied()
		}
		r.broke(rq, err, 0)
	case rq.told != nil:
		r.fatal("Confirm of %v gives %v", rq, err)
	case rq.prospect == steady && !r.stopped && quiet:
		r.fatal("Confirm of %v gives %v, and nothing has happened to the set", rq, err)
	case errors.As(err, &server) && server.HasErrorCode(confirmFailed), mongo.IsTimeout(err):
		rq.mayBeReplied()
	default:
		r.fatal("Confirm of %v gives %v", rq, err)
	}
}

// renew accepts the break of a request, sends again what may be lost, and goes on until the request is
// pinned to a server that takes writes.
func (r *setRun) renew(rq *setRequest) {
	r.t.Helper()
	r.primary()
	deadline := time.Now().Add(servertest.Timeout)
	for how := wrong; how != succeeded; {
		if time.Now().After(deadline) {
			r.fatal("%v does not go on", rq)
		}
		request := rq.handle()
		if err := request.Renew(r.root); err != nil {
			r.fatal("Renew of %v gives %v", rq, err)
		}
		switch epoch := request.Info().Epoch; {
		case epoch == rq.epoch && rq.told == nil:
		case epoch != rq.epoch+1 || rq.prospect == steady:
			r.fatal("%v is in epoch %d after Renew", rq, epoch)
		default:
			told := rq.told
			rq.beginEpoch()
			if told != nil && !r.replay(rq, told.Writes) {
				continue
			}
		}
		how = r.operate(rq, pushAcked, false)
	}
}

// replay sends writes again, and tells whether the request still lives.
func (r *setRun) replay(rq *setRequest, writes []monorail.UnconfirmedWrite) bool {
	r.t.Helper()
	again := make([]monorail.UnconfirmedWrite, len(writes))
	operations := make([]*operation, len(writes))
	for i, w := range writes {
		o := r.newOperation(pushLane, rq.name)
		w, err := o.replaying(w)
		if err != nil {
			r.fatal("%v", err)
		}
		again[i], operations[i] = w, o
	}
	err := rq.handle().Replay(r.root, again)
	r.entered(rq)
	for _, o := range operations {
		rq.issue(o, atMost)
		rq.add(o)
		if err == nil {
			r.succeeded(rq, o, answer{})
		} else {
			o.went(failed)
		}
	}
	switch {
	case err == nil:
		return true
	case errors.Is(err, monorail.ErrRequestBroken):
		r.broke(rq, err, len(operations))
	case rq.pinned() || !noSocket(err):
		r.fatal("Replay in %v gives %v", rq, err)
	}
	return false
}
