package inbox

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"

	"github.com/mongo-monorail/monorail/internal/wiretest"
)

// pieces reads at most so many bytes at a time as its next size says, round and round.
type pieces struct {
	rest  []byte
	sizes []byte
	i     int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := 1
	if len(p.sizes) > 0 {
		n += int(p.sizes[p.i%len(p.sizes)])
		p.i++
	}
	n = copy(b, p.rest[:min(n, len(p.rest))])
	p.rest = p.rest[n:]
	return n, nil
}

func readAll(conn io.Reader) (messages [][]byte, err error) {
	r := reader{maxMessageSize: 1 << 16}
	defer r.release()
	for {
		message, err := r.next(conn)
		if err != nil {
			return messages, err
		}
		messages = append(messages, message)
	}
}

// FuzzReader checks that the messages and the error do not depend on how the stream is cut.
func FuzzReader(f *testing.F) {
	f.Add(append(wiretest.Reply(1, 40), wiretest.Reply(2, 0)...), []byte{0, 6, 200})
	f.Add(wiretest.Reply(3, 2*bufferSize)[:2*bufferSize], []byte{255})
	f.Add([]byte("\x0f\x00\x00\x00123456789012"), []byte{3})
	f.Fuzz(func(t *testing.T, stream, sizes []byte) {
		want, wantErr := readAll(iotest.OneByteReader(bytes.NewReader(stream)))
		got, gotErr := readAll(&pieces{rest: stream, sizes: sizes})
		if len(got) != len(want) || gotErr.Error() != wantErr.Error() {
			t.Fatalf("%d messages and %v, byte by byte %d and %v", len(got), gotErr, len(want), wantErr)
		}
		for i := range want {
			if !bytes.Equal(got[i], want[i]) {
				t.Errorf("message %d differs", i)
			}
		}
	})
}
