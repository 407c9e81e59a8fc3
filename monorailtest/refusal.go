package monorailtest

import (
	"github.com/mongo-monorail/monorail/monorailtest/internal/command"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/wire"
	"go.mongodb.org/mongo-driver/bson"
)

// Refusal says what is wrong with a message that the server refuses: one that is malformed, or whose command fails as a
// whole ({ok: 0}), or an unacknowledged one with a statement that fails, since nobody else is told of that.
type Refusal struct {
	// ConnectionID is the connectionId of hello, and RemoteAddr the client's host:port.
	ConnectionID int32
	RemoteAddr   string
	// Command is the command's name as sent, Database the value of $db. Both are "" where the message has none that
	// could be read. They are the client's words: any text at all.
	Command, Database string
	// Unacknowledged says that the client wants no reply, and gets none.
	Unacknowledged bool
	// Closed says that the server closes the connection, without a reply.
	Closed bool
	// Code and CodeName are those of the error, 0 and "" for none.
	Code     int32
	CodeName string
	// Reason is the text of the error.
	Reason string
}

// WithRefused has f called for every message that the server refuses, before the client is told. Calls for one
// connection come one after another; calls for several connections may overlap, so f must be safe for concurrent use. The
// server waits for f. The default is to tell the client only.
func WithRefused(f func(Refusal)) Option { return func(o *serverOptions) { o.refused = f } }

// newRefusal returns what is known of every refusal on the connection.
func (c *conn) newRefusal() Refusal {
	return Refusal{ConnectionID: c.client.ID, RemoteAddr: c.socket.RemoteAddr().String()}
}

// tellFatal tells of a message that ends its connection.
func (c *conn) tellFatal(err error) {
	if c.server.refused == nil {
		return
	}
	f := c.newRefusal()
	f.Closed, f.Reason = true, err.Error()
	c.server.refused(f)
}

// tellMalformed tells of a message that is no request, and of its reply.
func (c *conn) tellMalformed(m *wire.Message, reply bson.D) {
	if c.server.refused == nil {
		return
	}
	f := c.newRefusal()
	f.Unacknowledged = m.MoreToCome
	if e, err := m.Body.IndexErr(0); err == nil {
		f.Command = e.Key()
	}
	f.Database, _ = m.Body.Lookup("$db").StringValueOK()
	f.take(reply)
	c.server.refused(f)
}

// tellResult tells of a request that was refused.
func (c *conn) tellResult(r *command.Request, result *command.Result) {
	if c.server.refused == nil {
		return
	}
	reply := result.Reply
	if ok, given := valueOf(reply, "ok").(float64); ok != 0 || !given {
		failed, _ := valueOf(reply, "writeErrors").(bson.A)
		if !r.Unacknowledged || len(failed) == 0 {
			return
		}
		reply, _ = failed[0].(bson.D)
	}
	f := c.newRefusal()
	f.Command, f.Database, f.Unacknowledged = r.Name, r.Database, r.Unacknowledged
	f.Closed = result.After == command.HangUp
	if f.take(reply); f.Code == mongoerror.InterruptedAtShutdown {
		// Nothing is wrong with it: the server ends.
		return
	}
	c.server.refused(f)
}

// take reads the error of a reply, or of one of its writeErrors.
func (f *Refusal) take(reply bson.D) {
	f.Code, _ = valueOf(reply, "code").(int32)
	f.CodeName, _ = valueOf(reply, "codeName").(string)
	f.Reason, _ = valueOf(reply, "errmsg").(string)
}

// valueOf returns the value of a field, nil for none.
func valueOf(d bson.D, key string) any {
	for _, e := range d {
		if e.Key == key {
			return e.Value
		}
	}
	return nil
}
