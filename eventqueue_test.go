package monorail

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// named is an event that calls what it is.
type named func()

func (e named) tell(*Monitor) { e() }

var oneMonitor = []*Monitor{{}}

// TestEventsFollowTheirFunction: what a function brings about is told when it has returned, by the same
// goroutine.
func TestEventsFollowTheirFunction(t *testing.T) {
	var q eventQueue
	var told []string
	q.add(named(func() {
		told = append(told, "a begins")
		q.add(named(func() { told = append(told, "b") }))
		q.deliver(oneMonitor)
		told = append(told, "a ends")
	}))
	q.deliver(oneMonitor)
	q.deliver(oneMonitor)
	if want := []string{"a begins", "a ends", "b"}; !reflect.DeepEqual(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// TestEventsOutliveAPanic: those behind an event whose function panics, or ends its goroutine, are told
// on the way up, and later ones as ever.
func TestEventsOutliveAPanic(t *testing.T) {
	for name, leave := range map[string]func(){"panic": func() { panic("away") }, "Goexit": runtime.Goexit} {
		var q eventQueue
		var told []string
		q.add(named(leave))
		q.add(named(func() { told = append(told, "b") }))
		q.add(named(leave))
		q.add(named(func() { told = append(told, "d") }))
		var group sync.WaitGroup
		var recovered any
		group.Go(func() {
			defer func() { recovered = recover() }()
			q.deliver(oneMonitor)
			t.Errorf("%s: it is swallowed", name)
		})
		group.Wait()
		if name == "panic" && recovered != "away" {
			t.Errorf("recovered %v", recovered)
		}
		q.add(named(func() { told = append(told, "e") }))
		q.deliver(oneMonitor)
		if got := strings.Join(told, ""); got != "bde" {
			t.Errorf("%s: told %q, want bde", name, got)
		}
	}
}

// TestEventsOfManyGoroutines: each is told once, never two at a time, each goroutine's in its order.
func TestEventsOfManyGoroutines(t *testing.T) {
	const goroutines, each = 8, 200
	var q eventQueue
	count := 0 // without a lock: the race detector sees two at a time
	var told [goroutines][]int
	var group sync.WaitGroup
	for g := range goroutines {
		group.Go(func() {
			for i := range each {
				q.add(named(func() { told[g] = append(told[g], i); count++ }))
				q.deliver(oneMonitor)
			}
		})
	}
	group.Wait()
	q.deliver(oneMonitor)
	if count != goroutines*each {
		t.Errorf("%d events are told, want %d", count, goroutines*each)
	}
	for g, events := range told {
		for i, got := range events {
			if got != i {
				t.Fatalf("goroutine %d: event %d is told at place %d", g, got, i)
			}
		}
	}
}

func TestStackTellsItsFrames(t *testing.T) {
	var s Stack
	func() { s = captureStack(0) }()
	lines := strings.Split(s.String(), "\n")
	if len(lines) < 4 || !strings.Contains(lines[0], "TestStackTellsItsFrames.func1") ||
		!strings.Contains(lines[1], "eventqueue_test.go:") || !strings.Contains(lines[2], "TestStackTellsItsFrames") {
		t.Errorf("the stack is\n%s", s)
	}
	if got := Stack(nil).String(); got != "" {
		t.Errorf("no stack is %q", got)
	}
	if got := fmt.Sprint(&SocketHolder{RequestEvent: RequestEvent{RequestID: 7, Name: "visit"}}); got != `request 7 "visit" (0s)` {
		t.Errorf("a holder is %q", got)
	}
}
