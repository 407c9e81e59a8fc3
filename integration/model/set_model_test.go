package model

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/mongo-monorail/monorail"
)

// prospect is what must become of a request that is not known to be broken.
type prospect string

const (
	// steady: nothing has happened to the set, and everything succeeds.
	steady prospect = "steady"
	// shaken: something has happened. The request may live or be broken.
	shaken prospect = "shaken"
	// lost: its server is primary no longer, or was killed. Nothing that the server answers succeeds.
	lost prospect = "lost"
)

// setRequest is what the contract says about one request, or about an epoch of it that is past.
type setRequest struct {
	name     string // and _id of the document of the epoch
	ctx      context.Context
	handles  []*monorail.Request // that have not ended, from the oldest
	prospect prospect
	// closed: the server has closed the socket.
	closed bool
	// told is the break, once it was told; every later report is the same.
	told *monorail.BrokenError
	over bool
	// member and connection are where the request is pinned, driverID the driver's name of that; the last
	// is "" before.
	member     int
	connection int64
	driverID   string

	history *history
	// entries are those of the history, and those that may never have been sent.
	entries []*entry
	// unconfirmed is how many unacknowledged statements may be unconfirmed at most.
	unconfirmed int
	// late is how many more a break may count that comes while the client reads the last reply: it was noted,
	// and not yet known, when the reply came.
	late int
	// wrote: something was written in the epoch, so that Confirm has something to confirm.
	wrote bool
	// stranded: a write cannot reach a majority, by what has happened to the set. Confirm must fail.
	stranded bool
	issued   []*issue
	segments int
	epoch    int
	past     []*setRequest
}

// handle returns the newest handle.
func (rq *setRequest) handle() *monorail.Request { return rq.handles[len(rq.handles)-1] }

func (rq *setRequest) pinned() bool { return rq.driverID != "" }

func (rq *setRequest) String() string {
	state := string(rq.prospect)
	if rq.closed {
		state += ", its socket closed"
	}
	if rq.told != nil {
		state = "broken"
	}
	return fmt.Sprintf("request %s (%s, epoch %d, pinned to %d of member %d, %d unconfirmed)", rq.name, state, rq.epoch, rq.connection, rq.member, rq.unconfirmed)
}

// untold returns the values of unacknowledged writes that a break of now has to tell of: no reply was
// read behind them.
func (rq *setRequest) untold() []int {
	var values []int
	for _, e := range rq.entries {
		if e.silent && e.certain && !e.processed {
			values = append(values, e.value)
		}
	}
	return values
}

// replied notes that a reply was read to what was issued last.
func (rq *setRequest) replied() {
	rq.mayBeReplied()
	rq.late, rq.unconfirmed = rq.unconfirmed, 0
}

// mayBeReplied notes that a reply may have been read, or will be.
func (rq *setRequest) mayBeReplied() {
	for _, e := range rq.entries {
		e.processed = true
	}
}

// confirmed notes that a Confirm has returned nil behind everything that was issued.
func (rq *setRequest) confirmed() {
	for _, e := range rq.entries {
		e.durable = e.certain
	}
}

// add notes what an operation of a single goroutine appends.
func (rq *setRequest) add(o *operation) {
	rq.history.append(o.entries...)
	rq.entries = append(rq.entries, o.entries...)
}

// issue notes an operation in the order of its request.
func (rq *setRequest) issue(o *operation, sent sending) {
	rq.segments++
	rq.issued = append(rq.issued, &issue{op: o, segment: rq.segments, sent: sent})
}

// beginEpoch keeps what is known of the epoch that broke, and begins another, with a document of its
// own.
func (rq *setRequest) beginEpoch() {
	past := *rq
	past.past = nil
	*rq = setRequest{
		name:     rq.name + "'",
		ctx:      rq.ctx,
		handles:  rq.handles,
		prospect: shaken,
		history:  &history{},
		epoch:    rq.epoch + 1,
		past:     append(rq.past, &past),
	}
}

// outcome is how an operation went.
type outcome string

const (
	succeeded outcome = "succeeded" // or the server's answer was what it always is
	refused   outcome = "refused"   // by a server that is not primary
	failed    outcome = "failed"    // because of the break
	cancelled outcome = "cancelled"
	// unserved: there was no socket to be had for the request.
	unserved outcome = "unserved"
	// wrong is what the contract knows no reason for.
	wrong outcome = "wrong"
)

// outcome tells how an operation went by its error. It may be unserved if the request was not pinned before.
func (rq *setRequest) outcome(o *operation, err error, impatient, mayBeUnserved bool) outcome {
	switch {
	case o.answered(err):
		return succeeded
	case errors.Is(err, monorail.ErrRequestBroken):
		return failed
	case errors.Is(err, monorail.ErrRequestEnded), errors.Is(err, monorail.ErrServerMismatch):
		return wrong
	case notPrimary(err):
		return refused
	case impatient && gaveUp(err):
		return cancelled
	case mayBeUnserved && noSocket(err):
		return unserved
	default:
		return wrong
	}
}

// noSocket tells whether an operation had no connection: the driver tries again for some only.
func noSocket(err error) bool {
	var connection topology.ConnectionError
	var cleared driver.RetryablePoolError
	return mongo.IsNetworkError(err) || errors.As(err, &connection) || errors.As(err, &cleared)
}

// notPrimaryCodes are those of the answers by which a member says that it is not primary, or leaving.
var notPrimaryCodes = []int{
	189,   // PrimarySteppedDown
	10107, // NotWritablePrimary
	11602, // InterruptedDueToReplStateChange
	13435, // NotPrimaryNoSecondaryOk
	13436, // NotPrimaryOrSecondary
}

// notPrimary tells whether the server has answered so, be it inside a reply that is ok: 1.
func notPrimary(err error) bool {
	var server mongo.ServerError
	if !errors.As(err, &server) {
		return false
	}
	for _, code := range notPrimaryCodes {
		if server.HasErrorCode(code) {
			return true
		}
	}
	return false
}
