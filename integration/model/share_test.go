package model

import (
	"slices"
	"sync"
)

// share has several goroutines operate with one context.
func (r *run) share(f *flow, kinds [][]opKind) {
	where, rq := r.enter(f)
	if f.done() || where != inside {
		return
	}
	lanes := make([][]*operation, len(kinds))
	rq.segments++
	for i, lane := range kinds {
		for j, kind := range lane {
			o := r.newOperation(kind, rq)
			lanes[i] = append(lanes[i], o)
			sent := once
			if rq.condition != live {
				sent = atMost
			}
			rq.issued = append(rq.issued, &issue{op: o, segment: rq.segments, lane: i, position: j, sent: sent})
		}
	}
	answers := make([][]answer, len(lanes))
	var done sync.WaitGroup
	for i, lane := range lanes {
		answers[i] = make([]answer, len(lane))
		done.Go(func() {
			for j, o := range lane {
				answers[i][j].log, answers[i][j].err = o.run(f.ctx, r.client.Client)
			}
		})
	}
	done.Wait()
	r.entered(f, rq)
	if rq.condition == live {
		r.sharedLive(rq, lanes, answers)
	} else {
		r.sharedDead(rq, lanes, answers)
	}
}

// sharedLive judges what several goroutines did in a request that lives.
func (r *run) sharedLive(rq *requestModel, lanes [][]*operation, answers [][]answer) {
	before := rq.unconfirmed
	all, trailing, replies := 0, 0, false
	for i, lane := range lanes {
		behind := 0 // unacknowledged statements since the goroutine's last reply
		for j, o := range lane {
			a := answers[i][j]
			if !o.answered(a.err) {
				r.fatal("%s in %v, shared, gives %v", o.kind, rq, a.err)
			}
			if o.kind.reads() {
				if err := seen(rq.history, lanes, i, j, a.log); err != nil {
					r.fatal("%v, shared: %v", rq, err)
				}
			}
			all += o.kind.statements()
			behind += o.kind.statements()
			if !o.kind.unacknowledged() {
				o.acknowledge()
				behind, replies = 0, true
			}
		}
		trailing += behind
	}
	entries := make([][]*entry, len(lanes))
	for i, lane := range lanes {
		for _, o := range lane {
			entries[i] = append(entries[i], o.entries...)
		}
	}
	rq.history.share(entries)
	if !replies {
		rq.wrote(all)
		return
	}
	rq.replied()
	// A goroutine's reply confirms what others had sent before, or not.
	if got := rq.request.Info().Unconfirmed; got < 0 || got > trailing {
		r.fatal("%v: %d unconfirmed, want at most %d; %d before the goroutines", rq, got, trailing, before)
	} else {
		rq.wrote(got)
	}
}

// seen checks what operation j of goroutine i read: everything from before, its goroutine's own
// values in order, and of the others' what there is, in each one's order.
func seen(h *history, lanes [][]*operation, i, j int, log []int) error {
	view := &history{segments: slices.Clone(h.segments)}
	side := make([][]*entry, len(lanes))
	for k, lane := range lanes {
		for l, o := range lane {
			if k == i && l > j {
				break
			}
			for _, e := range o.entries {
				side[k] = append(side[k], &entry{value: e.value, certain: k == i && e.certain})
			}
		}
	}
	view.share(side)
	_, err := view.check(log, true)
	return err
}

// sharedDead judges what several goroutines did on a socket that has ended.
func (r *run) sharedDead(rq *requestModel, lanes [][]*operation, answers [][]answer) {
	all := 0
	entries := make([][]*entry, len(lanes))
	for i, lane := range lanes {
		for _, o := range lane {
			all += o.kind.statements()
			for _, e := range o.entries {
				e.certain = false
			}
			entries[i] = append(entries[i], o.entries...)
		}
	}
	rq.history.share(entries)
	for i, lane := range lanes {
		for j, o := range lane {
			err := answers[i][j].err
			if err != nil || rq.condition == broken && rq.told == nil || !o.kind.unacknowledged() {
				r.broke(rq, err, all)
			}
		}
	}
	if rq.condition == doomed {
		rq.wrote(all)
	}
}
