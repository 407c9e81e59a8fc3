package traffic

import (
	"encoding/binary"
	"io"
	"net"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mongo-monorail/monorail/internal/wiretest"
)

func TestMain(m *testing.M) { wiretest.Main(m) }

// message returns an OP_MSG with command as its only section.
func message(t *testing.T, opcode uint32, command bson.D) []byte {
	t.Helper()
	document, err := bson.Marshal(command)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 16, 64)
	binary.LittleEndian.PutUint32(b[12:], opcode)
	b = append(b, 0, 0, 0, 0, 0) // flags, kind
	b = append(b, document...)
	binary.LittleEndian.PutUint32(b, uint32(len(b)))
	return b
}

func TestCounterCountsCommandsAlone(t *testing.T) {
	var counted Counter
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	go func() { _, _ = io.Copy(io.Discard, far) }() // ends with far
	conn := counted.Count(near)
	write := func(b []byte) {
		t.Helper()
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	read := func(reads int) {
		t.Helper()
		written := make(chan error, 1) // the goroutine sends once, the end of read receives
		go func() {                    // ends when the reads below have taken its bytes
			_, err := far.Write(make([]byte, reads))
			written <- err
		}()
		for range reads {
			if _, err := conn.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-written; err != nil {
			t.Fatal(err)
		}
	}
	expect := func(what string, roundTrips, writes int64) {
		t.Helper()
		if counted.RoundTrips.Load() != roundTrips || counted.Writes.Load() != writes {
			t.Errorf("after %s: %d round trips, %d write calls; want %d, %d", what, counted.RoundTrips.Load(), counted.Writes.Load(), roundTrips, writes)
		}
	}
	write(message(t, opQuery, bson.D{{Key: "isMaster", Value: 1}}))
	read(1)
	write(message(t, opMsg, bson.D{{Key: "hello", Value: 1}, {Key: "helloOk", Value: true}}))
	read(2)
	write(message(t, opMsg, bson.D{{Key: "saslStart", Value: 1}}))
	read(1)
	expect("a handshake", 0, 0)
	write(message(t, opMsg, bson.D{{Key: "find", Value: "counts"}}))
	read(3)
	expect("a command whose reply came in three reads", 1, 1)
	write(message(t, opMsg, bson.D{{Key: "update", Value: "counts"}}))
	write(message(t, opMsg, bson.D{{Key: "find", Value: "counts"}}))
	read(1)
	expect("two messages and one reply", 2, 3)
	write([]byte("short"))
	expect("bytes that are no message", 2, 4)
	read(1)
	read(1)
	expect("replies beyond the first", 3, 4)
}
