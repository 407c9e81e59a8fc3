package model

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// checkEverything compares what the client says of its requests and its pool with the model.
func (r *run) checkEverything() {
	r.t.Helper()
	for _, f := range r.flows {
		r.checkContext(f)
	}
	for _, h := range r.handles {
		r.checkHandle(h)
	}
	for _, rq := range r.requests {
		if rq.request != nil {
			r.checkInfo(rq)
		}
	}
	r.checkPool()
}

// checkContext compares InRequest and Request.
func (r *run) checkContext(f *flow) {
	r.t.Helper()
	where, rq, _ := f.place()
	request := r.client.Request(f.ctx)
	if in := where == inside; in != r.client.InRequest(f.ctx) || in != (request != nil) {
		r.fatal("a context is %s, and Request gives %v", where, request)
	}
	if request != nil && request.Info().ConnectionID != rq.driverID {
		r.fatal("a context of %v gives the request %+v", rq, request.Info())
	}
	if r.worker.control.InRequest(f.ctx) {
		r.fatal("a context of one client is in a request of another")
	}
}

// checkHandle compares Err.
func (r *run) checkHandle(h *handleModel) {
	r.t.Helper()
	err := h.request.Err()
	switch {
	case h.state != handleOpen || h.of.condition == ended:
		if !isEnded(err) {
			r.fatal("Err of an ended handle of %v gives %v", h.of, err)
		}
	case h.of.condition == broken, err != nil:
		r.broke(h.of, err, 0)
	}
}

// checkInfo compares Info.
func (r *run) checkInfo(rq *requestModel) {
	r.t.Helper()
	info := rq.request.Info()
	least, most := rq.unconfirmedRange() // late replies are read when nobody operates, too
	holds, known := rq.holds()
	switch {
	case info.Epoch != rq.epoch:
		r.fatal("%v is in epoch %d, want %d", rq, info.Epoch, rq.epoch)
	case info.Depth != rq.open && !r.disconnected:
		r.fatal("%v has depth %d", rq, info.Depth)
	case known && info.Pinned != holds:
		r.fatal("%v is pinned: %v", rq, info.Pinned)
	case info.ConnectionID != rq.driverID:
		r.fatal("%v has the connection %q", rq, info.ConnectionID)
	case rq.pinned && (info.ServerConnectionID == nil || *info.ServerConnectionID != rq.connection):
		r.fatal("%v has the server's connection %v", rq, info.ServerConnectionID)
	case rq.condition != ended && (info.Unconfirmed < least || info.Unconfirmed > most):
		r.fatal("%v has %d unconfirmed statements, want %d to %d", rq, info.Unconfirmed, least, most)
	case holds && known && (info.InFlight > rq.abandoned || info.InFlight < 0):
		r.fatal("%v has %d replies in flight, want at most %d", rq, info.InFlight, rq.abandoned)
	case holds && known && rq.unconfirmed == 0 && info.HeldBytes > 0:
		r.fatal("%v holds %d bytes of nothing", rq, info.HeldBytes)
	}
}

// checkPool compares the connections that are checked out with the sockets of requests.
func (r *run) checkPool() {
	r.t.Helper()
	least, most := 0, 0
	for _, rq := range r.requests {
		holds, known := rq.holds()
		if holds {
			least++
		}
		if holds || !known {
			most++
		}
	}
	r.eventually(func() string {
		if n := r.client.pool.CheckedOut(); n < least || n > most {
			return fmt.Sprintf("%d connections are checked out, want %d to %d", n, least, most)
		}
		return ""
	})
}

// finish ends what is open, and compares the server's record with the model.
func (r *run) finish() {
	r.t.Helper()
	r.closeCursors()
	if r.program.disconnect {
		r.disconnect()
	}
	for _, f := range r.flows {
		if f.scope != nil && !r.disconnected {
			r.cancelFlow(f)
		}
	}
	for _, h := range r.handles {
		r.end(h)
	}
	r.checkEverything()
	for _, f := range r.flows {
		if f.cancel != nil {
			f.cancel()
		}
	}
	if n := r.client.pool.CheckedOut(); n != 0 {
		r.fatal("%d connections are checked out at the end", n)
	}
	for _, rq := range r.epochs() {
		r.checkLog(rq)
	}
	r.checkMessages()
	if err := r.client.matching(); err != nil {
		r.fatal("%v", err)
	}
}

// disconnect ends the client with whatever is open.
func (r *run) disconnect() {
	v := verdict{nilAllowed: true}
	for _, rq := range r.requests {
		if rq.condition == ended {
			continue
		}
		end := rq.endVerdict()
		v.nilAllowed = v.nilAllowed && end.nilAllowed
		v.brokenAllowed = v.brokenAllowed || end.brokenAllowed
		rq.condition = ended
	}
	ctx, cancel := context.WithTimeout(context.Background(), servertest.Timeout)
	defer cancel()
	err := r.client.Disconnect(ctx)
	if err == nil && !v.nilAllowed || err != nil && (!v.brokenAllowed || !errors.Is(err, monorail.ErrRequestBroken)) {
		r.fatal("Disconnect gives %v, want %+v", err, v)
	}
	r.disconnected = true
	delete(r.worker.clients, r.program.kind())
}

// checkLog compares what the server has at last with what was issued. Of a socket that has ended,
// what is there is a beginning of it, and no more is missing than was told.
func (r *run) checkLog(rq *requestModel) {
	r.t.Helper()
	r.eventually(func() string {
		log, err := decode(r.worker.control.Database(database).Collection("c").FindOne(r.root, bson.D{{Key: "_id", Value: rq.name}}))
		if err != nil {
			r.fatal("reading a log: %v", err)
		}
		missing, err := rq.history.check(log, !rq.lossy)
		if err != nil {
			return fmt.Sprintf("at last, %v: %v", rq, err)
		}
		lost := 0
		for _, e := range missing {
			if e.acknowledged {
				return fmt.Sprintf("at last, %v has lost the acknowledged %d: the log %v, the history %v", rq, e.value, log, rq.history)
			}
			if e.silent {
				lost++
			}
		}
		most := rq.unconfirmed
		if rq.told != nil {
			most = rq.told.Unconfirmed
		}
		if lost > most {
			return fmt.Sprintf("at last, %v has lost %d unacknowledged statements, and %d were told", rq, lost, most)
		}
		return ""
	})
}

// checkMessages compares the server's record of messages with what was issued: all of a request on
// its socket, in its order, each once, and nothing else on that socket while the request had it.
func (r *run) checkMessages() {
	r.t.Helper()
	r.eventually(r.unheard)
	r.eventually(r.missing)
	heard := r.worker.tap.heard()
	slices.SortFunc(heard, func(a, b message) int { return int(a.index - b.index) })
	first := make(map[string]message)
	for _, m := range heard {
		if m.command == "getMore" {
			continue
		}
		if _, twice := first[m.comment]; twice {
			r.fatal("the server got the message of %s twice", m.comment)
		}
		first[m.comment] = m
	}
	for _, rq := range r.epochs() {
		for _, i := range rq.issued {
			m, came := first[i.op.id]
			switch {
			case came && i.sent == notSent:
				r.fatal("the server got the %s that %v refused", i.op.kind, rq)
			case came && rq == r.outside:
				r.checkOutside(i.op.kind, m)
			case came && m.connection != rq.connection:
				r.fatal("the %s of %v ran on connection %d", i.op.kind, rq, m.connection)
			}
		}
		if rq != r.outside {
			if err := inOrder(rq.issued, first); err != nil {
				r.fatal("in %v, %v", rq, err)
			}
		}
	}
	for _, rq := range r.requests {
		r.checkFences(rq, first)
	}
	r.checkBatches(heard)
}

// inOrder compares the order in which operations came to a server with that in which they were issued.
func inOrder(issued []*issue, first map[string]message) error {
	came := slices.DeleteFunc(slices.Clone(issued), func(i *issue) bool { _, ok := first[i.op.id]; return !ok })
	slices.SortFunc(came, func(a, b *issue) int { return int(first[a.op.id].index - first[b.op.id].index) })
	last := make(map[[2]int]*issue) // by segment and lane
	previous := &issue{}
	for _, i := range came {
		if i.segment < previous.segment {
			return fmt.Errorf("the %s came after a later operation", i.op.kind)
		}
		lane := [2]int{i.segment, i.lane}
		if before := last[lane]; before != nil && i.position < before.position {
			return fmt.Errorf("the %s came after a later operation of its goroutine", i.op.kind)
		}
		last[lane], previous = i, i
	}
	return nil
}

// checkFences checks that nothing of an epoch ran after something of the next one.
func (r *run) checkFences(rq *requestModel, first map[string]message) {
	r.t.Helper()
	last := int64(0)
	for _, epoch := range append(rq.past, rq) {
		before := last
		for _, i := range epoch.issued {
			m, came := first[i.op.id]
			if came && m.index < before {
				r.fatal("in %v, the %s of a later epoch came before something of an earlier one", epoch, i.op.kind)
			}
			last = max(last, m.index)
		}
	}
}

// processed waits until the server has processed what was written on sockets that have gone back to
// the pool: the request that has one of them now, and whose socket is to end, must be the only one to
// lose something.
func (r *run) processed() {
	r.t.Helper()
	r.eventually(r.unheard)
	for _, rq := range r.requests {
		if rq.condition == ended && !rq.lossy {
			r.checkLog(rq)
		}
	}
}

// unheard tells of an unacknowledged write outside requests that the server has not got yet.
func (r *run) unheard() string {
	heard := make(map[string]bool)
	for _, m := range r.worker.tap.heard() {
		heard[m.comment] = true
	}
	for _, i := range r.outside.issued {
		if i.sent == once && !heard[i.op.id] {
			return fmt.Sprintf("the server does not get the %s outside requests", i.op.kind)
		}
	}
	return ""
}

// missing tells of a message that the server has not got, of requests that have all ended: it may get an
// unacknowledged write after the end.
func (r *run) missing() string {
	heard := make(map[string]bool)
	for _, m := range r.worker.tap.heard() {
		heard[m.comment] = true
	}
	for _, rq := range r.epochs() {
		for _, i := range rq.issued {
			if i.sent == once && !heard[i.op.id] && !(rq.lossy && i.op.kind.unacknowledged()) {
				return fmt.Sprintf("the server did not get the %s of %v", i.op.kind, rq)
			}
		}
	}
	return ""
}

// checkOutside checks that an operation outside requests used no socket of a request that had it from
// its first to its last message.
func (r *run) checkOutside(kind opKind, m message) {
	r.t.Helper()
	for _, span := range r.spans() {
		if m.connection == span.connection && m.index > span.from && m.index < span.to {
			r.fatal("the %s outside requests ran on the socket of %v", kind, span.of)
		}
	}
}

// span is a time, in messages of the server, during which a request had a socket.
type span struct {
	of         *requestModel
	connection int64
	from, to   int64
}

// epochs returns what was issued on each socket of each request, and outside.
func (r *run) epochs() []*requestModel {
	var all []*requestModel
	for _, rq := range r.requests {
		all = append(append(all, rq.past...), rq)
	}
	return append(all, r.outside)
}

func (r *run) spans() []span {
	var spans []span
	heard := r.worker.tap.heard()
	for _, rq := range r.epochs() {
		if rq == r.outside {
			continue
		}
		s := span{of: rq, connection: rq.connection}
		for _, m := range heard {
			for _, i := range rq.issued {
				if i.op.id != m.comment || m.command == "getMore" {
					continue
				}
				if s.from == 0 || m.index < s.from {
					s.from = m.index
				}
				s.to = max(s.to, m.index)
			}
		}
		spans = append(spans, s)
	}
	return spans
}

// checkBatches checks where each getMore ran.
func (r *run) checkBatches(heard []message) {
	r.t.Helper()
	for _, c := range r.cursors {
		batch := 0
		for _, m := range heard {
			if m.command != "getMore" || m.comment != c.id {
				continue
			}
			if batch == len(c.batches) {
				r.fatal("a cursor sent a getMore more than it was asked for")
			}
			if want := c.batches[batch]; want != 0 && m.connection != want {
				r.fatal("a getMore ran on connection %d, want %d", m.connection, want)
			} else if want == 0 {
				r.checkOutside("getMore", m)
			}
			batch++
		}
		if batch < len(c.batches) {
			r.fatal("a cursor sent %d getMores, want %d", batch, len(c.batches))
		}
	}
}
