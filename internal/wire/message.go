// Package wire reads what a pinned socket has to know of a wire message: its length, whom a reply
// is for, whether a message wants one, and how many write statements it carries. It builds and
// changes no message.
//
// Format: https://github.com/mongodb/specifications/blob/master/source/message/OP_MSG.md
package wire

import (
	"bytes"
	"encoding/binary"
)

// HeaderLength is the number of bytes of the header that every wire message begins with:
// messageLength, requestID, responseTo and opCode, four little-endian int32.
const HeaderLength = 16

// DefaultMaxMessageSize is the largest message, in bytes, that a server accepts which names no
// maxMessageSizeBytes in its hello.
const DefaultMaxMessageSize = 48_000_000

const (
	opMsg = 2013

	flagMoreToCome = 1 << 1

	// sectionDocuments is the kind byte of a section that holds a sequence of documents.
	sectionDocuments = 1
)

// Length returns the messageLength of a header, which counts the header itself. The header must
// hold HeaderLength bytes.
func Length(header []byte) int32 { return int32(binary.LittleEndian.Uint32(header)) }

// RequestID returns the requestID of a header. The header must hold HeaderLength bytes.
func RequestID(header []byte) int32 { return int32(binary.LittleEndian.Uint32(header[4:])) }

// ResponseTo returns the requestID of the message that a reply answers. The header must hold
// HeaderLength bytes.
func ResponseTo(header []byte) int32 { return int32(binary.LittleEndian.Uint32(header[8:])) }

// MoreToCome tells whether message is an OP_MSG that asks the server not to answer. It answers
// false for OP_COMPRESSED, whose flags cannot be seen: ask before compressing.
func MoreToCome(message []byte) bool {
	return isMsg(message) && flags(message)&flagMoreToCome != 0
}

// Statements counts the write statements of an uncompressed OP_MSG: the documents of its document
// sequences, but for the namespaces of a bulkWrite, and 1 for a message that has none, since then the command itself is what may be lost.
func Statements(message []byte) int {
	if !isMsg(message) {
		return 1
	}
	rest := message[HeaderLength+4:] // a checksum at its end is too short for a section
	statements := 0
	for len(rest) >= 5 {
		kind, size := rest[0], int(int32(binary.LittleEndian.Uint32(rest[1:])))
		if size < 4 || size > len(rest)-1 {
			break
		}
		if kind == sectionDocuments {
			statements += documents(rest[5 : 1+size])
		}
		rest = rest[1+size:]
	}
	return max(statements, 1)
}

// documents counts the documents of a document sequence, given what follows its size.
func documents(sequence []byte) int {
	identifier, sequence, _ := bytes.Cut(sequence, []byte{0})
	if string(identifier) == "nsInfo" {
		return 0
	}
	count := 0
	for len(sequence) >= 5 {
		size := int(int32(binary.LittleEndian.Uint32(sequence)))
		if size < 5 || size > len(sequence) {
			break
		}
		count++
		sequence = sequence[size:]
	}
	return count
}

func isMsg(message []byte) bool {
	return len(message) >= HeaderLength+4 && binary.LittleEndian.Uint32(message[12:]) == opMsg
}

func flags(message []byte) uint32 { return binary.LittleEndian.Uint32(message[HeaderLength:]) }
