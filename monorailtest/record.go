package monorailtest

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
)

// recorder tells messages to those who asked for them.
type recorder struct {
	// call is the function of WithRecorder, or nil. It is set before the server starts.
	call func(Message)
	// index is that of the last message.
	index atomic.Int64
	// active says that recordings is not empty; it saves the lock where nobody records.
	active atomic.Bool

	// mu guards recordings.
	mu         sync.Mutex
	recordings []*Recording
}

// take gives the message its index and passes copies on. Neither the function nor a Match is called under the lock.
func (r *recorder) take(m *Message) {
	m.Index = r.index.Add(1)
	if r.call != nil {
		r.call(m.clone())
	}
	if !r.active.Load() {
		return
	}
	r.mu.Lock()
	recordings := slices.Clone(r.recordings)
	r.mu.Unlock()
	for _, rec := range recordings {
		if matchesAll(rec.match, m) {
			rec.add(m.clone())
		}
	}
}

// Recording keeps messages that a server served. It is safe for concurrent use.
type Recording struct {
	recorder *recorder
	match    []Match
	limit    int

	// mu guards what follows.
	mu sync.Mutex
	// messages holds the last of them: at least limit, where there were as many, and less than twice limit.
	messages []Message
	// total is how many matched.
	total int
}

// Record begins to keep the messages that match all of the given (hello included, if no Match leaves it out): the last
// limit of them, so that memory stays bounded. Stop ends it.
func (s *Server) Record(limit int, match ...Match) *Recording {
	rec := &Recording{recorder: &s.recorder, match: match, limit: max(limit, 1)}
	r := rec.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recordings = append(r.recordings, rec)
	r.active.Store(true)
	return rec
}

// Messages returns what has been kept, in the order of Index. The messages are shared with the recording: do not
// change their slices.
func (rec *Recording) Messages() []Message {
	rec.mu.Lock()
	out := slices.Clone(rec.messages[max(0, len(rec.messages)-rec.limit):])
	rec.mu.Unlock()
	// Connections add side by side: two neighbours may have come in the wrong order.
	slices.SortFunc(out, func(a, b Message) int { return cmp.Compare(a.Index, b.Index) })
	return out
}

// Dropped returns how many messages were let go because of the limit.
func (rec *Recording) Dropped() int {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return max(0, rec.total-rec.limit)
}

// Stop ends the recording, which keeps what it has. Stopping again changes nothing.
func (rec *Recording) Stop() {
	r := rec.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recordings = slices.DeleteFunc(r.recordings, func(o *Recording) bool { return o == rec })
	r.active.Store(len(r.recordings) > 0)
}

// add keeps m, and lets the oldest go: many at once, rather than moving all for each.
func (rec *Recording) add(m Message) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.total++
	rec.messages = append(rec.messages, m)
	if len(rec.messages) >= 2*rec.limit {
		rec.messages = slices.Delete(rec.messages, 0, len(rec.messages)-rec.limit)
	}
}
