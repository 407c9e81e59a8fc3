package command

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/replset"
)

// newMember returns the state of a server that has transactions.
func newMember(t testing.TB) *State { return newMemberOf(t, 1, 0) }

// newMemberOf returns the state of a member of a replica set, the first of which is primary.
func newMemberOf(t testing.TB, size, member int) *State {
	s := NewState("127.0.0.1:0")
	configs := make([]replset.Config, size)
	for i := range configs {
		configs[i] = replset.Config{Addr: s.Addr, Disconnect: func() {}}
	}
	set := replset.New("rs", time.Second, configs)
	s.SetMember(set.Member(member))
	t.Cleanup(func() {
		s.Close()
		set.Close()
	})
	return s
}

// client is a connection that sends the commands of one logical session.
type client struct {
	*session
	lsid string
}

func newClient(t testing.TB, s *State, n int) *client {
	return &client{newSession(t, s), fmt.Sprintf(`"lsid":{"id":{"$binary":{"base64":"A%02dAAAAAAAAAAAAAAAAAAA==","subType":"04"}}}`, n)}
}

// reply runs a command with the session's fields, and those given as JSON.
func (c *client) reply(fields, command string, args ...any) bson.D {
	c.t.Helper()
	body, database := strings.TrimSuffix(fmt.Sprintf(command, args...), "}")+","+c.lsid, "db"
	if fields != "" {
		body += "," + fields
	}
	d := bson.D{}
	if err := bson.UnmarshalExtJSON([]byte(body+"}"), false, &d); err != nil {
		c.t.Fatalf("%s: %v", body, err)
	}
	switch d[0].Key {
	case "commitTransaction", "abortTransaction", "setParameter":
		database = "admin"
	}
	raw := bsonvalue.Encode(append(d, bson.E{Key: "$db", Value: database}))
	return c.state.Run(context.Background(), &Request{Name: d[0].Key, Database: database, Body: raw, Conn: c.conn}).Reply
}

// start runs the first command of the transaction with a number, next another one.
func (c *client) start(number int, command string, args ...any) bson.D {
	c.t.Helper()
	return c.reply(fmt.Sprintf(`"txnNumber":{"$numberLong":"%d"},"autocommit":false,"startTransaction":true`, number), command, args...)
}

func (c *client) next(number int, command string, args ...any) bson.D {
	c.t.Helper()
	return c.reply(fmt.Sprintf(`"txnNumber":{"$numberLong":"%d"},"autocommit":false`, number), command, args...)
}

func (c *client) wantOK(reply bson.D) {
	c.t.Helper()
	if lookup(reply, "ok") != 1.0 || firstWriteError(reply) != nil {
		c.t.Errorf("failed: %v", reply)
	}
}

// wantError expects an error, and the label of those that a transaction can be tried again for.
func (c *client) wantError(reply bson.D, code int, transient bool) {
	c.t.Helper()
	c.expect(reply, 0.0, "ok")
	c.expect(reply, code, "code")
	labels, _ := lookup(reply, "errorLabels").(bson.A)
	if got := len(labels) == 1 && labels[0] == labelTransient; got != transient {
		c.t.Errorf("labels %v, want transient %v in %v", labels, transient, reply)
	}
}
