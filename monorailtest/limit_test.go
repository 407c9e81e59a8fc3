package monorailtest

import (
	"bytes"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
)

func TestLimits(t *testing.T) {
	s := newServer(t)
	c := dial(t, s)
	// 300,000 statements, which the race detector makes slow.
	check(t, c.socket.SetDeadline(time.Now().Add(10*patience)))
	many := func(n int) []byte {
		rest := append([]byte("deletes"), 0)
		statement := marshal(t, bson.D{{Key: "q", Value: bson.D{{Key: "_id", Value: 1}}}, {Key: "limit", Value: 1}})
		rest = append(rest, bytes.Repeat(statement, n)...)
		return append([]byte{1, byte(len(rest) + 4), byte((len(rest) + 4) >> 8), byte((len(rest) + 4) >> 16), byte((len(rest) + 4) >> 24)}, rest...)
	}
	c.ok(insertOne(1))
	remove := bson.D{{Key: "delete", Value: "c"}}
	// A statement too many: an error, or silence, and nothing is applied.
	c.send(c.message(0, remove, many(100_001)))
	if r := c.reply(); code(r.body) != 16 {
		t.Errorf("100,001 statements: %v, want code 16", r.body)
	}
	c.send(c.message(2, remove, many(100_001)))
	c.wantAlive()
	wantIDs(t, s, 1)
	c.send(c.message(0, remove, many(100_000)))
	if r := c.reply(); r.body.Lookup("n").Int32() != 1 {
		t.Errorf("100,000 statements: %v", r.body)
	}

	// A document of 16 MiB and a bit is an error of its statement; beyond 16 KiB more, of the whole message.
	pad := func(n int) bson.D { return bson.D{{Key: "_id", Value: int32(7)}, {Key: "pad", Value: make([]byte, n)}} }
	insert := bson.D{{Key: "insert", Value: "c"}, {Key: "ordered", Value: false}}
	small := bson.D{{Key: "_id", Value: int32(8)}}
	c.send(c.message(0, insert, sequence(t, "documents", pad(16<<20), small)))
	if r := c.reply(); r.body.Lookup("n").Int32() != 1 || r.body.Lookup("writeErrors", "0", "code").Int32() != 2 {
		t.Errorf("a document a little too large: %v", r.body)
	}
	c.send(c.message(0, insert, sequence(t, "documents", small, pad(17<<20))))
	if r := c.reply(); code(r.body) != 10334 {
		t.Errorf("a document much too large: %v", r.body)
	}
	c.send(c.message(2, insert, sequence(t, "documents", small, pad(17<<20))))
	c.wantAlive()
	wantIDs(t, s, 8)
}
