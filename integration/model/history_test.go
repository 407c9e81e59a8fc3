package model

import (
	"fmt"
	"slices"
)

// entry is one value that an operation appended to the log of its request's document.
type entry struct {
	value int
	// certain: the server has it, or will have it if the socket lives. Else the operation was
	// interrupted, and it may never have been sent.
	certain bool
	// silent: it is of an unacknowledged write.
	silent bool
	// acknowledged: the server has answered. What an operation wrote that gave up waiting may be lost
	// with the socket, too.
	acknowledged bool
	// processed: the client has read a reply to something behind it, or may have. It counts as
	// unconfirmed no longer.
	processed bool
	// durable: a Confirm has returned nil behind it. No change of primary takes it away.
	durable bool
}

// segment is a part of a history whose lanes were appended side by side: one lane for the steps of
// the program, several for goroutines that share a request. Each lane keeps its order, and all of a
// segment comes before the next one.
type segment struct{ lanes [][]*entry }

// history is what was issued to one document over one socket, in order.
type history struct{ segments []*segment }

// append adds entries behind all others.
func (h *history) append(entries ...*entry) {
	if len(entries) == 0 {
		return
	}
	n := len(h.segments)
	if n == 0 || len(h.segments[n-1].lanes) != 1 {
		h.segments = append(h.segments, &segment{lanes: [][]*entry{nil}})
		n++
	}
	lane := &h.segments[n-1].lanes[0]
	*lane = append(*lane, entries...)
}

// share adds a segment of several lanes.
func (h *history) share(lanes [][]*entry) {
	h.segments = append(h.segments, &segment{lanes: lanes})
}

// check compares a log with the history: nothing unknown, nothing out of order, nothing twice. With
// whole, every certain entry must be there; else the end may be missing, but no entry before one
// that is there. It returns the certain entries that are missing.
func (h *history) check(log []int, whole bool) (missing []*entry, err error) {
	rest := log
	for _, s := range h.segments {
		next := make([]int, len(s.lanes)) // how far each lane was found
		for len(rest) > 0 {
			lane, position := s.find(rest[0], next)
			if lane < 0 {
				break
			}
			for _, skipped := range s.lanes[lane][next[lane]:position] {
				if skipped.certain {
					return nil, fmt.Errorf("the log %v has %d, and not %d before it; the history is %v", log, rest[0], skipped.value, h)
				}
			}
			if len(missing) > 0 {
				return nil, fmt.Errorf("the log %v has %d, and not %d before it; the history is %v", log, rest[0], missing[0].value, h)
			}
			next[lane] = position + 1
			rest = rest[1:]
		}
		for lane, entries := range s.lanes {
			for _, e := range entries[next[lane]:] {
				if e.certain {
					missing = append(missing, e)
				}
			}
		}
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("in the log %v, %d is out of its place, or twice; the history is %v", log, rest[0], h)
	}
	if whole && len(missing) > 0 {
		return nil, fmt.Errorf("the log %v has no %d; the history is %v", log, missing[0].value, h)
	}
	return missing, nil
}

// find returns where the segment has value, behind what was found before; -1 for nowhere.
func (s *segment) find(value int, next []int) (lane, position int) {
	for lane, entries := range s.lanes {
		for position := next[lane]; position < len(entries); position++ {
			if entries[position].value == value {
				return lane, position
			}
		}
	}
	return -1, 0
}

// settle makes the log what is known: it was read behind everything in the history, so what it does
// not have will never come.
func (h *history) settle(log []int) {
	for _, s := range h.segments {
		for i, lane := range s.lanes {
			s.lanes[i] = slices.DeleteFunc(lane, func(e *entry) bool {
				e.certain = e.certain || slices.Contains(log, e.value)
				return !e.certain
			})
		}
	}
}

// String lists the values; those that are not certain have a question mark.
func (h *history) String() string {
	out := ""
	for _, s := range h.segments {
		for i, lane := range s.lanes {
			if i > 0 {
				out += "| "
			}
			for _, e := range lane {
				out += fmt.Sprint(e.value)
				if !e.certain {
					out += "?"
				}
				out += " "
			}
		}
		out += "; "
	}
	return "[" + out + "]"
}
