package model

import (
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mongo-monorail/monorail/monorailtest"
)

// message is what the server saw of one message.
type message struct {
	index      int64
	connection int64
	command    string
	comment    string
}

// gate holds one message up when the server has received it, before it is executed.
type gate struct {
	arrived chan struct{} // closed by the server's goroutine when the message is there
	opened  chan struct{} // closed by open
	once    sync.Once
}

func (g *gate) open() { g.once.Do(func() { close(g.opened) }) }

// tap is the server's record of the messages that have a comment. It may be shared between
// goroutines.
type tap struct {
	// mu guards the fields below.
	mu       sync.Mutex
	messages []message
	gates    map[string]*gate // by comment
}

// hear is called by the server for each message, before it is executed.
func (t *tap) hear(m monorailtest.Message) {
	comment, ok := bson.Raw(m.Body).Lookup("comment").StringValueOK()
	if !ok {
		return
	}
	t.mu.Lock()
	t.messages = append(t.messages, message{m.Index, int64(m.ConnectionID), m.Command, comment})
	g := t.gates[comment]
	delete(t.gates, comment)
	t.mu.Unlock()
	if g != nil {
		close(g.arrived)
		<-g.opened
	}
}

// gate makes a gate for the next message with that comment. It must be opened.
func (t *tap) gate(comment string) *gate {
	g := &gate{arrived: make(chan struct{}), opened: make(chan struct{})}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gates == nil {
		t.gates = make(map[string]*gate)
	}
	t.gates[comment] = g
	return g
}

// heard returns the messages so far.
func (t *tap) heard() []message {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]message(nil), t.messages...)
}

func (t *tap) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.messages = nil
}
