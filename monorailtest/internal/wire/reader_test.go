package wire

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/iotest"

	"go.mongodb.org/mongo-driver/bson"
)

// whole is an OP_MSG with its header.
func whole(t testing.TB, body []byte) []byte {
	h, b := msg(0, kind0(body))
	return append(appendHeader(nil, h), b...)
}

func TestReaderManyMessagesInOneRead(t *testing.T) {
	var stream []byte
	for i := range 100 {
		stream = append(stream, whole(t, doc(t, bson.D{{Key: "i", Value: int32(i)}}))...)
	}
	for name, src := range map[string]io.Reader{
		"at once": bytes.NewReader(stream), "byte by byte": iotest.OneByteReader(bytes.NewReader(stream)),
		"halves": iotest.HalfReader(bytes.NewReader(stream)),
	} {
		r := NewReader(src)
		for i := range int32(100) {
			h, b, err := r.Read()
			if err != nil {
				t.Fatalf("%s: message %d: %v", name, i, err)
			}
			m, err := Parse(h, b)
			if err != nil || m.Body.Lookup("i").Int32() != i {
				t.Fatalf("%s: message %d: %v, %v", name, i, m, err)
			}
		}
		if _, _, err := r.Read(); err != io.EOF {
			t.Errorf("%s: at the end: %v, want EOF", name, err)
		}
	}
}

func TestReaderLargeAfterSmall(t *testing.T) {
	small := whole(t, doc(t, bson.D{{Key: "a", Value: 1}}))
	large := whole(t, doc(t, bson.D{{Key: "a", Value: bytes.Repeat([]byte{7}, 5<<20)}}))
	stream := append(append(append([]byte(nil), small...), large...), small...)
	r := NewReader(iotest.HalfReader(bytes.NewReader(stream)))
	for i, want := range [][]byte{small, large, small} {
		_, b, err := r.Read()
		if err != nil || !bytes.Equal(b, want[HeaderSize:]) {
			t.Fatalf("message %d: %d bytes, %v", i, len(b), err)
		}
	}
}

func TestReaderErrors(t *testing.T) {
	message := whole(t, doc(t, bson.D{{Key: "a", Value: 1}}))
	for n := 1; n < len(message); n++ {
		if _, _, err := NewReader(bytes.NewReader(message[:n])).Read(); err != io.ErrUnexpectedEOF {
			t.Errorf("cut after %d bytes: %v, want %v", n, err, io.ErrUnexpectedEOF)
		}
	}
	for _, length := range []int32{-1, 0, 15, MaxMessageSize + 1} {
		head := appendHeader(nil, Header{Length: length, OpCode: OpMsg})
		// Nothing but the header comes: the error must not wait for the rest.
		if _, _, err := NewReader(bytes.NewReader(head)).Read(); !errors.Is(err, ErrFatal) {
			t.Errorf("length %d: %v, want the end of the connection", length, err)
		}
	}
}

// A header costs nothing on its word: 20 of them that announce 48 MB each took less than 8 MB of a real server.
func TestReaderAnnouncementIsCheap(t *testing.T) {
	head := appendHeader(nil, Header{Length: MaxMessageSize, OpCode: OpMsg})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 20 {
		if _, _, err := NewReader(bytes.NewReader(head)).Read(); err != io.ErrUnexpectedEOF {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
		t.Errorf("20 headers allocated %d bytes", got)
	}
}

func BenchmarkRead(b *testing.B) {
	message := whole(b, doc(b, bson.D{{Key: "update", Value: "c"}, {Key: "$db", Value: "test"}}))
	r := NewReader(&endless{message: message})
	b.ReportAllocs()
	for b.Loop() {
		h, body, err := r.Read()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Parse(h, body); err != nil {
			b.Fatal(err)
		}
	}
}

// endless repeats a message.
type endless struct {
	message []byte
	at      int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.message[e.at:])
	e.at = (e.at + n) % len(e.message)
	return n, nil
}
