package wire

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"go.mongodb.org/mongo-driver/bson"
)

// doc encodes a document.
func doc(t testing.TB, d bson.D) []byte {
	t.Helper()
	b, err := bson.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// kind0 and kind1 are sections.
func kind0(body []byte) []byte { return append([]byte{0}, body...) }

func kind1(name string, docs ...[]byte) []byte {
	var rest []byte
	rest = append(rest, name...)
	rest = append(rest, 0)
	for _, d := range docs {
		rest = append(rest, d...)
	}
	out := binary.LittleEndian.AppendUint32([]byte{1}, uint32(4+len(rest)))
	return append(out, rest...)
}

// section1Sized is kind1 with a wrong size.
func section1Sized(by int, name string, docs ...[]byte) []byte {
	s := kind1(name, docs...)
	binary.LittleEndian.PutUint32(s[1:], binary.LittleEndian.Uint32(s[1:])+uint32(by))
	return s
}

// msg is an OP_MSG without its header, and the header that belongs to it.
func msg(flags uint32, sections ...[]byte) (Header, []byte) {
	b := binary.LittleEndian.AppendUint32(nil, flags)
	for _, s := range sections {
		b = append(b, s...)
	}
	return Header{Length: int32(HeaderSize + len(b)), RequestID: 7, OpCode: OpMsg}, b
}

// withChecksum appends the CRC-32C, changed by the given difference.
func withChecksum(h Header, b []byte, difference uint32) (Header, []byte) {
	h.Length += 4
	sum := crc32.Checksum(append(appendHeader(nil, h), b...), crc32.MakeTable(crc32.Castagnoli))
	return h, binary.LittleEndian.AppendUint32(b, sum+difference)
}

func TestParseMsg(t *testing.T) {
	ping := doc(t, bson.D{{Key: "ping", Value: 1}, {Key: "$db", Value: "test"}})
	insert := doc(t, bson.D{{Key: "insert", Value: "c"}, {Key: "$db", Value: "test"}})
	one := doc(t, bson.D{{Key: "_id", Value: 1}})
	cutShort := append([]byte(nil), ping...)
	binary.LittleEndian.PutUint32(cutShort, uint32(len(ping)+1))
	badType := append([]byte(nil), ping...)
	badType[4] = 0x7e

	const fatal, fine = -1, 0
	tests := []struct {
		name     string
		flags    uint32
		sections [][]byte
		want     int32 // an error code, or fatal, or fine
	}{
		{"body", 0, [][]byte{kind0(ping)}, fine},
		{"body and sequence", 0, [][]byte{kind0(insert), kind1("documents", one, one)}, fine},
		{"sequence first", 0, [][]byte{kind1("documents", one), kind0(insert)}, fine},
		{"empty sequence", 0, [][]byte{kind0(insert), kind1("documents")}, fine},
		{"optional flags", 1<<16 | 1<<17 | 1<<20 | 1<<31, [][]byte{kind0(ping)}, fine},
		{"moreToCome", 2, [][]byte{kind0(ping)}, fine},

		{"required flag 2", 1 << 2, [][]byte{kind0(ping)}, fatal},
		{"required flag 15", 1 << 15, [][]byte{kind0(ping)}, fatal},
		{"three sequences", 0, [][]byte{kind0(insert), kind1("a"), kind1("b"), kind1("c")}, fatal},

		{"no body", 0, nil, 40587},
		{"sequence only", 0, [][]byte{kind1("documents", one)}, 40587},
		{"two bodies", 0, [][]byte{kind0(ping), kind0(ping)}, 40430},
		{"unknown kind", 0, [][]byte{kind0(ping), {2}}, 40432},
		{"kind 2 first", 0, [][]byte{{2}, kind0(ping)}, 40432},
		{"duplicate identifier", 0, [][]byte{kind0(insert), kind1("documents", one), kind1("documents", one)}, 40431},
		{"identifier in the body", 0, [][]byte{kind0(insert), kind1("insert", one)}, 40433},
		{"trailing zero", 0, [][]byte{kind0(ping), {0}}, 40430},
		{"trailing byte", 0, [][]byte{kind0(ping), {9}}, 40432},
		{"sequence one byte short", 0, [][]byte{kind0(insert), section1Sized(-1, "documents", one)}, 22},
		{"sequence one byte long, at the end", 0, [][]byte{kind0(insert), section1Sized(1, "documents", one)}, 15},
		{"sequence one byte long, before the body", 0, [][]byte{section1Sized(1, "documents", one), kind0(insert)}, 15},
		{"sequence of negative size", 0, [][]byte{kind0(insert), section1Sized(-1000, "documents", one)}, 15},
		{"identifier not terminated", 0, [][]byte{kind0(insert), {1, 6, 0, 0, 0, 'a', 'b'}}, 15},
		{"document past the end", 0, [][]byte{kind0(cutShort)}, 22},
		{"unknown type", 0, [][]byte{kind0(badType)}, 22},
		{"checksum flag without one", 1, [][]byte{kind0(ping)}, 22},
		{"checksum flag and nothing", 1, nil, fatal},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Parse(msg(tt.flags, tt.sections...))
			var e *mongoerror.Error
			switch {
			case tt.want == fatal:
				if !errors.Is(err, ErrFatal) {
					t.Fatalf("got %v, want the end of the connection", err)
				}
			case tt.want == fine:
				if err != nil {
					t.Fatal(err)
				}
			case !errors.As(err, &e):
				t.Fatalf("got %v, want code %d", err, tt.want)
			case e.Code != tt.want:
				t.Fatalf("got code %d (%s), want %d", e.Code, e.Message, tt.want)
			case m == nil:
				t.Fatal("no message to answer")
			}
			if tt.want == fatal {
				return
			}
			if m.MoreToCome != (tt.flags&2 != 0) || m.Header.RequestID != 7 {
				t.Errorf("MoreToCome %v, request id %d", m.MoreToCome, m.Header.RequestID)
			}
			// What is answered with an error to a request is silence to an unacknowledged message.
			if m, err := Parse(msg(tt.flags|2, tt.sections...)); err != nil && (m == nil || !m.MoreToCome) {
				t.Errorf("with moreToCome: %v, and the message does not say so", err)
			}
		})
	}
}

func TestParseMsgSections(t *testing.T) {
	body := doc(t, bson.D{{Key: "insert", Value: "c"}})
	one, two := doc(t, bson.D{{Key: "_id", Value: 1}}), doc(t, bson.D{{Key: "_id", Value: "not utf-8: \xff"}})
	m, err := Parse(msg(2, kind0(body), kind1("documents", one, two)))
	if err != nil {
		t.Fatal(err)
	}
	if string(m.Body) != string(body) {
		t.Errorf("body %v", m.Body)
	}
	docs := m.Sequences["documents"]
	if len(docs) != 2 || string(docs[0]) != string(one) || string(docs[1]) != string(two) {
		t.Errorf("documents %v", docs)
	}
}

func TestParseOtherOpcodes(t *testing.T) {
	for _, tt := range []struct {
		code    OpCode
		ignored bool
	}{
		{OpNone, true}, {OpReply, false}, {2001, false}, {2002, false}, {2003, false}, {2005, false}, {2006, false},
		{2007, false}, {2008, false}, {2010, false}, {2011, false}, {2014, false}, {99999, false}, {-1, false},
	} {
		m, err := Parse(Header{Length: 20, OpCode: tt.code}, []byte{0, 0, 0, 0})
		if tt.ignored && (m != nil || err != nil) {
			t.Errorf("opcode %d: %v, %v, want to be ignored", tt.code, m, err)
		}
		if !tt.ignored && !errors.Is(err, ErrFatal) {
			t.Errorf("opcode %d: %v, want the end of the connection", tt.code, err)
		}
	}
	if _, err := Parse(Header{Length: HeaderSize, OpCode: OpMsg}, nil); !errors.Is(err, ErrFatal) {
		t.Errorf("bare OP_MSG: %v, want the end of the connection", err)
	}
}

func TestChecksum(t *testing.T) {
	ping := doc(t, bson.D{{Key: "ping", Value: 1}})
	h, b := msg(1, kind0(ping))
	m, err := Parse(withChecksum(h, b, 0))
	if err != nil || !m.Checksum {
		t.Fatalf("%v, checksum %v", err, m != nil && m.Checksum)
	}
	if _, err := Parse(withChecksum(h, b, 1)); !errors.Is(err, ErrFatal) {
		t.Errorf("wrong checksum: %v, want the end of the connection", err)
	}
	reply, err := AppendReply(nil, 3, m, ping)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse(parseHeader(reply), reply[HeaderSize:])
	if err != nil || !back.Checksum || string(back.Body) != string(ping) {
		t.Errorf("reply with a checksum: %v, %v", back, err)
	}
}

func TestLargeDocuments(t *testing.T) {
	// fill makes a document of exactly n bytes: 4 for the length, 1 type, "s\0", 4 length of the string, its
	// terminator, and the end.
	fill := func(n int) []byte { return doc(t, bson.D{{Key: "s", Value: strings.Repeat("x", n-13)}}) }
	for _, tt := range []struct {
		size int
		want int32
	}{{16 << 20, 0}, {16<<20 + 16<<10, 0}, {16<<20 + 16<<10 + 1, 10334}} {
		d := fill(tt.size)
		if len(d) != tt.size {
			t.Fatalf("document of %d bytes, want %d", len(d), tt.size)
		}
		_, err := Parse(msg(0, kind0(d)))
		var e *mongoerror.Error
		if errors.As(err, &e); (tt.want == 0) != (err == nil) || tt.want != 0 && e.Code != tt.want {
			t.Errorf("%d bytes: %v, want code %d", tt.size, err, tt.want)
		}
	}
}

func TestParseQuery(t *testing.T) {
	hello := doc(t, bson.D{{Key: "isMaster", Value: 1}})
	query := func(ns string, body []byte) []byte {
		b := make([]byte, 4)
		b = append(b, ns...)
		b = append(b, 0)
		b = append(b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff)
		return append(b, body...)
	}
	h := Header{RequestID: 5, OpCode: OpQuery}
	m, err := Parse(h, query("admin.$cmd", hello))
	if err != nil || m.Namespace != "admin.$cmd" || string(m.Body) != string(hello) {
		t.Fatalf("%+v, %v", m, err)
	}
	wrapped := doc(t, bson.D{{Key: "$query", Value: bson.Raw(hello)}, {Key: "$readPreference", Value: bson.D{}}})
	if m, err := Parse(h, query("admin.$cmd", wrapped)); err != nil || string(m.Body) != string(hello) {
		t.Errorf("wrapped: %+v, %v", m, err)
	}
	reply, err := AppendReply(nil, 9, m, hello)
	if err != nil {
		t.Fatal(err)
	}
	back := parseHeader(reply)
	if back.OpCode != OpReply || back.ResponseTo != 5 || int(back.Length) != len(reply) {
		t.Errorf("reply header %+v for %d bytes", back, len(reply))
	}
	if got := reply[len(reply)-len(hello):]; string(got) != string(hello) {
		t.Errorf("reply ends with %v", got)
	}
	for name, b := range map[string][]byte{
		"empty": nil, "no namespace": {0, 0, 0, 0, 'a'}, "no numbers": query("a.$cmd", nil)[:12],
	} {
		if _, err := Parse(h, b); !errors.Is(err, ErrFatal) {
			t.Errorf("%s: %v, want the end of the connection", name, err)
		}
	}
}
