package model

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// checkEverything compares what the client says of its requests and its pool with the model.
func (r *setRun) checkEverything() {
	r.t.Helper()
	for _, rq := range r.requests {
		if r.client.InRequest(rq.ctx) == rq.over {
			r.fatal("InRequest of %v gives %v", rq, rq.over)
		}
		if !rq.over {
			r.checkRequest(rq)
		}
	}
	r.checkPool()
}

// checkRequest compares Err and Info. A request may break at any moment, but for a steady one.
func (r *setRun) checkRequest(rq *setRequest) {
	r.t.Helper()
	r.entered(rq)
	if err := rq.handle().Err(); err != nil {
		r.broke(rq, err, 0)
	}
	info := rq.handle().Info()
	switch {
	case rq.told != nil && rq.handle().Err() == nil:
		r.fatal("%v has forgotten its break", rq)
	case info.Depth != len(rq.handles):
		r.fatal("%v has depth %d, want %d", rq, info.Depth, len(rq.handles))
	case rq.told != nil && (info.Pinned || info.Unconfirmed != rq.told.Unconfirmed):
		r.fatal("%v: %+v, and the break was %+v", rq, info, rq.told)
	case rq.prospect == steady && info.Pinned != rq.pinned():
		r.fatal("%v is pinned: %v", rq, info.Pinned)
	case info.Unconfirmed < len(rq.untold()) || info.Unconfirmed > rq.unconfirmed:
		r.fatal("%v has %d unconfirmed statements, want %d to %d", rq, info.Unconfirmed, len(rq.untold()), rq.unconfirmed)
	}
}

// checkPool compares the connections that are checked out with the requests that have a socket.
func (r *setRun) checkPool() {
	r.t.Helper()
	r.eventually(func() string {
		pinned := 0
		for _, rq := range r.requests {
			if !rq.over && rq.handle().Info().Pinned {
				pinned++
			}
		}
		if n := r.client.pool.CheckedOut(); n != pinned {
			return fmt.Sprintf("%d connections are checked out, and %d requests are pinned", n, pinned)
		}
		return ""
	})
}

// finish ends what is open, has the set be whole again, and compares what it has with the model.
func (r *setRun) finish() {
	r.t.Helper()
	if r.program.mended {
		r.mendEverything()
	}
	if r.program.disconnect {
		r.disconnect()
	}
	for _, rq := range r.requests {
		for !rq.over {
			r.end(rq)
		}
	}
	r.checkEverything()
	if n := r.client.pool.CheckedOut(); n != 0 {
		r.fatal("%d connections are checked out at the end", n)
	}
	if !r.disconnected {
		r.disconnect()
	}
	r.mendEverything()
	primary := r.primary()
	if err := r.set.AwaitReplication(r.root); err != nil {
		r.fatal("the set does not become whole again: %v", err)
	}
	r.direct(primary, func(c *mongo.Client) {
		for _, rq := range r.epochs() {
			r.checkLog(c, rq)
		}
	})
	r.checkMessages()
	if err := r.client.matching(); err != nil {
		r.fatal("%v", err)
	}
}

// mendEverything makes the set whole again.
func (r *setRun) mendEverything() {
	for r.away >= 0 || r.stopped {
		r.mend()()
	}
}

// disconnect ends the client with whatever is open.
func (r *setRun) disconnect() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), servertest.Timeout)
	defer cancel()
	if err := r.client.Disconnect(ctx); err != nil && !errors.Is(err, monorail.ErrRequestBroken) {
		r.fatal("Disconnect gives %v", err)
	}
	for _, rq := range r.requests {
		rq.over = true
	}
	r.disconnected = true
}

// epochs returns what was issued on each socket of each request.
func (r *setRun) epochs() []*setRequest {
	var all []*setRequest
	for _, rq := range r.requests {
		all = append(append(all, rq.past...), rq)
	}
	return all
}

// checkLog compares what the set has at last of an epoch with what was issued: it is a beginning of that,
// everything confirmed is in it, and what is missing was told, unless a change of primary may have taken
// it back.
func (r *setRun) checkLog(c *mongo.Client, rq *setRequest) {
	r.t.Helper()
	r.eventually(func() string {
		log, err := decode(c.Database(database).Collection("c").FindOne(r.root, bson.D{{Key: "_id", Value: rq.name}}))
		if err != nil {
			r.fatal("reading a log: %v", err)
		}
		missing, err := rq.history.check(log, rq.prospect == steady)
		if err != nil {
			return fmt.Sprintf("at last, %v: %v", rq, err)
		}
		gone := 0
		for _, e := range missing {
			switch {
			case e.durable:
				return fmt.Sprintf("at last, %v has lost %d, which was confirmed: the log %v, the history %v", rq, e.value, log, rq.history)
			case r.lossy:
			case e.acknowledged:
				return fmt.Sprintf("at last, %v has lost the acknowledged %d: the log %v, the history %v", rq, e.value, log, rq.history)
			default:
				gone++
			}
		}
		if gone > rq.unconfirmed {
			return fmt.Sprintf("at last, %v has lost %d statements: the log %v, the history %v", rq, gone, log, rq.history)
		}
		return ""
	})
}

// checkMessages compares the members' records with what was issued: each operation ran once, on the socket
// of its epoch, in order, and none that was refused.
func (r *setRun) checkMessages() {
	r.t.Helper()
	type place struct{ member, connection int64 }
	first, where, when := make(map[string]message), make(map[string]place), make(map[string]time.Time)
	for i, record := range r.records {
		for _, m := range record.Messages() {
			id, _ := bson.Raw(m.Body).Lookup("comment").StringValueOK()
			if _, twice := first[id]; twice {
				r.fatal("the message of %s came twice", id)
			}
			first[id] = message{m.Index, int64(m.ConnectionID), m.Command, id}
			where[id] = place{int64(i), int64(m.ConnectionID)}
			when[id] = m.Time
		}
	}
	for _, rq := range r.epochs() {
		for _, i := range rq.issued {
			at, came := where[i.op.id]
			switch {
			case !came && i.sent == once:
				r.fatal("no member got the %s of %v", i.op.kind, rq)
			case came && i.sent == notSent:
				r.fatal("member %d got the %s that %v refused", at.member, i.op.kind, rq)
			case came && at != place{int64(rq.member), rq.connection}:
				r.fatal("the %s of %v ran on connection %d of member %d", i.op.kind, rq, at.connection, at.member)
			}
		}
		if err := inOrder(rq.issued, first); err != nil {
			r.fatal("in %v, %v", rq, err)
		}
	}
	for _, rq := range r.requests {
		r.checkFences(rq, when)
	}
}

// checkFences checks that nothing of an epoch ran after something of the next one, but where the socket had
// ended, so that nobody could wait for what was on it.
func (r *setRun) checkFences(rq *setRequest, when map[string]time.Time) {
	r.t.Helper()
	var last time.Time
	for _, epoch := range append(rq.past, rq) {
		before := last
		for _, i := range epoch.issued {
			at, came := when[i.op.id]
			if came && at.Before(before) {
				r.fatal("in %v, the %s came before something of an earlier epoch", epoch, i.op.kind)
			}
			if !epoch.closed && at.After(last) {
				last = at
			}
		}
	}
}
