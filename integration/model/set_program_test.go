package model

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"
)

// setProgram is a random use of a client of a replica set, to which things happen meanwhile. As in a
// program, every number makes sense.
type setProgram struct {
	tight, keep bool
	// blind: the client hears of a change of the set by its operations and sockets alone.
	blind bool
	// slow: the members take their time for each message, so that many wait where goroutines write.
	slow  bool
	steps []setStep
	// mended: the set is whole again before the requests end, and not only behind that.
	mended bool
	// disconnect: the program ends by Disconnect, with whatever is open.
	disconnect bool
}

type setStepKind string

const (
	beginRequest   setStepKind = "begin" // a request
	nestRequest    setStepKind = "nest"  // a handle to a request
	operateInSet   setStepKind = "operate"
	shareInSet     setStepKind = "share"   // several goroutines operate
	finishRequest  setStepKind = "finish"  // End of the newest handle
	flushInSet     setStepKind = "flush"   // and
	barrierInSet   setStepKind = "barrier" // and
	confirmInSet   setStepKind = "confirm" // with nil
	renewInSet     setStepKind = "renew"   // until an operation succeeds
	happen         setStepKind = "happen"  // an event, perhaps while goroutines operate, or one confirms
	awaitTheSilent setStepKind = "watch"   // until requests break in which nobody operates
)

// setEvent is what happens to the set.
type setEvent string

const (
	stepDown        setEvent = "the primary steps down"
	forcedStepDown  setEvent = "the primary is forced to step down"
	failedStepDown  setEvent = "the primary fails to step down"
	election        setEvent = "another member is elected"
	killPrimary     setEvent = "the primary is killed"
	isolatePrimary  setEvent = "the primary is cut off"
	stopReplication setEvent = "replication stops, or goes on"
	mend            setEvent = "who was killed or cut off comes back, or replication goes on"
)

// meanwhile is what is done while something happens.
type meanwhile string

const (
	doNothing  meanwhile = ""
	doOperate  meanwhile = "goroutines operate"
	doConfirm  meanwhile = "one confirms"
	maxShared            = 60 // operations of a goroutine while something happens
	setMembers           = 3
)

// setStep is one step of a program.
type setStep struct {
	kind    setStepKind
	request int // counted from the oldest
	op      opKind
	// impatient: the operation has a deadline that is near.
	impatient bool
	event     setEvent
	meanwhile meanwhile
	lanes     [][]opKind // of goroutines; while something happens, each again and again
	// goesOn: the request is renewed at once when something has happened, whatever is on its old socket.
	goesOn bool
}

type setStepWeight = struct {
	value  setStepKind
	weight int
}

type setEventWeight = struct {
	value  setEvent
	weight int
}

var (
	setStepKinds = rapid.SampledFrom(weighted(
		setStepWeight{operateInSet, 34}, setStepWeight{happen, 24}, setStepWeight{beginRequest, 10}, setStepWeight{confirmInSet, 12},
		setStepWeight{renewInSet, 12}, setStepWeight{awaitTheSilent, 8}, setStepWeight{shareInSet, 4}, setStepWeight{barrierInSet, 4},
		setStepWeight{finishRequest, 4}, setStepWeight{nestRequest, 2}, setStepWeight{flushInSet, 2},
	))
	setEvents = rapid.SampledFrom(weighted(
		setEventWeight{stepDown, 3}, setEventWeight{forcedStepDown, 4}, setEventWeight{failedStepDown, 3}, setEventWeight{election, 3},
		setEventWeight{killPrimary, 4}, setEventWeight{isolatePrimary, 4}, setEventWeight{stopReplication, 6}, setEventWeight{mend, 4},
	))
	meanwhiles  = rapid.SampledFrom([]meanwhile{doNothing, doNothing, doOperate, doConfirm})
	silentKinds = rapid.SampledFrom([]opKind{pushLane, pushTwo, pushDriver})
	// Half of the goroutines read no reply: what they wrote is unconfirmed at a break.
	setLane  = rapid.OneOf(rapid.SliceOfN(opKinds, 1, 4), rapid.SliceOfN(silentKinds, 1, 3))
	setLanes = rapid.SliceOfN(setLane, 1, 3)
	seldom   = rapid.IntRange(0, 9)
)

var setSteps = rapid.Custom(func(t *rapid.T) setStep {
	s := setStep{kind: setStepKinds.Draw(t, "kind"), request: small.Draw(t, "request")}
	switch s.kind {
	case operateInSet:
		s.op = opKinds.Draw(t, "op")
		s.impatient = seldom.Draw(t, "impatient") == 9
	case shareInSet:
		s.lanes = setLanes.Draw(t, "lanes")
	case happen:
		s.event = setEvents.Draw(t, "event")
		s.meanwhile = meanwhiles.Draw(t, "meanwhile")
		s.goesOn = seldom.Draw(t, "goes on") >= 6
		if s.meanwhile == doOperate {
			s.lanes = setLanes.Draw(t, "lanes")
		}
	}
	return s
})

// setPrograms generates programs. Each has a set and a client of its own: both are made in a few
// milliseconds, and nothing that happened before can disturb.
var setPrograms = rapid.Custom(func(t *rapid.T) setProgram {
	return setProgram{
		tight:      rapid.Bool().Draw(t, "tight"),
		keep:       rapid.Bool().Draw(t, "keep"),
		blind:      seldom.Draw(t, "blind") >= 8,
		slow:       seldom.Draw(t, "slow") >= 8,
		steps:      rapid.SliceOfN(setSteps, 2, 16).Draw(t, "steps"),
		mended:     rapid.Bool().Draw(t, "mended"),
		disconnect: seldom.Draw(t, "disconnect") == 9,
	}
})

// String lists the program, one step a line.
func (p setProgram) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "client{tight: %v, keep: %v, blind: %v} of a set{slow: %v}\n", p.tight, p.keep, p.blind, p.slow)
	for i, s := range p.steps {
		fmt.Fprintf(&b, "%3d %s\n", i+1, s)
	}
	if p.mended {
		b.WriteString("    mend everything\n")
	}
	if p.disconnect {
		b.WriteString("    disconnect\n")
	}
	return b.String()
}

func (s setStep) String() string {
	out := fmt.Sprintf("%s in %d", s.kind, s.request)
	switch s.kind {
	case operateInSet:
		out += ": " + string(s.op)
		if s.impatient {
			out += ", impatient"
		}
	case shareInSet:
		out += fmt.Sprintf(": %v", s.lanes)
	case happen:
		out += ": " + string(s.event)
		if s.meanwhile != doNothing {
			out += ", while " + string(s.meanwhile)
		}
		if s.meanwhile == doOperate {
			out += fmt.Sprintf(" %v", s.lanes)
		}
		if s.goesOn {
			out += ", and go on"
		}
	}
	return out
}
