package wire

import (
	"encoding/binary"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
)

// compressed is a ping, compressed.
func compressed(t testing.TB, id Compressor, sections ...[]byte) (Header, []byte) {
	t.Helper()
	h, b := msg(0, sections...)
	out, err := appendCompressed(nil, id, append(appendHeader(nil, h), b...))
	if err != nil {
		t.Fatal(err)
	}
	return parseHeader(out), out[HeaderSize:]
}

func TestCompressed(t *testing.T) {
	ping := doc(t, bson.D{{Key: "ping", Value: 1}})
	for name, id := range CompressorNames {
		t.Run(name, func(t *testing.T) {
			m, err := Parse(compressed(t, id, kind0(ping)))
			if err != nil {
				t.Fatal(err)
			}
			if m.Compressor != id || m.Header.OpCode != OpMsg || string(m.Body) != string(ping) {
				t.Errorf("%+v", m)
			}
			reply, err := AppendReply([]byte("before"), 3, m, ping)
			if err != nil {
				t.Fatal(err)
			}
			reply = reply[len("before"):]
			h := parseHeader(reply)
			if h.OpCode != OpCompressed || h.RequestID != 3 || h.ResponseTo != 7 || int(h.Length) != len(reply) {
				t.Errorf("reply header %+v for %d bytes", h, len(reply))
			}
			back, err := Parse(h, reply[HeaderSize:])
			if err != nil || back.Compressor != id || string(back.Body) != string(ping) {
				t.Errorf("reply %+v, %v", back, err)
			}

			wrong := func(name string, change func([]byte)) {
				h, b := compressed(t, id, kind0(ping))
				change(b)
				if _, err := Parse(h, b); !errors.Is(err, ErrFatal) {
					t.Errorf("%s: %v, want the end of the connection", name, err)
				}
			}
			wrong("size too small", func(b []byte) { b[4]-- })
			wrong("size too large", func(b []byte) { b[4]++ })
			wrong("size negative", func(b []byte) { b[7] = 0x80 })
			wrong("size over the limit", func(b []byte) { binary.LittleEndian.PutUint32(b[4:], MaxMessageSize) })
			wrong("nested", func(b []byte) { binary.LittleEndian.PutUint32(b, uint32(OpCompressed)) })
			wrong("noop", func(b []byte) { b[8] = 0 })
			wrong("unknown id", func(b []byte) { b[8] = 200 })
			wrong("garbage", func(b []byte) {
				for i := compressedHeaderSize; i < len(b); i++ {
					b[i] = 0xee
				}
			})
		})
	}
	if _, err := Parse(Header{OpCode: OpCompressed}, make([]byte, 8)); !errors.Is(err, ErrFatal) {
		t.Errorf("short: %v, want the end of the connection", err)
	}
}

func TestCompressedErrorIsAnswered(t *testing.T) {
	m, err := Parse(compressed(t, Zlib, kind1("documents")))
	if err == nil || errors.Is(err, ErrFatal) || m == nil || m.Compressor != Zlib {
		t.Errorf("%+v, %v: want an error to answer, compressed", m, err)
	}
}
