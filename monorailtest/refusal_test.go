package monorailtest

import (
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
)

// refusals collects what a server refuses.
type refusals struct {
	mu   sync.Mutex // guards list
	list []Refusal
}

func (r *refusals) add(f Refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, f)
}

// take returns the refusals since the last call.
func (r *refusals) take() []Refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.list
	r.list = nil
	return list
}

func TestRefusedMessagesAreTold(t *testing.T) {
	var told refusals
	s := newServer(t, WithRefused(told.add))
	c := dial(t, s)
	c.ok(helloCommand())
	c.ok(insertOne(1))
	noBody := packet(1, 2013, []byte{0, 0, 0, 0})
	for name, test := range map[string]struct {
		send []byte
		want Refusal
	}{
		"unknown command": {c.ask(bson.D{{Key: "frobnicate", Value: 1}}),
			Refusal{Command: "frobnicate", Database: "test", Code: 59, CodeName: "CommandNotFound", Reason: "frobnicate"}},
		"unknown field": {c.ask(bson.D{{Key: "find", Value: "c"}, {Key: "colour", Value: 1}}),
			Refusal{Command: "find", Database: "test", Code: 9, CodeName: "FailedToParse", Reason: "colour"}},
		"unacknowledged": {c.tell(bson.D{{Key: "frobnicate", Value: 1}}),
			Refusal{Command: "frobnicate", Database: "test", Unacknowledged: true, Code: 59, CodeName: "CommandNotFound", Reason: "frobnicate"}},
		"statement": {c.tell(insertOne(1)),
			Refusal{Command: "insert", Database: "test", Unacknowledged: true, Code: 11000, Reason: "E11000"}},
		"no body": {noBody, Refusal{Code: 40587, CodeName: "Location40587", Reason: "must have a body"}},
		"not a command": {packet(2, 2004, append([]byte{0, 0, 0, 0, 'a', '.', 'b', 0, 0, 0, 0, 0, 1, 0, 0, 0}, marshal(t, bson.D{{Key: "$or", Value: 1}})...)),
			Refusal{Command: "find", Database: "a", Code: 2, CodeName: "BadValue", Reason: "$or"}},
	} {
		c.send(test.send)
		if !test.want.Unacknowledged {
			c.reply()
		}
		c.wantAlive()
		wantRefusal(t, name, told.take(), test.want)
	}
	// What is wrong for one statement only is the client's to see.
	c.ok(insertOne(1))
	if list := told.take(); len(list) != 0 {
		t.Errorf("an acknowledged duplicate: %v", list)
	}
	for name, test := range map[string]struct {
		send   []byte
		reason string
	}{
		"length": {[]byte("GET / HTTP/1.1\r\n"), "length 542393671"},
		"opcode": {packet(1, 2011, nil), "opcode 2011"},
	} {
		bad := dial(t, s)
		bad.send(test.send)
		bad.wantClosed()
		wantRefusal(t, name, told.take(), Refusal{Closed: true, Reason: test.reason})
	}
}

func TestWriteToASecondaryIsTold(t *testing.T) {
	var told refusals
	rs := newSet(t, 2, WithRefused(told.add))
	c := dial(t, rs.Member(1))
	c.ok(helloCommand())
	c.send(c.tell(insertOne(1)))
	c.wantClosed()
	wantRefusal(t, "w:0 on a secondary", told.take(),
		Refusal{Command: "insert", Database: "test", Unacknowledged: true, Closed: true, Code: 10107, CodeName: "NotWritablePrimary"})
}

// wantRefusal fails unless there is one refusal, as wanted but for who did it, with the wanted words in its reason.
func wantRefusal(t *testing.T, name string, list []Refusal, want Refusal) {
	t.Helper()
	if len(list) != 1 {
		t.Errorf("%s: %d refusals: %v", name, len(list), list)
		return
	}
	got := list[0]
	if got.ConnectionID == 0 || got.RemoteAddr == "" || !strings.Contains(got.Reason, want.Reason) {
		t.Errorf("%s: %+v", name, got)
	}
	got.ConnectionID, got.RemoteAddr, got.Reason = 0, "", want.Reason
	if got != want {
		t.Errorf("%s: %+v, want %+v", name, got, want)
	}
}
