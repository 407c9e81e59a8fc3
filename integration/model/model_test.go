package model

import (
	"context"
	"fmt"

	"github.com/mongo-monorail/monorail"
)

// condition is how a request is, by the contract.
type condition string

const (
	live condition = "live"
	// doomed: the server has ended the socket, and the client may or may not have noticed.
	doomed condition = "doomed"
	broken condition = "broken"
	ended  condition = "ended"
)

// requestModel is what the contract says about one request.
type requestModel struct {
	name      string
	open      int // handles that have not ended
	condition condition
	pinned    bool
	// connection is the server's name of the socket, and driverID the driver's; set once pinned.
	connection int64
	driverID   string
	history    *history
	// unconfirmed counts the unacknowledged statements since the last reply. After the last operation
	// that gave up waiting for a reply there came sinceAbandoned of them: its reply may still be read,
	// and confirm the others.
	unconfirmed, sinceAbandoned int
	// abandoned counts the replies that may still come for nobody.
	abandoned int
	// lossy: the socket was ended by the server or by a message that was cut off.
	lossy bool
	// told is the break that was reported first; every later report is the same.
	told   *monorail.BrokenError
	issued []*issue
	// segments counts the steps that operated in the request.
	segments int
	// epoch counts the renewals; past is what was before each.
	epoch int
	past  []*requestModel
	// forgotten: it never was; the operation that would have started it was cancelled.
	forgotten bool
	request   *monorail.Request // some handle; nil before an automatic request has been seen
}

// issue is one operation in the order of its request: for several goroutines, lane and position
// say what is ordered within the segment.
type issue struct {
	op                      *operation
	segment, lane, position int
	// sent says how many messages the server gets: exactly one, at most one, or none.
	sent sending
}

type sending string

const (
	once    sending = "once"
	atMost  sending = "at most once"
	notSent sending = "not at all"
)

// holds tells whether the request has a connection checked out; known is false while that may be
// one way or the other.
func (r *requestModel) holds() (holds, known bool) {
	return r.pinned && r.condition == live, r.condition != doomed || !r.pinned
}

// handleModel is one handle of a request.
type handleModel struct {
	of      *requestModel
	request *monorail.Request // nil for the automatic request of a scope
	state   handleState
	// verdicts are the errors that the first End may give after a context has ended the handle.
	verdicts verdict
}

type handleState string

const (
	handleOpen      handleState = "open"
	handleCancelled handleState = "cancelled"
	handleEnded     handleState = "ended"
)

// scopeModel is one scope of a client that starts requests by itself.
type scopeModel struct {
	automatic *handleModel // nil before the first operation
	ended     bool
}

// flow is a context with what it carries: a handle, a scope, or nothing.
type flow struct {
	ctx    context.Context
	parent *flow
	handle *handleModel
	scope  *scopeModel
	// cancel ends the context; nil where it has no end of its own.
	cancel    context.CancelFunc
	cancelled bool
}

// done tells whether the context has ended.
func (f *flow) done() bool {
	return f != nil && (f.cancelled || f.parent.done())
}

// under tells whether the context is derived from other, or is other.
func (f *flow) under(other *flow) bool {
	return f != nil && (f == other || f.parent.under(other))
}

// belonging says where an operation with a context runs.
type belonging string

const (
	outside   belonging = "outside"
	inside    belonging = "inside"
	afterward belonging = "after the request"
	// unstarted: in a scope whose automatic request the operation starts.
	unstarted belonging = "in a scope"
)

// place finds the request of an operation with the context: that of the innermost handle or scope.
func (f *flow) place() (belonging, *requestModel, *scopeModel) {
	switch {
	case f == nil:
		return outside, nil, nil
	case f.handle != nil:
		if f.handle.state != handleOpen || f.handle.of.condition == ended {
			return afterward, f.handle.of, nil
		}
		return inside, f.handle.of, nil
	case f.scope != nil:
		switch a := f.scope.automatic; {
		case f.scope.ended:
			return afterward, nil, f.scope
		case a != nil && a.state == handleOpen && a.of.condition != ended:
			return inside, a.of, f.scope
		case a != nil && a.state == handleOpen:
			return afterward, a.of, f.scope // by Disconnect
		default:
			return unstarted, nil, f.scope
		}
	default:
		return f.parent.place()
	}
}

// verdict says what an End, or another call that reports a break, may return.
type verdict struct{ nilAllowed, brokenAllowed bool }

// endVerdict says what the end of the request's last handle gives.
func (r *requestModel) endVerdict() verdict {
	least, _ := r.unconfirmedRange()
	switch {
	case r.condition == broken:
		return verdict{brokenAllowed: true}
	case r.condition == doomed && least == 0: // a socket that nobody needs any more is no loss
		return verdict{nilAllowed: true, brokenAllowed: true}
	case r.condition == doomed:
		return verdict{brokenAllowed: true}
	default:
		return verdict{nilAllowed: true}
	}
}

// leave counts one handle less, and returns what the End of the handle gives.
func (r *requestModel) leave() verdict {
	r.open--
	if r.open > 0 || r.condition == ended {
		return verdict{nilAllowed: true}
	}
	v := r.endVerdict()
	r.condition = ended
	return v
}

// replied notes that a reply was read: the server has processed everything before it.
func (r *requestModel) replied() { r.unconfirmed, r.sinceAbandoned, r.abandoned = 0, 0, 0 }

// wrote notes that so many unacknowledged statements were issued.
func (r *requestModel) wrote(statements int) {
	r.unconfirmed += statements
	r.sinceAbandoned += statements
}

// gaveUp notes that an operation has left a reply outstanding, or may have.
func (r *requestModel) gaveUp() {
	r.abandoned++
	r.sinceAbandoned = 0
}

// unconfirmedRange returns between what Unconfirmed lies when the socket ends.
func (r *requestModel) unconfirmedRange() (least, most int) {
	if r.abandoned > 0 {
		return r.sinceAbandoned, r.unconfirmed
	}
	return r.unconfirmed, r.unconfirmed
}

func (r *requestModel) String() string {
	return fmt.Sprintf("request %s (%s, %d open, pinned %v to %d, %d unconfirmed)", r.name, r.condition, r.open, r.pinned,
		r.connection, r.unconfirmed)
}
