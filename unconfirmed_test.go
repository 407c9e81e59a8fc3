package monorail

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
)

// unacknowledgedMessage returns an OP_MSG with that body and one sequence, none where identifier is empty.
func unacknowledgedMessage(t testing.TB, body bson.D, identifier string, documents ...bson.D) []byte {
	t.Helper()
	index, b := wiremessage.AppendHeaderStart(nil, 7, 0, wiremessage.OpMsg)
	b = wiremessage.AppendMsgFlags(b, wiremessage.MoreToCome)
	b = wiremessage.AppendMsgSectionType(b, wiremessage.SingleDocument)
	b = append(b, marshal(t, body)...)
	if identifier != "" {
		b = wiremessage.AppendMsgSectionType(b, wiremessage.DocumentSequence)
		start, sequence := bsoncore.ReserveLength(b)
		b = append(sequence, identifier+"\x00"...)
		for _, document := range documents {
			b = append(b, marshal(t, document)...)
		}
		b = bsoncore.UpdateLength(b, start, int32(len(b))-start)
	}
	return bsoncore.UpdateLength(b, index, int32(len(b)))
}

func marshal(t testing.TB, document bson.D) bson.Raw {
	t.Helper()
	raw, err := bson.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

var zero = bson.D{{Key: "w", Value: 0}}

func TestWritesOfAMessage(t *testing.T) {
	insert := unacknowledgedMessage(t, bson.D{
		{Key: "insert", Value: "c"}, {Key: "ordered", Value: false}, {Key: "writeConcern", Value: zero},
		{Key: "maxTimeMS", Value: 5}, {Key: "comment", Value: "why"}, {Key: "$db", Value: "shop"},
	}, "documents", bson.D{{Key: "a", Value: 1}}, bson.D{{Key: "a", Value: 2}})
	inBody := unacknowledgedMessage(t, bson.D{
		{Key: "delete", Value: "c.d"}, {Key: "deletes", Value: bson.A{bson.D{{Key: "limit", Value: 1}}}},
		{Key: "writeConcern", Value: zero}, {Key: "$db", Value: "shop"},
	}, "")
	other := unacknowledgedMessage(t, bson.D{
		{Key: "bulkWrite", Value: 1}, {Key: "writeConcern", Value: zero}, {Key: "$db", Value: "admin"},
	}, "nsInfo", bson.D{{Key: "ns", Value: "a.b"}})

	var writes []UnconfirmedWrite
	for _, message := range [][]byte{insert, inBody, other, insert[:40]} {
		writes = appendWrites(writes, message)
	}
	options := marshal(t, bson.D{{Key: "ordered", Value: false}, {Key: "comment", Value: "why"}})
	want := []UnconfirmedWrite{
		{"shop.c", "insert", marshal(t, bson.D{{Key: "a", Value: 1}}), options},
		{"shop.c", "insert", marshal(t, bson.D{{Key: "a", Value: 2}}), options},
		{"shop.c.d", "delete", marshal(t, bson.D{{Key: "limit", Value: 1}}), nil},
		{"admin", "bulkWrite", marshal(t, bson.D{{Key: "bulkWrite", Value: 1}, {Key: "nsInfo", Value: bson.A{bson.D{{Key: "ns", Value: "a.b"}}}}}), nil},
	}
	if len(writes) != len(want) {
		t.Fatalf("%d writes, want %d: %v", len(writes), len(want), writes)
	}
	for i, got := range writes {
		w := want[i]
		if got.Namespace != w.Namespace || got.Command != w.Command || got.Statement.String() != w.Statement.String() || got.Options.String() != w.Options.String() {
			t.Errorf("write %d is %v, want %v", i, got, w)
		}
	}
	if n, ok := lastOfBulk(other); !ok || n.String() != "a.b" {
		t.Errorf("the bulk write is one to %v", n)
	}
}

func TestLedger(t *testing.T) {
	message := func(i int) []byte {
		return unacknowledgedMessage(t, bson.D{{Key: "insert", Value: "c"}, {Key: "$db", Value: "d"}}, "documents",
			bson.D{{Key: "n", Value: i}, {Key: "padding", Value: strings.Repeat("x", 100)}})
	}
	size := len(message(0))
	l := &ledger{limit: 3 * size}
	for i := range 3 {
		if !l.fits(size, 0) {
			t.Fatalf("message %d of 3 has no room", i)
		}
		m := message(i)
		l.queued(l.add(m), int64(i+1))
		clear(m) // the ledger has its own copy
	}
	if l.fits(size, 0) {
		t.Error("a fourth message has room where nothing is confirmed")
	}
	pending := l.add(message(3)) // counted as queued only later
	if got := l.writes(2); len(got) != 2 || got[0].Statement.Lookup("n").AsInt64() != 2 || got[1].Statement.Lookup("n").AsInt64() != 3 {
		t.Errorf("with two statements confirmed, %v are left", got)
	}
	l.queued(pending, 4)
	if !l.fits(size, 2) || l.size != 2*size {
		t.Errorf("%d bytes are kept, want %d", l.size, 2*size)
	}
	if got := l.writes(4); len(got) != 0 || l.size != 0 {
		t.Errorf("with all confirmed, %v and %d bytes are left", got, l.size)
	}
	if !l.fits(100*size, 4) {
		t.Error("a message larger than the limit has no room where nothing else is")
	}
}
