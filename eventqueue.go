package monorail

import "sync"

// eventQueue brings the events of one request to the monitors one after the other, in their order.
// Adding calls nobody, so it may be done anywhere; whoever added delivers as soon as it holds no lock
// and no baton, and a panic of the user's can do no harm. It may be shared between goroutines.
type eventQueue struct {
	// mu guards the fields below. It is a leaf: nothing is called with it.
	mu     sync.Mutex
	events []monitorEvent
	// delivering says that a goroutine calls the monitors. It goes on until events is empty, so what
	// a monitor's function brings about is told after it has returned.
	delivering bool
}

func (q *eventQueue) add(e monitorEvent) {
	q.mu.Lock()
	q.events = append(q.events, e)
	q.mu.Unlock()
}

// next takes an event out, and tells false, and ends the delivery, if there is none.
func (q *eventQueue) next() (monitorEvent, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.events) == 0 {
		q.delivering, q.events = false, nil
		return nil, false
	}
	e := q.events[0]
	q.events[0] = nil
	q.events = q.events[1:]
	return e, true
}

// deliver calls the monitors for what is queued, unless a goroutine does.
func (q *eventQueue) deliver(monitors []*Monitor) {
	q.mu.Lock()
	if q.delivering || len(q.events) == 0 {
		q.mu.Unlock()
		return
	}
	q.delivering = true
	q.mu.Unlock()
	q.drain(monitors)
}

// drain delivers until nothing is left. What a panic leaves, it delivers on the panic's way up.
func (q *eventQueue) drain(monitors []*Monitor) {
	returned := false
	defer func() {
		if !returned {
			q.drain(monitors)
		}
	}()
	for {
		e, ok := q.next()
		if !ok {
			break
		}
		for _, m := range monitors {
			e.tell(m)
		}
	}
	returned = true
}
