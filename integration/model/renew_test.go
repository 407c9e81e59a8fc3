package model

import (
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/mongo-monorail/monorail"
)

// keepBytes is more than a program writes: with it, every unconfirmed write is kept.
const keepBytes = 1 << 20

// notPrimaryCode is that of NotWritablePrimary.
const notPrimaryCode = 10107

// kept is what stands in an unconfirmed write.
type kept struct {
	Q struct {
		ID string `bson:"_id"`
	}
	U struct {
		Push struct{ Log int } `bson:"$push"`
	}
}

// checkWrites checks the writes that a break hands back.
func (r *run) checkWrites(rq *requestModel, b *monorail.BrokenError) {
	r.t.Helper()
	if _, err := handedBack(b, r.program.keep, rq.name, !rq.history.shared()); err != nil {
		r.fatal("%v: %v", rq, err)
	}
}

// handedBack returns the values of the writes that a break hands back, if they are to be kept: as many
// as may be lost, each once, all to one document, and in order if that is known.
func handedBack(b *monorail.BrokenError, keep bool, document string, inOrder bool) (map[int]bool, error) {
	if !keep {
		if b.Writes != nil {
			return nil, fmt.Errorf("%d writes are handed back, and nothing was to be kept", len(b.Writes))
		}
		return nil, nil
	}
	if len(b.Writes) != b.Unconfirmed {
		return nil, fmt.Errorf("%d writes are handed back of %d unconfirmed statements", len(b.Writes), b.Unconfirmed)
	}
	seen, last := make(map[int]bool), 0
	for _, w := range b.Writes {
		var k kept
		if err := bson.Unmarshal(w.Statement, &k); err != nil {
			return nil, fmt.Errorf("a write that is handed back: %w", err)
		}
		value := k.U.Push.Log
		switch {
		case w.Command != "update" || w.Namespace != database+".c" || k.Q.ID != document || value == 0:
			return nil, fmt.Errorf("the write %+v is handed back", w)
		case seen[value]:
			return nil, fmt.Errorf("the write of %d is handed back twice", value)
		case value < last && inOrder:
			return nil, fmt.Errorf("the write of %d is handed back behind that of %d", value, last)
		}
		seen[value], last = true, value
	}
	return seen, nil
}

// shared tells whether goroutines have shared the request.
func (h *history) shared() bool {
	for _, s := range h.segments {
		if len(s.lanes) > 1 {
			return true
		}
	}
	return false
}

// renew accepts the break of a request, and sends again what may be lost.
func (r *run) renew(f *flow) {
	where, rq, _ := f.place()
	switch {
	case where == afterward && f.handle != nil:
		if err := f.handle.request.Renew(r.root); !isEnded(err) {
			r.fatal("Renew of an ended request gives %v", err)
		}
		return
	case where != inside || rq.request == nil:
		return
	}
	request := r.handleOf(f).request
	if err := request.Renew(r.root); err != nil {
		r.fatal("Renew of %v gives %v", rq, err)
	}
	switch epoch := request.Info().Epoch; {
	case epoch == rq.epoch && rq.condition != broken:
		return
	case epoch != rq.epoch+1 || rq.condition == live:
		r.fatal("%v is in epoch %d after Renew, and was in %d", rq, epoch, rq.epoch)
	}
	told := rq.told
	rq.beginEpoch()
	if told == nil || len(told.Writes) == 0 || f.done() {
		return
	}
	r.replay(rq, request, told.Writes)
}

// beginEpoch keeps what is known of the epoch that broke, and begins another, with a document of its
// own: what may still come of the old one must not disturb.
func (rq *requestModel) beginEpoch() {
	past := *rq
	past.past = nil
	past.condition = ended
	*rq = requestModel{
		name:      rq.name + "'",
		open:      rq.open,
		condition: live,
		history:   &history{},
		request:   rq.request,
		epoch:     rq.epoch + 1,
		past:      append(rq.past, &past),
	}
}

// replay sends writes again, to the document of the new epoch.
func (r *run) replay(rq *requestModel, request *monorail.Request, writes []monorail.UnconfirmedWrite) {
	again := make([]monorail.UnconfirmedWrite, len(writes))
	operations := make([]*operation, len(writes))
	for i, w := range writes {
		o := r.newOperation(pushLane, rq)
		w, err := o.replaying(w)
		if err != nil {
			r.fatal("%v", err)
		}
		again[i], operations[i] = w, o
	}
	if err := request.Replay(r.root, again); err != nil {
		r.fatal("Replay in %v gives %v", rq, err)
	}
	for _, o := range operations {
		r.issue(rq, o, once)
		rq.history.append(o.entries...)
		rq.wrote(1)
	}
	r.pin(rq)
}

// replaying returns the write that does what o would do, in the place of one that may be lost.
func (o *operation) replaying(w monorail.UnconfirmedWrite) (monorail.UnconfirmedWrite, error) {
	var err error
	if w.Statement, err = bson.Marshal(bson.D{
		{Key: "q", Value: bson.D{{Key: "_id", Value: o.doc}}},
		{Key: "u", Value: bson.D{{Key: "$push", Value: bson.D{{Key: "log", Value: o.first}}}}},
		{Key: "upsert", Value: true},
	}); err != nil {
		return w, err
	}
	w.Options, err = bson.Marshal(bson.D{{Key: "ordered", Value: true}, {Key: "comment", Value: o.id}})
	return w, err
}

// confirm calls Confirm of the request that the context carries.
func (r *run) confirm(f *flow) {
	where, rq, _ := f.place()
	switch {
	case where == inside && rq.request != nil:
		v := verdict{nilAllowed: rq.condition == live, brokenAllowed: rq.condition == doomed || rq.condition == broken}
		err := r.handleOf(f).request.Confirm(r.root, nil)
		r.judge("Confirm", rq, v, err)
		if err == nil {
			rq.replied()
		}
	case where == afterward && f.handle != nil:
		if err := f.handle.request.Confirm(r.root, nil); !isEnded(err) {
			r.fatal("Confirm of an ended request gives %v", err)
		}
	}
}

// stepDown has the server refuse a write because it is not writable any more: that ends the request.
func (r *run) stepDown(f *flow, rq *requestModel) {
	o := r.newOperation(duplicate, rq)
	r.issue(rq, o, once)
	failPoint := bson.D{
		{Key: "configureFailPoint", Value: "failCommand"},
		{Key: "mode", Value: bson.D{{Key: "times", Value: 1}}},
		{Key: "data", Value: bson.D{{Key: "failCommands", Value: bson.A{"insert"}}, {Key: "errorCode", Value: notPrimaryCode}}},
	}
	if err := r.worker.control.Database("admin").RunCommand(r.root, failPoint).Err(); err != nil {
		r.fatal("setting a fail point gives %v", err)
	}
	_, err := o.run(f.ctx, r.client.Client)
	var server mongo.ServerError
	if !errors.As(err, &server) || !server.HasErrorCode(notPrimaryCode) {
		r.fatal("a write to a server that has stepped down gives %v", err)
	}
	rq.replied() // the server has processed everything before
	rq.doom()
	r.broke(rq, r.handleOf(f).request.Err(), 0)
}
