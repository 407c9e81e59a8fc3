package model

import (
	"context"
	"slices"
	"sync"
	"time"
)

// operate runs one operation in a request.
func (r *setRun) operate(rq *setRequest, kind opKind, impatient bool) outcome {
	r.t.Helper()
	o := r.newOperation(kind, rq.name)
	if rq.over {
		rq.issue(o, notSent)
		if _, err := o.run(rq.ctx, r.client.Client); !isEnded(err) {
			r.fatal("%s in the ended %v gives %v", kind, rq, err)
		}
		return wrong
	}
	sent := atMost
	if rq.told != nil {
		sent = notSent
	}
	ctx, cancel := rq.ctx, func() {}
	if impatient {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(r.operations%8)*100*time.Microsecond)
	}
	var a answer
	a.log, a.err = o.run(ctx, r.client.Client)
	cancel()
	mayBeUnserved := !rq.pinned()
	r.entered(rq)
	how := rq.outcome(o, a.err, impatient, mayBeUnserved)
	r.admissible(rq, o, how, a.err)
	if how == succeeded && !kind.unacknowledged() {
		sent = once
	}
	rq.issue(o, sent)
	o.went(how)
	if impatient && kind.unacknowledged() { // the server may refuse it in silence, for it has a time limit, too
		o.went(cancelled)
	}
	rq.add(o)
	n := o.kind.statements()
	switch how {
	case succeeded:
		r.succeeded(rq, o, a)
	case refused:
		rq.mayBeReplied()
		r.broke(rq, rq.handle().Err(), n)
	case failed:
		if n == 0 && !rq.closed { // it may have failed behind a reply, as it was to be repeated
			rq.mayBeReplied()
		}
		r.broke(rq, a.err, n)
	case cancelled:
		rq.unconfirmed += n
		if n == 0 {
			rq.mayBeReplied()
		}
	}
	return how
}

// went notes which entries the server has, or will have if the socket lives.
func (o *operation) went(how outcome) {
	for _, e := range o.entries {
		e.certain = how == succeeded
		e.acknowledged = how == succeeded && !o.kind.unacknowledged()
	}
}

// succeeded notes the effects of an operation that has succeeded, and checks what it read.
func (r *setRun) succeeded(rq *setRequest, o *operation, a answer) {
	r.t.Helper()
	if o.kind.pushes() > 0 {
		rq.wrote = true
		rq.stranded = rq.stranded || r.strands(rq.member)
	}
	if o.kind.unacknowledged() {
		rq.unconfirmed += o.kind.statements()
		return
	}
	rq.replied()
	if o.kind.reads() {
		if _, err := rq.history.check(a.log, true); err != nil {
			r.fatal("%v: %v", rq, err)
		}
		rq.history.settle(a.log)
	}
}

// admissible fails the test where an operation went as it cannot.
func (r *setRun) admissible(rq *setRequest, o *operation, how outcome, err error) {
	r.t.Helper()
	switch {
	case how == wrong:
		r.fatal("%s in %v gives %v", o.kind, rq, err)
	case rq.told != nil && how != failed && how != cancelled:
		r.fatal("%s in %v %s: %v", o.kind, rq, how, err)
	case rq.prospect == lost && how == succeeded && !o.kind.unacknowledged() && (o.kind != unknownCommand || rq.closed):
		r.fatal("%s in %v succeeded", o.kind, rq)
	case rq.prospect == steady && how != succeeded && how != cancelled:
		r.fatal("%s in %v %s, and nothing has happened to the set: %v", o.kind, rq, how, err)
	}
}

// share has several goroutines operate in one request, each once, or again and again while something
// happens.
func (r *setRun) share(rq *setRequest, kinds [][]opKind, event func()) {
	r.t.Helper()
	lanes := make([][]*operation, len(kinds))
	for i, lane := range kinds {
		n := len(lane)
		if event != nil {
			n = maxShared
		}
		for j := range n {
			lanes[i] = append(lanes[i], r.newOperation(lane[j%len(lane)], rq.name))
		}
	}
	over := make(chan struct{}) // closed when it has happened; the goroutines receive
	answers := make([][]answer, len(lanes))
	var done sync.WaitGroup
	for i, lane := range lanes {
		done.Go(func() {
			for j, o := range lane {
				if j >= len(kinds[i]) {
					select {
					case <-over:
						return
					case <-time.After(100 * time.Microsecond): // a pace, so that a slow server is not buried
					}
				}
				log, err := o.run(rq.ctx, r.client.Client)
				answers[i] = append(answers[i], answer{log, err})
			}
		})
	}
	if event != nil {
		event()
	}
	close(over)
	done.Wait()
	for i := range lanes {
		lanes[i] = lanes[i][:len(answers[i])]
	}
	mayBeUnserved := !rq.pinned()
	r.entered(rq)
	r.judgeLanes(rq, lanes, answers, event == nil, mayBeUnserved)
}

// judgeLanes judges what several goroutines did. Quiet says that nothing happened meanwhile, mayBeUnserved that
// the request was not pinned before.
func (r *setRun) judgeLanes(rq *setRequest, lanes [][]*operation, answers [][]answer, quiet, mayBeUnserved bool) {
	r.t.Helper()
	sent := atMost
	if rq.told != nil {
		sent = notSent
	}
	entries := make([][]*entry, len(lanes))
	statements, replies := 0, false
	var breaks []error
	rq.segments++
	for i, lane := range lanes {
		before := succeeded
		for j, o := range lane {
			err := answers[i][j].err
			how := rq.outcome(o, err, false, mayBeUnserved)
			r.admissible(rq, o, how, err)
			if (before == refused || before == failed) && how != failed {
				r.fatal("in %v, the %s behind one that %s %s: %v, %v", rq, o.kind, before, how, answers[i][j-1].err, err)
			}
			before = how
			o.went(how)
			entries[i] = append(entries[i], o.entries...)
			rq.issued = append(rq.issued, &issue{op: o, segment: rq.segments, lane: i, position: j, sent: sent})
			statements += o.kind.statements()
			replies = replies || !o.kind.unacknowledged() && !rq.closed
			if how == failed {
				breaks = append(breaks, err)
			} else if how == refused {
				breaks = append(breaks, rq.handle().Err())
			}
			if how == succeeded && o.kind.pushes() > 0 {
				rq.wrote = true
				rq.stranded = rq.stranded || quiet && r.strands(rq.member)
			}
		}
	}
	for i, lane := range lanes {
		for j, o := range lane {
			if a := answers[i][j]; a.err == nil && o.kind.reads() {
				if err := seen(rq.history, lanes, i, j, a.log); err != nil {
					r.fatal("%v, shared: %v", rq, err)
				}
			}
		}
	}
	rq.history.share(entries)
	rq.entries = append(rq.entries, slices.Concat(entries...)...)
	rq.unconfirmed += statements
	if replies { // nobody knows what came before them
		rq.mayBeReplied()
	}
	for _, err := range breaks {
		r.broke(rq, err, 0)
	}
}
