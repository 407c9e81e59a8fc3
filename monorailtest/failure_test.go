package monorailtest

import (
	"io"
	"log"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
)

// TestAPanicEndsItsConnectionOnly takes the server's data away, at which every command on data panics.
func TestAPanicEndsItsConnectionOnly(t *testing.T) {
	var told refusals
	s := NewServer(WithRefused(told.add))
	defer s.Close()
	other, silent := dial(t, s), dial(t, s)
	other.ok(insertOne(1))
	silent.wantAlive()
	data := s.state.Store
	c := dial(t, s)
	c.wantAlive()
	log.SetOutput(io.Discard)
	defer log.SetOutput(log.Default().Writer())
	s.state.Store = nil // no command on data is running
	defer func() { s.state.Store = data }()
	if r := c.call(bson.D{{Key: "find", Value: "c"}}); code(r) != 1 || r.Lookup("codeName").StringValue() != "InternalError" {
		t.Errorf("answered %v", r)
	}
	c.wantClosed()
	silent.send(silent.tell(insertOne(2)))
	silent.wantClosed()
	if list := told.take(); len(list) != 2 || list[0].Command != "find" || list[0].Code != 1 || !list[1].Unacknowledged {
		t.Errorf("told %v", list)
	}
	other.wantAlive()
}
