package monorailtest

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
)

// legacy encodes a message with an opcode that MongoDB 5.1 removed. The parts are int32, int64, strings, which are full
// collection names, and documents.
func (c *rawConn) legacy(opCode int32, parts ...any) []byte {
	c.t.Helper()
	c.lastID++
	var b []byte
	for _, part := range parts {
		switch x := part.(type) {
		case int:
			b = binary.LittleEndian.AppendUint32(b, uint32(int32(x)))
		case int64:
			b = binary.LittleEndian.AppendUint64(b, uint64(x))
		case string:
			b = append(append(b, x...), 0)
		case bson.D:
			b = append(b, marshal(c.t, x)...)
		default:
			c.t.Fatalf("a part of type %T", part)
		}
	}
	return packet(c.lastID, opCode, b)
}

// The legacy opcodes.
const (
	legacyUpdate      = 2001
	legacyInsert      = 2002
	legacyQuery       = 2004
	legacyGetMore     = 2005
	legacyDelete      = 2006
	legacyKillCursors = 2007
)

// documentsReply is an OP_REPLY.
type documentsReply struct {
	id, responseTo int32
	flags          uint32
	cursor         int64
	documents      []bson.Raw
}

// documents returns the next reply, which must be an OP_REPLY.
func (c *rawConn) documents() documentsReply {
	c.t.Helper()
	head := make([]byte, 36)
	if _, err := io.ReadFull(c.socket, head); err != nil {
		c.t.Fatal(err)
	}
	number := func(at int) uint32 { return binary.LittleEndian.Uint32(head[at:]) }
	if number(12) != 1 {
		c.t.Fatalf("opcode %d, want OP_REPLY", number(12))
	}
	r := documentsReply{id: int32(number(4)), responseTo: int32(number(8)), flags: number(16), cursor: int64(binary.LittleEndian.Uint64(head[20:]))}
	rest := make([]byte, number(0)-36)
	if _, err := io.ReadFull(c.socket, rest); err != nil {
		c.t.Fatal(err)
	}
	for len(rest) > 0 {
		size := binary.LittleEndian.Uint32(rest)
		r.documents = append(r.documents, bson.Raw(rest[:size]))
		rest = rest[size:]
	}
	if n := int(number(32)); n != len(r.documents) {
		c.t.Fatalf("%d documents announced, %d there", n, len(r.documents))
	}
	return r
}

// ids returns the _id of each document.
func (r documentsReply) ids() []int32 {
	var ids []int32
	for _, d := range r.documents {
		n, _ := d.Lookup("_id").Int32OK()
		ids = append(ids, n)
	}
	return ids
}

func legacyConn(t *testing.T, documents int) *rawConn {
	c := dial(t, newServer(t))
	parts := []any{0, "test.c"}
	for i := range documents {
		parts = append(parts, bson.D{{Key: "_id", Value: int32(i)}, {Key: "n", Value: int32(i % 2)}})
	}
	c.send(c.legacy(legacyInsert, parts...))
	return c
}

func TestLegacyQuery(t *testing.T) {
	c := legacyConn(t, 10)
	id := func(order int) bson.D { return bson.D{{Key: "_id", Value: order}} }
	all := bson.D{}
	wrapped := bson.D{{Key: "$query", Value: bson.D{{Key: "n", Value: 1}}}, {Key: "$orderby", Value: id(-1)}}
	for i, test := range []struct {
		parts []any
		want  []int32
		open  bool
	}{
		{[]any{0, "test.c", 0, 0, all}, []int32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, false},
		{[]any{0, "test.c", 7, 0, all}, []int32{7, 8, 9}, false},
		{[]any{0, "test.c", 0, 3, all}, []int32{0, 1, 2}, true},
		{[]any{0, "test.c", 0, -3, all}, []int32{0, 1, 2}, false},
		{[]any{0, "test.c", 0, 1, all}, []int32{0}, false},
		{[]any{0, "test.c", 0, 0, wrapped}, []int32{9, 7, 5, 3, 1}, false},
		{[]any{0, "test.none", 0, 0, all}, nil, false},
	} {
		c.send(c.legacy(legacyQuery, test.parts...))
		r := c.documents()
		if r.responseTo != c.lastID || r.flags != 8 || !slices.Equal(r.ids(), test.want) || (r.cursor != 0) != test.open {
			t.Errorf("%d: %+v, want %v", i, r, test.want)
		}
	}
	c.send(c.legacy(legacyQuery, 0, "test.c", 0, -1, all, bson.D{{Key: "n", Value: 1}, {Key: "_id", Value: 0}}))
	if r := c.documents(); len(r.documents) != 1 || r.documents[0].String() != `{"n": {"$numberInt":"0"}}` {
		t.Errorf("projection: %+v", r)
	}
	c.send(c.legacy(legacyQuery, 0, "test.c", 0, -1, append(wrapped, bson.E{Key: "$explain", Value: true})))
	if r := c.documents(); len(r.documents) != 1 || r.documents[0].Lookup("queryPlanner").Type == 0 {
		t.Errorf("explain: %+v", r)
	}
	c.send(c.legacy(legacyQuery, 0, "test.c", 0, 0, bson.D{{Key: "$or", Value: 1}}))
	if r := c.documents(); r.flags&2 == 0 || len(r.documents) != 1 || r.documents[0].Lookup("$err").Type == 0 || code(r.documents[0]) != 2 {
		t.Errorf("a wrong query: %+v", r)
	}
}

func TestLegacyGetMoreAndKillCursors(t *testing.T) {
	c := legacyConn(t, 10)
	c.send(c.legacy(legacyQuery, 0, "test.c", 0, 4, bson.D{}))
	first := c.documents()
	c.send(c.legacy(legacyGetMore, 0, "test.c", 3, first.cursor))
	if r := c.documents(); !slices.Equal(r.ids(), []int32{4, 5, 6}) || r.cursor != first.cursor {
		t.Errorf("second batch: %+v", r)
	}
	c.send(c.legacy(legacyGetMore, 0, "test.c", 0, first.cursor))
	if r := c.documents(); !slices.Equal(r.ids(), []int32{7, 8, 9}) || r.cursor != 0 {
		t.Errorf("last batch: %+v", r)
	}
	for _, kill := range []bool{false, true} {
		c.send(c.legacy(legacyQuery, 0, "test.c", 0, 4, bson.D{}))
		next := c.documents().cursor
		if kill {
			c.send(c.legacy(legacyKillCursors, 0, 2, next, int64(4711)))
		}
		c.send(c.legacy(legacyGetMore, 0, "test.c", 0, next))
		if r := c.documents(); (r.flags&1 != 0) != kill || r.cursor != 0 || (len(r.documents) == 0) != kill {
			t.Errorf("killed %v: %+v", kill, r)
		}
	}
}

// TestLegacyExhaust has a client ask for all batches at once, each of which answers the one before.
func TestLegacyExhaust(t *testing.T) {
	c := legacyConn(t, 10)
	c.send(c.legacy(legacyQuery, 1<<6, "test.c", 0, 4, bson.D{}), c.ask(pingCommand()))
	responseTo, got := c.lastID-1, []int32(nil)
	for batches := 1; ; batches++ {
		r := c.documents()
		if r.responseTo != responseTo {
			t.Errorf("batch %d answers %d, want %d", batches, r.responseTo, responseTo)
		}
		responseTo, got = r.id, append(got, r.ids()...)
		if r.cursor == 0 {
			if batches != 3 {
				t.Errorf("%d batches, want 3", batches)
			}
			break
		}
	}
	if want := []int32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if r := c.reply(); r.responseTo != c.lastID {
		t.Errorf("the ping behind it: %+v", r)
	}
}

func TestLegacyWrites(t *testing.T) {
	c := legacyConn(t, 3)
	set := func(v int) bson.D { return bson.D{{Key: "$set", Value: bson.D{{Key: "v", Value: v}}}} }
	id := func(i int) bson.D { return bson.D{{Key: "_id", Value: i}} }
	c.send(
		c.legacy(legacyUpdate, 0, "test.c", 0, bson.D{}, set(1)), // one
		c.legacy(legacyUpdate, 0, "test.c", 2, id(2), set(2)),    // all that match
		c.legacy(legacyUpdate, 0, "test.c", 1, id(7), set(7)),    // upsert
		c.legacy(legacyUpdate, 0, "test.c", 0, id(1), bson.D{{Key: "replaced", Value: 1}}),
		c.legacy(legacyInsert, 0, "test.c", id(0), id(8)),          // ends at the duplicate
		c.legacy(legacyInsert, 1, "test.c", id(0), id(9)),          // goes on behind it
		c.legacy(legacyInsert, 0, "test.d.e", id(1), id(2), id(3)), // a collection with a dot in its name
		c.legacy(legacyDelete, 0, "test.d.e", 1, bson.D{}),         // one
	)
	c.send(c.legacy(legacyQuery, 0, "test.c", 0, 0, bson.D{}))
	got := fmt.Sprint(c.documents().documents)
	want := `[{"_id": {"$numberInt":"0"},"n": {"$numberInt":"0"},"v": {"$numberInt":"1"}} ` +
		`{"_id": {"$numberInt":"1"},"replaced": {"$numberInt":"1"}} ` +
		`{"_id": {"$numberInt":"2"},"n": {"$numberInt":"0"},"v": {"$numberInt":"2"}} ` +
		`{"_id": {"$numberInt":"7"},"v": {"$numberInt":"7"}} {"_id": {"$numberInt":"9"}}]`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	c.send(c.legacy(legacyQuery, 0, "test.d.e", 0, 0, bson.D{}), c.legacy(legacyDelete, 0, "test.d.e", 0, bson.D{}),
		c.legacy(legacyQuery, 0, "test.d.e", 0, 0, bson.D{}))
	if before, after := c.documents(), c.documents(); !slices.Equal(before.ids(), []int32{2, 3}) || len(after.documents) != 0 {
		t.Errorf("deletes: %v, then %v", before.ids(), after.ids())
	}
}

// TestLegacyCutShort ends the connection where a message ends in the middle of what it says.
func TestLegacyCutShort(t *testing.T) {
	s := newServer(t)
	for _, opCode := range []int32{legacyUpdate, legacyInsert, legacyQuery, legacyGetMore, legacyDelete, legacyKillCursors} {
		c := dial(t, s)
		c.send(c.legacy(opCode, 0))
		c.wantClosed()
	}
}
