package model

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"
)

// program is a random use of a client. Steps name contexts and cursors by numbers, of which the
// remainder counts: so every program makes sense, and what is left of one when steps are taken out.
type program struct {
	// auto: the client starts requests by itself in scopes.
	auto bool
	// tight: nothing is held for long: a small outbox, and no timer.
	tight bool
	// keep: the client hands back what may be lost.
	keep bool
	// merge: unacknowledged writes may share messages; each has a comment of its own, so that they do not.
	merge bool
	steps []step
	// disconnect: the program ends by Disconnect, with whatever is open.
	disconnect bool
}

type stepKind string

const (
	startRequest stepKind = "start"      // a request, or a handle to the one that the context carries
	newScope     stepKind = "scope"      // a scope in the context
	operate      stepKind = "operate"    // one operation
	shareRequest stepKind = "share"      // several goroutines operate with one context
	endRequest   stepKind = "end"        // End of the handle or the automatic request, perhaps once more
	endWaiting   stepKind = "endWaiting" // End while an operation of the request waits for its reply
	// endUnanswered is End while the reply to an operation does not come.
	endUnanswered stepKind = "endUnanswered"
	cancelFlow    stepKind = "cancel" // the end of a context, or of a scope
	killSocket    stepKind = "kill"   // the end of the request's socket
	cutOff        stepKind = "cutOff" // a context ends in the middle of a large message
	flush         stepKind = "flush"
	barrier       stepKind = "barrier"
	confirm       stepKind = "confirm"
	renew         stepKind = "renew" // after a break; then what may be lost is sent again
	openCursor    stepKind = "openCursor"
	nextBatch     stepKind = "nextBatch" // of a cursor, with any context
	foreign       stepKind = "foreign"   // an operation of another client with the context
)

// step is one step of a program.
type step struct {
	kind stepKind
	flow int // the context, counted from the oldest
	// cancellable: a context of its own is made for what is started.
	cancellable bool
	op          opKind
	interrupt   interruption
	cursor      int
	death       death
	lanes       [][]opKind // of the goroutines of share
}

// interruption is how an operation's own context ends.
type interruption string

const (
	notInterrupted interruption = ""
	beforehand     interruption = "cancelled beforehand"
	whileWaiting   interruption = "cancelled while waiting"
	asAnswered     interruption = "cancelled as the reply comes"
	bySoonDeadline interruption = "with a deadline that is near"
)

// death is how a socket ends.
type death string

const (
	byReset    death = "reset"
	byClose    death = "close"
	byHangUp   death = "hang-up on an unacknowledged write"
	byCutReply death = "half a reply"
	byStepDown death = "a write refused by a server that has stepped down"
)

// weighted repeats each value as often as it is to come among a hundred or so.
func weighted[T any](weights ...struct {
	value  T
	weight int
}) []T {
	var out []T
	for _, w := range weights {
		for range w.weight {
			out = append(out, w.value)
		}
	}
	return out
}

type stepWeight = struct {
	value  stepKind
	weight int
}

type opWeight = struct {
	value  opKind
	weight int
}

type interruptWeight = struct {
	value  interruption
	weight int
}

var (
	stepKinds = rapid.SampledFrom(weighted(
		stepWeight{operate, 40}, stepWeight{startRequest, 16}, stepWeight{endRequest, 10}, stepWeight{shareRequest, 6},
		stepWeight{newScope, 6}, stepWeight{cancelFlow, 6}, stepWeight{killSocket, 4}, stepWeight{flush, 2}, stepWeight{barrier, 2}, stepWeight{confirm, 2}, stepWeight{renew, 6},
		stepWeight{openCursor, 3}, stepWeight{nextBatch, 6}, stepWeight{foreign, 2}, stepWeight{endWaiting, 2}, stepWeight{endUnanswered, 1},
	))
	opKinds = rapid.SampledFrom(weighted(
		opWeight{pushLane, 6}, opWeight{pushDriver, 3}, opWeight{pushTwo, 2}, opWeight{pushAcked, 2}, opWeight{findAndPush, 2},
		opWeight{find, 5}, opWeight{duplicate, 1}, opWeight{unknownCommand, 1},
	))
	interruptions = rapid.SampledFrom(weighted(
		interruptWeight{notInterrupted, 16}, interruptWeight{beforehand, 1}, interruptWeight{whileWaiting, 2},
		interruptWeight{asAnswered, 1}, interruptWeight{bySoonDeadline, 1},
	))
	deaths = rapid.SampledFrom([]death{byReset, byClose, byHangUp, byCutReply, byStepDown})
	// One in so many steps writes megabytes.
	large = rapid.IntRange(0, 1500)
	small = rapid.IntRange(0, 7)
	lanes = rapid.SliceOfN(rapid.SliceOfN(opKinds, 1, 4), 2, 3)
)

// steps generates one step.
var steps = rapid.Custom(func(t *rapid.T) step {
	s := step{kind: stepKinds.Draw(t, "kind"), flow: small.Draw(t, "flow")}
	if large.Draw(t, "large") == 1500 {
		s.kind = cutOff
	}
	switch s.kind {
	case startRequest:
		s.cancellable = rapid.Bool().Draw(t, "cancellable")
	case operate:
		s.op = opKinds.Draw(t, "op")
		s.interrupt = interruptions.Draw(t, "interrupt")
	case shareRequest:
		s.lanes = lanes.Draw(t, "lanes")
	case killSocket:
		s.death = deaths.Draw(t, "death")
	case nextBatch:
		s.cursor = small.Draw(t, "cursor")
	}
	return s
})

// programs generates programs. They are short, for many short ones find more than a few long ones.
var programs = rapid.Custom(func(t *rapid.T) program {
	return program{
		auto:       rapid.Bool().Draw(t, "auto"),
		tight:      rapid.Bool().Draw(t, "tight"),
		keep:       rapid.Bool().Draw(t, "keep"),
		merge:      rapid.Bool().Draw(t, "merge"),
		steps:      rapid.SliceOfN(steps, 1, 14).Draw(t, "steps"),
		disconnect: rapid.IntRange(0, 19).Draw(t, "disconnect") == 19,
	}
})

// String lists the program, one step a line.
func (p program) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "client{auto: %v, tight: %v, keep: %v, merge: %v}\n", p.auto, p.tight, p.keep, p.merge)
	for i, s := range p.steps {
		fmt.Fprintf(&b, "%3d %s\n", i+1, s)
	}
	if p.disconnect {
		b.WriteString("    disconnect\n")
	}
	return b.String()
}

func (s step) String() string {
	out := fmt.Sprintf("%s in %d", s.kind, s.flow)
	switch s.kind {
	case startRequest:
		if s.cancellable {
			out += ", cancellable"
		}
	case operate:
		out += fmt.Sprintf(": %s %s", s.op, s.interrupt)
	case shareRequest:
		out += fmt.Sprintf(": %v", s.lanes)
	case killSocket:
		out += ": " + string(s.death)
	case nextBatch:
		out += fmt.Sprintf(", cursor %d", s.cursor)
	}
	return out
}
