package monorailtest

import (
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
)

// failCommand sets the fail point for some commands.
func failCommand(t testing.TB, s *Server, mode any, commands bson.A, data ...bson.E) {
	t.Helper()
	data = append(data, bson.E{Key: "failCommands", Value: commands})
	body := dial(t, s).runAdmin(bson.D{
		{Key: "configureFailPoint", Value: "failCommand"}, {Key: "mode", Value: mode}, {Key: "data", Value: bson.D(data)},
	})
	if body.Lookup("ok").Double() != 1 {
		t.Fatal(body)
	}
}

func times(n int) bson.D { return bson.D{{Key: "times", Value: n}} }

func TestFailCommandOnUnacknowledged(t *testing.T) {
	for name, tt := range map[string]struct {
		data   bson.E
		closed bool
		ids    []int32
	}{
		"not primary":         {bson.E{Key: "errorCode", Value: 10107}, true, []int32{1}},
		"stepped down":        {bson.E{Key: "errorCode", Value: 189}, true, []int32{1}},
		"shutdown":            {bson.E{Key: "errorCode", Value: 91}, false, []int32{1, 3}},
		"interrupted":         {bson.E{Key: "errorCode", Value: 11600}, false, []int32{1, 3}},
		"write concern error": {bson.E{Key: "writeConcernError", Value: bson.D{{Key: "code", Value: 91}}}, false, []int32{1, 2, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			failCommand(t, s, bson.D{{Key: "skip", Value: 1}}, bson.A{"insert"}, tt.data)
			c := dial(t, s)
			c.send(c.tell(insertZero(1)), c.ask(pingCommand()))
			c.reply()
			failCommand(t, s, times(1), bson.A{"insert"}, tt.data)
			c.send(c.tell(insertZero(2)), c.tell(insertZero(3)))
			if tt.closed {
				c.wantClosed()
			} else {
				c.wantAlive()
			}
			wantIDs(t, s, tt.ids...)
		})
	}
}

func TestFailCommandOnAcknowledged(t *testing.T) {
	s := newServer(t)
	failCommand(t, s, times(1), bson.A{"insert"}, bson.E{Key: "errorCode", Value: 10107},
		bson.E{Key: "errorLabels", Value: bson.A{"RetryableWriteError"}})
	c := dial(t, s)
	body := c.call(insertOne(1))
	labels, _ := body.Lookup("errorLabels").ArrayOK()
	if code(body) != 10107 || labels == nil || body.Lookup("ok").Double() != 0 {
		t.Errorf("reply %v", body)
	}
	c.ok(insertOne(2))

	failCommand(t, s, times(1), bson.A{"insert"},
		bson.E{Key: "writeConcernError", Value: bson.D{{Key: "code", Value: 64}, {Key: "errmsg", Value: "waiting"}}})
	if body := c.ok(insertOne(2)); body.Lookup("writeConcernError", "code").Int32() != 64 ||
		body.Lookup("writeErrors").Type == 0 {
		t.Errorf("reply %v, want a write concern error beside the write error", body)
	}
}

func TestFailCommandBlocks(t *testing.T) {
	s := newServer(t)
	failCommand(t, s, times(1), bson.A{"ping"},
		bson.E{Key: "blockConnection", Value: true}, bson.E{Key: "blockTimeMS", Value: late.Milliseconds()})
	c := dial(t, s)
	start := time.Now()
	c.send(c.ask(pingCommand()), c.ask(pingCommand()))
	c.reply()
	c.reply()
	if d := time.Since(start); d < late {
		t.Errorf("answered after %v, want %v at least", d, late)
	}
}

// The socket is shut down, yet what had come is still executed: the end of the stream proves nothing.
func TestFailCommandClosesConnection(t *testing.T) {
	s := newServer(t)
	failCommand(t, s, times(1), bson.A{"insert"}, bson.E{Key: "closeConnection", Value: true})
	c := dial(t, s)
	messages := [][]byte{c.tell(insertZero(0))}
	for i := range int32(10) {
		messages = append(messages, c.tell(insertZero(i+1)))
	}
	c.send(messages...)
	c.wantClosed()
	other := dial(t, s)
	waitFor(t, func() bool { return len(other.ids()) == 10 })
}

func TestFailCommandByApplication(t *testing.T) {
	s := newServer(t)
	failCommand(t, s, "alwaysOn", bson.A{"ping"},
		bson.E{Key: "errorCode", Value: 91}, bson.E{Key: "appName", Value: "victim"})
	c, other := dial(t, s), dial(t, s)
	c.ok(bson.D{{Key: "hello", Value: 1}, {Key: "client", Value: bson.D{
		{Key: "application", Value: bson.D{{Key: "name", Value: "victim"}}},
		{Key: "driver", Value: bson.D{{Key: "name", Value: "x"}, {Key: "version", Value: "1"}}},
		{Key: "os", Value: bson.D{{Key: "type", Value: "x"}}},
	}}})
	if body := c.call(pingCommand()); code(body) != 91 {
		t.Errorf("reply %v, want code 91", body)
	}
	other.wantAlive()
	failCommand(t, s, "off", bson.A{})
	c.wantAlive()
}

func TestLastError(t *testing.T) {
	s := newServer(t)
	c := dial(t, s)
	last := bson.D{{Key: "getLastError", Value: 1}}
	c.send(c.tell(insertZero(1)), c.tell(insertZero(1)))
	if body := c.ok(last); code(body) != 11000 {
		t.Errorf("after a duplicate: %v", body)
	}
	c.send(c.tell(insertZero(1)), c.tell(insertZero(2)))
	if body := c.ok(last); body.Lookup("err").Type != bson.TypeNull || body.Lookup("n").Type != bson.TypeInt32 {
		t.Errorf("a good write hides the error before it: %v", body)
	}
}
