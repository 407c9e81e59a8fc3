// Package wiretest has what the tests of a pinned socket need: messages, a scripted peer, a
// connection that counts calls and fails on order, and a check for goroutines that were left behind.
package wiretest

import (
	"encoding/binary"
	"fmt"
)

// Overhead is the number of bytes of a message of Message that has no padding: the header, the
// flags, and a section of kind 0 whose document holds an empty binary value.
const Overhead = 16 + 4 + 1 + documentOverhead

const (
	documentOverhead = 4 + 3 + 5 + 1 // length, type and name, length and subtype, end
	opMsg            = 2013
	binaryElement    = 0x05
)

// Message returns a whole OP_MSG of Overhead plus padding bytes. The padding follows from the two
// ids, so that Check recognises bytes of another message. The caller owns the result.
func Message(id, responseTo int32, padding int) []byte {
	b := make([]byte, 0, Overhead+padding)
	b = binary.LittleEndian.AppendUint32(b, uint32(Overhead+padding))
	b = binary.LittleEndian.AppendUint32(b, uint32(id))
	b = binary.LittleEndian.AppendUint32(b, uint32(responseTo))
	b = binary.LittleEndian.AppendUint32(b, opMsg)
	b = append(b, 0, 0, 0, 0) // flags
	b = append(b, 0)          // kind
	b = binary.LittleEndian.AppendUint32(b, uint32(documentOverhead+padding))
	b = append(b, binaryElement, 'p', 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(padding))
	b = append(b, 0) // subtype
	for i := range padding {
		b = append(b, pad(id, responseTo, i))
	}
	return append(b, 0)
}

// Request returns a request with that id.
func Request(id int32, padding int) []byte { return Message(id, 0, padding) }

// Reply returns the reply to the request with that id.
func Reply(responseTo int32, padding int) []byte { return Message(-responseTo, responseTo, padding) }

// Check returns an error unless message is, byte for byte, what Message made of the ids in its
// header.
func Check(message []byte) error {
	if len(message) < Overhead {
		return fmt.Errorf("a message of %d bytes: want %d or more", len(message), Overhead)
	}
	want := Message(ID(message), ResponseTo(message), len(message)-Overhead)
	for i := range want {
		if message[i] != want[i] {
			return fmt.Errorf("message %d in reply to %d: byte %d of %d is %#x: want %#x",
				ID(message), ResponseTo(message), i, len(message), message[i], want[i])
		}
	}
	return nil
}

// ID returns the requestID of a message.
func ID(message []byte) int32 { return int32(binary.LittleEndian.Uint32(message[4:])) }

// ResponseTo returns the responseTo of a message.
func ResponseTo(message []byte) int32 { return int32(binary.LittleEndian.Uint32(message[8:])) }

func pad(id, responseTo int32, i int) byte { return byte(int(id)*7 + int(responseTo)*13 + i) }
