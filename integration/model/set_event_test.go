package model

import (
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/mongo-monorail/monorail/monorailtest"
)

const (
	// stepDownPeriod is how long a member is not elected that has stepped down: until another one is, as a
	// rule, and not for long where no other one can be.
	stepDownPeriod = 4 * electionDelay
	// catchUp is how long a step-down waits for the others.
	catchUp = 20 * time.Millisecond
)

// happen has something happen to the set, and to whoever does something meanwhile.
func (r *setRun) happen(rq *setRequest, s setStep) {
	r.t.Helper()
	var settle func()
	event := func() { settle = r.cause(s.event) }
	var lostBefore []*setRequest
	if r.changesRoles(s.event) {
		r.uneasy = true
		for _, other := range r.requests {
			if other.prospect == lost && !other.closed { // its server may be elected again meanwhile
				lostBefore = append(lostBefore, other)
			}
			if other.prospect != lost || !other.closed {
				other.prospect = shaken
			}
		}
	}
	switch {
	case rq.over || s.meanwhile == doNothing:
		event()
	case s.meanwhile == doOperate:
		r.share(rq, s.lanes, event)
	case s.meanwhile == doConfirm:
		confirmed := make(chan error, 1) // the goroutine sends once
		go func() { confirmed <- r.confirm(rq, patience) }()
		event()
		r.judgeConfirm(rq, <-confirmed, false)
	}
	primary := r.primary()
	for _, other := range lostBefore {
		if other.told == nil && other.member != primary {
			other.prospect = lost
		}
	}
	settle()
	if s.goesOn && !rq.over {
		r.renew(rq)
	}
}

// changesRoles tells whether an event changes the role of a member, even for a moment.
func (r *setRun) changesRoles(e setEvent) bool {
	return e != stopReplication && (e != mend || r.away >= 0)
}

// cause has something happen to the set, and returns when there is a primary. What it returns tells the
// model.
func (r *setRun) cause(e setEvent) (settle func()) {
	r.t.Helper()
	old := r.primary()
	if (e == killPrimary || e == isolatePrimary) && r.away >= 0 {
		e = mend // there would be no majority
	}
	switch e {
	case stepDown, forcedStepDown:
		return r.causeStepDown(old, e == forcedStepDown)
	case failedStepDown:
		r.causeFailedStepDown(old)
		return r.moved(old, r.primary(), false)
	case election:
		next := (old + 1) % setMembers
		if next == r.away {
			next = (old + 2) % setMembers
		}
		if err := r.set.Elect(r.root, next); err != nil && !errors.Is(err, monorailtest.ErrBehind) {
			r.fatal("%v", err)
		}
		return r.moved(old, r.primary(), true)
	case killPrimary:
		r.set.Kill(old)
		r.away = old
		moved := r.moved(old, r.primary(), true)
		return func() {
			moved()
			for _, rq := range r.onMember(old) {
				rq.closed = true
			}
		}
	case isolatePrimary:
		r.set.Isolate(old)
		r.away, r.isolated = old, true
		r.primary()
		return func() { r.lossy = true } // who is pinned to the old one may go on
	case stopReplication:
		return r.switchReplication()
	default:
		return r.mend()
	}
}

// causeStepDown has the primary step down, unless the others do not catch up in time.
func (r *setRun) causeStepDown(old int, force bool) (settle func()) {
	r.t.Helper()
	o := monorailtest.StepDownOptions{Force: force, Period: stepDownPeriod}
	if !force {
		o.CatchUp = catchUp
	}
	if err := r.set.StepDown(r.root, o); err != nil && (force || !errors.Is(err, monorailtest.ErrNoneCaughtUp)) {
		r.fatal("%v", err)
	}
	return r.moved(old, r.primary(), force)
}

// causeFailedStepDown has the primary try to step down while no secondary has what it has.
func (r *setRun) causeFailedStepDown(old int) {
	r.t.Helper()
	r.set.StopReplication()
	if !r.stopped {
		defer r.set.ResumeReplication()
	}
	r.direct(old, func(c *mongo.Client) {
		if _, err := c.Database(database).Collection("noise").InsertOne(r.root, bson.D{}); err != nil {
			r.fatal("%v", err)
		}
	})
	err := r.set.StepDown(r.root, monorailtest.StepDownOptions{CatchUp: catchUp})
	if !errors.Is(err, monorailtest.ErrNoneCaughtUp) {
		r.fatal("a step-down while replication is stopped gives %v", err)
	}
}

// switchReplication stops replication, or has it go on.
func (r *setRun) switchReplication() (settle func()) {
	if r.stopped {
		r.set.ResumeReplication()
	} else {
		r.set.StopReplication()
	}
	return func() {
		r.stopped = !r.stopped
		r.reachable()
	}
}

// mend brings back who is away, or replication.
func (r *setRun) mend() (settle func()) {
	back, isolated := r.away, r.isolated
	switch {
	case back < 0 && r.stopped:
		return r.switchReplication()
	case back < 0:
		return func() {}
	case isolated:
		r.set.Rejoin(back) // and is primary no longer
	default:
		r.set.Restart(back)
	}
	r.away, r.isolated = -1, false
	return func() {
		if isolated {
			r.moved(back, r.primary(), true)()
		}
		r.reachable()
	}
}

// reachable notes that what was written may reach a majority now.
func (r *setRun) reachable() {
	for _, rq := range r.requests {
		rq.stranded = rq.stranded && r.strands(rq.member)
	}
}

// strands tells whether what is written on a member reaches no majority.
func (r *setRun) strands(member int) bool {
	return r.stopped || r.isolated && member == r.away
}

// primary waits until there is a primary that sees a majority, and returns it.
func (r *setRun) primary() (primary int) {
	r.t.Helper()
	r.eventually(func() string {
		var err error
		primary, err = r.set.AwaitPrimary(r.root)
		switch {
		case err != nil:
			return err.Error()
		case r.isolated && primary == r.away:
			return "a set whose primary is cut off elects no other one"
		}
		return ""
	})
	return primary
}

// moved tells the model that the primary was another member. What one has processed that others had not is
// taken back, if the change was lossy. A member that is primary again is as good as ever, to those whose
// sockets have outlived it.
func (r *setRun) moved(from, to int, lossy bool) func() {
	return func() {
		r.lossy = r.lossy || lossy
		for _, rq := range r.onMember(from) {
			rq.prospect = lost
		}
		for _, rq := range r.onMember(to) {
			if !rq.closed {
				rq.prospect = shaken
			}
		}
	}
}

// onMember returns the requests that are pinned to a member, and not known to be broken.
func (r *setRun) onMember(member int) []*setRequest {
	var on []*setRequest
	for _, rq := range r.requests {
		if !rq.over && rq.told == nil && rq.pinned() && rq.member == member {
			on = append(on, rq)
		}
	}
	return on
}

// awaitTheSilent waits until requests are broken whose socket is closed, or whose server is not the primary
// that the client's monitors know, although nobody operates in them.
func (r *setRun) awaitTheSilent() {
	r.t.Helper()
	primary := r.primary()
	for _, rq := range r.requests {
		if rq.over || !rq.pinned() || rq.told != nil || !rq.closed && (r.program.blind || rq.member == primary) {
			continue
		}
		r.eventually(func() string {
			if rq.handle().Err() == nil {
				return rq.String() + " does not break by itself"
			}
			return ""
		})
		r.broke(rq, rq.handle().Err(), 0)
	}
}
