package wire

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"go.mongodb.org/mongo-driver/bson"
)

// FuzzParse feeds streams of bytes to a reader and the parser: no panic, no error of an unknown kind, and what is
// accepted is BSON that another parser can walk.
func FuzzParse(f *testing.F) {
	body := doc(f, everything())
	one := doc(f, bson.D{{Key: "_id", Value: 1}})
	add := func(h Header, b []byte) {
		h.Length = int32(HeaderSize + len(b))
		f.Add(append(appendHeader(nil, h), b...))
	}
	add(msg(0, kind0(body)))
	add(msg(2, kind0(one), kind1("documents", one, one)))
	h, b := msg(1, kind0(body))
	add(withChecksum(h, b, 0))
	for _, id := range CompressorNames {
		add(compressed(f, id, kind0(body)))
	}
	namespace := []byte("test.c\x00")
	number := []byte{1, 0, 0, 0}
	for opCode, parts := range map[OpCode][][]byte{
		OpInsert:      {number, namespace, one, one},
		OpUpdate:      {number, namespace, number, one, body},
		OpDelete:      {number, namespace, number, one},
		OpQuery:       {number, namespace, number, number, body, one},
		OpGetMore:     {number, namespace, number, number, number},
		OpKillCursors: {number, number, number, number},
	} {
		add(Header{RequestID: 1, OpCode: opCode}, bytes.Join(parts, nil))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := NewReader(bytes.NewReader(stream))
		for {
			h, b, err := r.Read()
			if err != nil {
				if err != io.EOF && err != io.ErrUnexpectedEOF && !errors.Is(err, ErrFatal) {
					t.Fatalf("read: %v", err)
				}
				return
			}
			m, err := Parse(h, b)
			var answer *mongoerror.Error
			switch {
			case errors.Is(err, ErrFatal):
				return
			case err != nil:
				if !errors.As(err, &answer) || m == nil {
					t.Fatalf("parse: %v, message %v", err, m)
				}
			case m != nil:
				check(t, m)
			}
		}
	})
}

// check walks over an accepted message and answers it.
func check(t *testing.T, m *Message) {
	docs := []bson.Raw{m.Body}
	for _, s := range m.Sequences {
		docs = append(docs, s...)
	}
	for _, d := range docs {
		if err := d.Validate(); err != nil {
			t.Fatalf("accepted %v: %v", d, err)
		}
	}
	reply, err := AppendReply(nil, 1, m, m.Body)
	if err != nil {
		t.Fatalf("reply: %v", err)
	}
	if h := parseHeader(reply); int(h.Length) != len(reply) || h.ResponseTo != m.Header.RequestID {
		t.Fatalf("reply header %+v for %d bytes", h, len(reply))
	}
}
