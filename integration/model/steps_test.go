package model

import (
	"context"
	"time"

	"github.com/mongo-monorail/monorail"
)

// step runs one step.
func (r *run) step(s step) {
	r.t.Helper()
	f := r.flow(s.flow)
	switch s.kind {
	case startRequest:
		r.startRequest(f, s.cancellable)
	case newScope:
		r.newScope(f)
	case operate:
		r.operate(f, s.op, s.interrupt)
	case shareRequest:
		r.share(f, s.lanes)
	case endRequest:
		r.endRequest(f)
	case endWaiting:
		r.endWaiting(f)
	case endUnanswered:
		r.endUnanswered(f)
	case cancelFlow:
		r.cancelFlow(f)
	case killSocket:
		r.kill(f, s.death)
	case cutOff:
		r.cutOff(f)
	case flush:
		r.flush(f)
	case barrier:
		r.barrier(f)
	case confirm:
		r.confirm(f)
	case renew:
		r.renew(f)
	case openCursor:
		r.openCursor(f)
	case nextBatch:
		if len(r.cursors) > 0 {
			r.nextBatch(r.cursors[s.cursor%len(r.cursors)], f)
		}
	case foreign:
		r.foreign(f)
	}
}

// startRequest starts a request, or a handle to the one that is there.
func (r *run) startRequest(f *flow, cancellable bool) {
	child := &flow{ctx: f.ctx, parent: f}
	if cancellable {
		child.ctx, child.cancel = context.WithCancel(f.ctx)
	}
	where, rq := r.enter(f)
	if where != inside {
		rq = r.newRequest()
	}
	var request *monorail.Request
	child.ctx, request = r.client.StartRequest(child.ctx)
	if where == inside {
		r.entered(f, rq)
	}
	child.handle = r.newHandle(rq, request)
	r.flows = append(r.flows, child)
	if child.done() {
		r.cancelled(child)
	}
}

// newScope starts a scope; one in a context that has ended would end at once.
func (r *run) newScope(f *flow) {
	if f.done() {
		return
	}
	child := &flow{parent: f}
	child.ctx, child.cancel = r.client.NewScope(f.ctx)
	if r.program.auto {
		child.scope = &scopeModel{}
	}
	r.flows = append(r.flows, child)
}

// endRequest ends the handle of the context, or the automatic request of its scope.
func (r *run) endRequest(f *flow) {
	switch {
	case f.handle != nil:
		r.end(f.handle)
	case f.scope != nil && f.scope.automatic != nil && f.scope.automatic.state == handleOpen:
		r.end(f.scope.automatic)
	}
}

func (r *run) end(h *handleModel) {
	r.t.Helper()
	last := h.state == handleOpen && h.of.open == 1 && h.of.condition != ended
	v := h.close()
	err := h.request.End()
	r.judge("End", h.of, v, err)
	if last && err == nil {
		h.of.unconfirmed = 0 // so it said
	}
}

// endWaiting ends a handle while an operation of another goroutine waits for its reply.
func (r *run) endWaiting(f *flow) {
	where, rq, _ := f.place()
	if where != inside || f.handle == nil || f.done() || rq.condition != live || !rq.pinned {
		return
	}
	o := r.newOperation(pushAcked, rq)
	r.issue(rq, o, once)
	rq.history.append(o.entries...)
	g := r.gate(o.id)
	answer := r.start(f.ctx, o)
	r.arrival(g, answer)
	v := f.handle.close()
	over := make(chan error, 1) // the goroutine sends once
	go func() { over <- f.handle.request.End() }()
	r.eventually(func() string {
		if f.handle.request.Err() == nil {
			return "End does not begin while an operation waits"
		}
		return ""
	})
	g.open()
	a := <-answer
	err := <-over
	switch {
	case o.answered(a.err):
		rq.replied()
		o.acknowledge()
	case rq.condition == ended && isEnded(a.err):
		// The reply took longer than End waits. Then the socket was closed, and what was sent before
		// is as uncertain as the socket's end makes it.
		rq.lossy = true
		v.brokenAllowed = true
	default:
		r.fatal("the operation that waits while its request ends gives %v", a.err)
	}
	r.judge("End", rq, v, err)
}

// endUnanswered ends a request whose operation was cancelled, and whose reply does not come before the
// end: the socket cannot go back to the pool.
func (r *run) endUnanswered(f *flow) {
	where, rq, _ := f.place()
	if where != inside || f.handle == nil || f.done() || rq.condition != live || !rq.pinned || rq.open > 1 {
		return
	}
	r.processed()
	o := r.newOperation(find, rq)
	r.issue(rq, o, once)
	g := r.gate(o.id)
	short, cancel := context.WithCancel(f.ctx)
	defer cancel()
	answer := r.start(short, o)
	r.arrival(g, answer)
	cancel()
	if a := <-answer; !gaveUp(a.err) {
		r.fatal("a find that is cancelled while it waits gives %v", a.err)
	}
	r.abandoned(rq, false)
	rq.doom() // for it will be closed
	least, _ := rq.unconfirmedRange()
	v := f.handle.close()
	v.nilAllowed = least == 0
	v.brokenAllowed = true
	err := f.handle.request.End()
	r.judge("End", rq, v, err)
	g.open()
	r.eventually(func() string {
		if r.worker.connected(rq.connection) {
			return "a socket with a reply outstanding is not closed"
		}
		return ""
	})
}

// close notes the End of a handle, and returns what it gives.
func (h *handleModel) close() verdict {
	state := h.state
	h.state = handleEnded
	switch state {
	case handleOpen:
		return h.of.leave()
	case handleCancelled:
		return h.verdicts
	default:
		return verdict{nilAllowed: true}
	}
}

// cancelFlow ends a context or a scope, and waits until what it carried has ended.
func (r *run) cancelFlow(f *flow) {
	if f.cancel == nil || f.done() {
		return
	}
	f.cancelled = true
	f.cancel()
	r.cancelled(f)
}

// cancelled notes the end of what the context and those derived from it carry.
func (r *run) cancelled(f *flow) {
	var gone []*handleModel
	for _, other := range r.flows {
		if !other.under(f) {
			continue
		}
		if s := other.scope; s != nil && !s.ended {
			s.ended = true
			if s.automatic != nil && s.automatic.state == handleOpen {
				s.automatic.close() // nobody hears what it returns
				gone = append(gone, s.automatic)
			}
		}
		if h := other.handle; h != nil && h.state == handleOpen {
			gone = append(gone, h)
			h.verdicts = h.close()
			h.state = handleCancelled
		}
	}
	// Of several handles to one request any may be the last.
	for _, h := range gone {
		for _, other := range gone {
			if h != other && h.of == other.of {
				h.verdicts.nilAllowed = true
				h.verdicts.brokenAllowed = h.verdicts.brokenAllowed || other.verdicts.brokenAllowed
			}
		}
	}
	r.eventually(func() string {
		for _, h := range gone {
			if h.request.Err() == nil || h.request.Info().Depth != h.of.open {
				return "a request whose context has ended does not end"
			}
		}
		return ""
	})
}

// kill ends the socket of the request of a context, on the server's side.
func (r *run) kill(f *flow, how death) {
	where, rq, _ := f.place()
	if where != inside || rq.condition != live || !rq.pinned || f.done() {
		return
	}
	r.processed()
	onSocket := func(id int32, _ string, _ bool) bool { return int64(id) == rq.connection }
	switch how {
	case byReset:
		r.worker.server.Reset(onSocket)
		rq.doom()
	case byClose:
		r.worker.server.CloseConnections(onSocket)
		rq.doom()
	case byHangUp:
		o := r.newOperation(pushLane, rq)
		r.issue(rq, o, atMost)
		r.worker.server.HangUpOnUnacknowledged(r.worker.only(o.id))
		if _, err := o.run(f.ctx, r.client.Client); err != nil {
			r.fatal("an unacknowledged write of %v gives %v", rq, err)
		}
		rq.wrote(o.kind.statements())
		rq.doom()
		r.judge("Flush", rq, verdict{nilAllowed: true, brokenAllowed: true}, r.handleOf(f).request.Flush(r.root))
		r.eventually(func() string {
			if r.worker.connected(rq.connection) {
				return "the server does not hang up"
			}
			return ""
		})
	case byStepDown:
		r.stepDown(f, rq)
	case byCutReply:
		o := r.newOperation(find, rq)
		r.issue(rq, o, once)
		r.worker.server.CutReply(20, r.worker.only(o.id))
		_, err := o.run(f.ctx, r.client.Client)
		rq.doom()
		r.broke(rq, err, 0)
	}
}

// doom notes that the server has ended the socket.
func (r *requestModel) doom() { r.condition, r.lossy = doomed, true }

// cutOff ends a context while a message is written that the kernel cannot take whole, for a server
// that does not read. The request breaks if a part of the message has left.
func (r *run) cutOff(f *flow) {
	const patience = 30 * time.Millisecond // how long the message is written before its context ends
	where, rq, _ := f.place()
	if where != inside || rq.condition != live || !rq.pinned || f.done() {
		return
	}
	r.processed()
	first := r.newOperation(find, rq)
	r.issue(rq, first, once)
	g := r.gate(first.id)
	answer := r.start(f.ctx, first)
	r.arrival(g, answer)
	short, cancel := context.WithTimeout(f.ctx, patience)
	defer cancel()
	err := insertLarge(short, r.client.Client)
	switch {
	case gaveUp(err): // taken back, before anything of it had left
	default:
		rq.doom()
		r.broke(rq, err, 0)
	}
	g.open()
	a := <-answer
	if rq.condition == broken {
		if !first.answered(a.err) {
			r.broke(rq, a.err, 0)
		}
		return
	}
	r.answered(rq, first, a)
}

// flush and barrier call the methods of the request that the context carries.
func (r *run) flush(f *flow) {
	where, rq, _ := f.place()
	switch {
	case where == inside && rq.request != nil:
		v := verdict{nilAllowed: rq.condition != broken, brokenAllowed: rq.condition == doomed || rq.condition == broken}
		r.judge("Flush", rq, v, r.handleOf(f).request.Flush(r.root))
		if held := rq.request.Info().HeldBytes; held != 0 {
			r.fatal("%d bytes are held after a flush", held)
		}
	case where == afterward && f.handle != nil:
		if err := f.handle.request.Flush(r.root); !isEnded(err) {
			r.fatal("Flush of an ended request gives %v", err)
		}
	}
}

func (r *run) barrier(f *flow) {
	where, rq, _ := f.place()
	switch {
	case where == inside && rq.request != nil:
		v := verdict{nilAllowed: rq.condition == live || !rq.pinned, brokenAllowed: rq.condition == doomed || rq.condition == broken}
		err := r.handleOf(f).request.Barrier(r.root)
		r.judge("Barrier", rq, v, err)
		if err == nil {
			rq.replied()
		}
	case where == afterward && f.handle != nil:
		if err := f.handle.request.Barrier(r.root); !isEnded(err) {
			r.fatal("Barrier of an ended request gives %v", err)
		}
	}
}

// handleOf returns the handle that the context carries.
func (r *run) handleOf(f *flow) *handleModel {
	for ; f != nil; f = f.parent {
		if f.handle != nil {
			return f.handle
		}
		if f.scope != nil {
			return f.scope.automatic
		}
	}
	return nil
}
