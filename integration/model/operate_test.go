package model

import (
	"context"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/monorailtest"
)

// answer is what an operation returned.
type answer struct {
	log []int
	err error
}

// start runs an operation in a goroutine, which sends its answer and ends.
func (r *run) start(ctx context.Context, o *operation) chan answer {
	answers := make(chan answer, 1)
	go func() {
		log, err := o.run(ctx, r.client.Client)
		answers <- answer{log, err}
	}()
	return answers
}

// gate holds up the message of an operation at the server.
func (r *run) gate(id string) *gate {
	g := r.worker.tap.gate(id)
	r.gates = append(r.gates, g)
	return g
}

// arrival waits until the server has the message.
func (r *run) arrival(g *gate, answers <-chan answer) {
	select {
	case <-g.arrived:
	case a := <-answers:
		r.fatal("an operation returns %v before the server has its message", a.err)
	}
}

// only matches the messages of one operation.
func (w *worker) only(id string) monorailtest.Match {
	return func(m *monorailtest.Message) bool {
		comment, _ := bson.Raw(m.Body).Lookup("comment").StringValueOK()
		return comment == id
	}
}

// connected tells whether a connection is open at the server.
func (w *worker) connected(connection int64) bool {
	open := false
	w.server.CloseConnections(func(id int32, _ string, _ bool) bool {
		open = open || int64(id) == connection
		return false
	})
	return open
}

// insertLarge inserts more than the kernel takes for a server that does not read: on loopback it has
// been seen to take 4 MB, and its limits add up to 10.
func insertLarge(ctx context.Context, c *monorail.Client) error {
	_, err := c.Database(database).Collection("large").InsertOne(ctx, bson.D{{Key: "a", Value: strings.Repeat("x", 15<<20)}})
	return err
}

// operate runs one operation with a context.
func (r *run) operate(f *flow, kind opKind, how interruption) {
	r.t.Helper()
	where, rq := r.enter(f)
	switch where {
	case afterward:
		r.operateAfterward(f, kind)
	case outside:
		r.operateOutside(f, kind)
	default:
		r.operateInside(f, rq, kind, how)
		if !rq.forgotten {
			r.entered(f, rq)
		}
	}
}

// operateAfterward operates with the context of a request that has ended.
func (r *run) operateAfterward(f *flow, kind opKind) {
	o := r.newOperation(kind, r.outside)
	r.issue(r.outside, o, notSent)
	if _, err := o.run(f.ctx, r.client.Client); !isEnded(err) && (!f.done() || !gaveUp(err)) {
		r.fatal("%s after the request gives %v", kind, err)
	}
}

// operateOutside operates with a context without a request. Of unacknowledged writes no order is
// promised there, so that they go to a document of their own.
func (r *run) operateOutside(f *flow, kind opKind) {
	o := r.newOperation(kind, r.outside)
	sent := once
	if f.done() {
		sent = atMost
		for _, e := range o.entries {
			e.certain = false
		}
	}
	if kind.unacknowledged() {
		o.doc += ".unordered"
	} else {
		r.outside.history.append(o.entries...)
	}
	r.issue(r.outside, o, sent)
	log, err := o.run(f.ctx, r.client.Client)
	switch {
	case f.done() && gaveUp(err):
	case !o.answered(err):
		r.fatal("%s outside requests gives %v", kind, err)
	case kind.reads():
		r.read(r.outside, log)
	}
}

// operateInside operates in a request.
func (r *run) operateInside(f *flow, rq *requestModel, kind opKind, how interruption) {
	r.t.Helper()
	if f.done() {
		how = beforehand
	}
	if (how == whileWaiting || how == asAnswered) && (kind.unacknowledged() || !rq.pinned || rq.condition != live) {
		how = notInterrupted // there is nothing to wait for
	}
	o := r.newOperation(kind, rq)
	var a answer
	switch how {
	case whileWaiting, asAnswered:
		r.operateWaiting(f, rq, o, how)
		return
	case beforehand:
		ctx, cancel := context.WithCancel(f.ctx)
		cancel()
		a.log, a.err = o.run(ctx, r.client.Client)
	case bySoonDeadline:
		ctx, cancel := context.WithTimeout(f.ctx, time.Duration(r.operations%8)*100*time.Microsecond)
		a.log, a.err = o.run(ctx, r.client.Client)
		cancel()
	default:
		a.log, a.err = o.run(f.ctx, r.client.Client)
	}
	switch {
	case how != notInterrupted && gaveUp(a.err):
		r.interrupted(f, rq, o)
	case rq.condition == live:
		r.issue(rq, o, once)
		if how == bySoonDeadline && kind.unacknowledged() {
			for _, e := range o.entries { // the server may refuse it in silence, for it has a time limit, too
				e.certain = false
			}
		}
		rq.history.append(o.entries...)
		r.answered(rq, o, a)
	default:
		r.operateDead(rq, o, a.err)
	}
}

// operateDead judges an operation on a socket that has ended.
func (r *run) operateDead(rq *requestModel, o *operation, err error) {
	r.t.Helper()
	for _, e := range o.entries {
		e.certain = false
	}
	n := o.kind.statements()
	if rq.condition == doomed && n > 0 && err == nil {
		r.issue(rq, o, atMost)
		rq.history.append(o.entries...)
		rq.wrote(n)
		return
	}
	r.issue(rq, o, notSent)
	r.broke(rq, err, n)
}

// operateWaiting ends an operation's context while the server has its message.
func (r *run) operateWaiting(f *flow, rq *requestModel, o *operation, how interruption) {
	r.issue(rq, o, once)
	rq.history.append(o.entries...)
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	g := r.gate(o.id)
	answers := r.start(ctx, o)
	r.arrival(g, answers)
	if how == asAnswered {
		go g.open() // ends at once; whoever waits for the operation's effects waits for it
		cancel()
	} else {
		cancel()
	}
	a := <-answers
	g.open()
	switch {
	case gaveUp(a.err):
		r.abandoned(rq, how == asAnswered)
	case how == asAnswered:
		r.answered(rq, o, a)
	default:
		r.fatal("%s, cancelled while it waits, gives %v", o.kind, a.err)
	}
}

// answered notes the effects of an operation that ran, and checks what it read.
func (r *run) answered(rq *requestModel, o *operation, a answer) {
	r.t.Helper()
	if !o.answered(a.err) {
		r.fatal("%s in %v gives %v", o.kind, rq, a.err)
	}
	if o.kind.unacknowledged() {
		rq.wrote(o.kind.statements())
		return
	}
	rq.replied()
	o.acknowledge()
	if o.kind.reads() {
		r.read(rq, a.log)
	}
}

// read checks a log that was read behind everything in the history.
func (r *run) read(rq *requestModel, log []int) {
	r.t.Helper()
	if _, err := rq.history.check(log, true); err != nil {
		r.fatal("%v: %v", rq, err)
	}
	rq.history.settle(log)
}

// abandoned notes that an operation has given up waiting. It may have read the late replies of others
// before, or even its own.
func (r *run) abandoned(rq *requestModel, own bool) {
	r.t.Helper()
	least, most := rq.unconfirmedRange()
	if own {
		least = 0
	}
	got := rq.request.Info().Unconfirmed
	if got < least || got > most {
		r.fatal("%v has %d unconfirmed statements after an operation gave up, want %d to %d", rq, got, least, most)
	}
	rq.unconfirmed = got
	rq.gaveUp()
}

// interrupted notes an operation whose context ended at an unknown moment. What the request says of
// its unconfirmed statements tells whether an unacknowledged write is in it.
func (r *run) interrupted(f *flow, rq *requestModel, o *operation) {
	if r.entered(f, rq); rq.forgotten {
		return
	}
	r.issue(rq, o, atMost)
	n := o.kind.statements()
	for _, e := range o.entries {
		e.certain = false
	}
	switch {
	case n == 0:
		if rq.condition == live {
			r.abandoned(rq, true)
		}
	case rq.abandoned > 0: // a late reply may have changed what is unconfirmed
		rq.unconfirmed += n
	case rq.condition != broken:
		switch rq.request.Info().Unconfirmed - rq.unconfirmed {
		case 0:
			return
		case n:
			for _, e := range o.entries {
				e.certain = rq.condition == live
			}
			rq.wrote(n)
		}
	}
	rq.history.append(o.entries...)
}

// foreign runs an operation of another client with the context: it is in none of this one's requests.
func (r *run) foreign(f *flow) {
	o := r.newOperation(find, r.outside)
	sent := once
	if f.done() {
		sent = atMost
	}
	r.issue(r.outside, o, sent)
	if _, err := o.run(f.ctx, r.worker.control); !o.answered(err) && (!f.done() || !gaveUp(err)) {
		r.fatal("an operation of another client gives %v", err)
	}
}
