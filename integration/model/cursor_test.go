package model

import (
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
)

// cursorModel is a cursor over the numbers. It uses the socket of the request in which it was opened
// while that lives, whatever context it is given, and then that of the context's request, or the pool.
type cursorModel struct {
	id     string // its comment, which each getMore has too
	cursor *mongo.Cursor
	owner  *requestModel // nil for a cursor opened outside requests
	next   int           // the number that comes next
	// batches are the sockets on which each getMore ran; 0 for outside requests.
	batches []int64
	over    bool
}

// openCursor opens a cursor with a context.
func (r *run) openCursor(f *flow) {
	where, rq := r.enter(f)
	if f.done() {
		return
	}
	model := rq
	if where != inside {
		model = r.outside
	}
	o := r.newOperation(find, model)
	cursor, err := r.client.Database(database).Collection(numbers).Find(f.ctx, bson.D{},
		options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetBatchSize(cursorBatch).SetComment(o.id))
	switch {
	case where == afterward:
		if !isEnded(err) {
			r.fatal("Find after the request gives %v", err)
		}
		r.issue(r.outside, o, notSent)
		return
	case where == inside && rq.condition != live:
		r.operateDead(rq, o, err)
		return
	case err != nil:
		r.fatal("Find gives %v", err)
	}
	r.issue(model, o, once)
	c := &cursorModel{id: o.id, cursor: cursor}
	if where == inside {
		c.owner = rq
		rq.replied()
		r.entered(f, rq)
	}
	r.cursors = append(r.cursors, c)
}

// nextBatch reads a cursor to the end of its next batch, with any context.
func (r *run) nextBatch(c *cursorModel, f *flow) {
	if c.over || f.done() {
		return
	}
	for c.cursor.RemainingBatchLength() > 0 {
		r.number(c, f)
	}
	where, rq := inside, c.owner
	joins := rq == nil || rq.condition == ended
	if joins {
		where, rq = r.enter(f)
	}
	more := c.cursor.Next(f.ctx)
	err := c.cursor.Err()
	switch {
	case where == afterward:
		if more || !isEnded(err) {
			r.fatal("Next after the request gives %v, %v", more, err)
		}
		c.over = true
	case where == inside && rq.condition != live:
		if more || err == nil {
			r.fatal("Next in %v gives %v, %v", rq, more, err)
		}
		r.broke(rq, err, 0)
		c.over = true
	case err != nil:
		r.fatal("Next gives %v", err)
	default:
		socket := int64(0)
		if where == inside {
			rq.replied()
			if joins {
				r.entered(f, rq)
			} else if !rq.pinned {
				r.pin(rq)
			}
			socket = rq.connection
		}
		c.batches = append(c.batches, socket)
		if more {
			r.check(c)
		} else if c.over = true; c.next != numberCount {
			r.fatal("the cursor ends after %d numbers", c.next)
		}
	}
}

// number reads a number that the batch has.
func (r *run) number(c *cursorModel, f *flow) {
	if !c.cursor.Next(f.ctx) {
		r.fatal("a cursor with %d documents in its batch gives %v", c.cursor.RemainingBatchLength(), c.cursor.Err())
	}
	r.check(c)
}

func (r *run) check(c *cursorModel) {
	if got, ok := c.cursor.Current.Lookup("_id").AsInt64OK(); !ok || got != int64(c.next) {
		r.fatal("the cursor gives %v, want number %d", c.cursor.Current, c.next)
	}
	c.next++
}

// closeCursors ends what the server keeps of cursors. The driver does not try again where it finds
// that another operation has cleared its pool.
func (r *run) closeCursors() {
	lossy := slices.ContainsFunc(r.requests, func(rq *requestModel) bool { return rq.lossy })
	for _, c := range r.cursors {
		if err := c.cursor.Close(r.root); err != nil && (!lossy || errors.Is(err, monorail.ErrRequestEnded)) {
			r.fatal("closing a cursor gives %v", err)
		}
	}
}
