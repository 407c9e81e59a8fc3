package monorailtest

import (
	"errors"
	"os"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// exhaustAllowed is the flag of a message whose client takes a stream of replies.
const exhaustAllowed = 1 << 16

// TestExhaustHello reads the stream of one monitor by hand.
func TestExhaustHello(t *testing.T) {
	rs := newSet(t, 3)
	c := dial(t, rs.Member(0))
	process, counter := topologyVersionOf(t, c.ok(helloCommand()))
	c.send(c.message(exhaustAllowed, append(helloCommand(), bson.E{Key: "maxAwaitTimeMS", Value: 600_000},
		bson.E{Key: "topologyVersion", Value: bson.D{{Key: "processId", Value: process}, {Key: "counter", Value: counter}}})))
	c.send(c.ask(pingCommand())) // never answered: the stream goes on
	check(t, rs.StepDown(soon(t), StepDownOptions{}))
	p := must[int](t)(rs.AwaitPrimary(soon(t)))
	answers := []bson.Raw{}
	responseTo := c.lastID - 1
	for {
		r := c.reply()
		if len(answers) == 0 && r.responseTo != responseTo {
			t.Errorf("the first reply is to %d, want %d", r.responseTo, responseTo)
		}
		_, next := topologyVersionOf(t, r.body)
		if next <= counter {
			t.Errorf("the counter went from %d to %d", counter, next)
		}
		counter = next
		answers = append(answers, r.body)
		if primary, _ := r.body.Lookup("primary").StringValueOK(); primary == rs.Member(p).Addr() {
			break
		}
	}
	first := answers[0]
	if first.Lookup("isWritablePrimary").Boolean() || !first.Lookup("secondary").Boolean() {
		t.Errorf("the first change is %v, want no primary", first)
	}
}

// TestAStalledMemberTellsNothing has a monitor's stream stand still with the server.
func TestAStalledMemberTellsNothing(t *testing.T) {
	rs := newSet(t, 3)
	c := dial(t, rs.Member(0))
	process, counter := topologyVersionOf(t, c.ok(helloCommand()))
	version := bson.D{{Key: "processId", Value: process}, {Key: "counter", Value: counter - 1}}
	c.send(c.message(exhaustAllowed, append(helloCommand(), bson.E{Key: "topologyVersion", Value: version}, bson.E{Key: "maxAwaitTimeMS", Value: 600_000})))
	c.reply()
	rs.Member(0).StallAll()
	check(t, rs.StepDown(soon(t), StepDownOptions{}))
	check(t, c.socket.SetReadDeadline(time.Now().Add(shortWhile)))
	if r, err := c.read(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the stalled server says %v, %v", r.body, err)
	}
	check(t, c.socket.SetReadDeadline(time.Now().Add(patience)))
	rs.Member(0).Resume()
	if c.reply().body.Lookup("isWritablePrimary").Boolean() {
		t.Error("after the stall the stream begins with a primary that was one before")
	}
}

func TestAwaitableHelloChecksItsArguments(t *testing.T) {
	rs := newSet(t, 1)
	c := dial(t, rs.Member(0))
	process, counter := topologyVersionOf(t, c.ok(helloCommand()))
	version := func(p primitive.ObjectID, n int64) bson.E {
		return bson.E{Key: "topologyVersion", Value: bson.D{{Key: "processId", Value: p}, {Key: "counter", Value: n}}}
	}
	limit := bson.E{Key: "maxAwaitTimeMS", Value: 1}
	for _, h := range []struct {
		fields []bson.E
		code   int32
	}{
		{[]bson.E{version(process, counter), limit}, 0},
		{[]bson.E{version(process, counter+1), limit}, 31382},
		{[]bson.E{version(primitive.NewObjectID(), counter+1), {Key: "maxAwaitTimeMS", Value: 600_000}}, 0},
		{[]bson.E{limit}, 51758},
		{[]bson.E{version(process, counter)}, 31368},
	} {
		if got := code(c.call(append(helloCommand(), h.fields...))); got != h.code {
			t.Errorf("%v: %d, want %d", h.fields, got, h.code)
		}
	}
}
