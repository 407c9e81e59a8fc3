package wire

import "encoding/binary"

// HeaderSize is the size of the header that starts every message.
const HeaderSize = 16

// MaxMessageSize is the size of the largest message, its header included: maxMessageSizeBytes of hello. A header that
// announces more ends the connection.
const MaxMessageSize = 48_000_000

// OpCode says what a message is.
type OpCode int32

// The opcodes that a server receives or sends. OpNone is ignored by MongoDB; those from OpUpdate to OpKillCursors left the
// protocol with MongoDB 5.1.
const (
	OpNone        OpCode = 0
	OpReply       OpCode = 1
	OpUpdate      OpCode = 2001
	OpInsert      OpCode = 2002
	OpQuery       OpCode = 2004
	OpGetMore     OpCode = 2005
	OpDelete      OpCode = 2006
	OpKillCursors OpCode = 2007
	OpCompressed  OpCode = 2012
	OpMsg         OpCode = 2013
)

// Header is the start of every message: four little-endian int32.
type Header struct {
	// Length is that of the whole message, these 16 bytes included.
	Length int32
	// RequestID is chosen by the sender; any value will do.
	RequestID int32
	// ResponseTo is the RequestID of the request that a reply answers.
	ResponseTo int32
	OpCode     OpCode
}

// parseHeader reads a header from the first 16 bytes of b.
func parseHeader(b []byte) Header {
	return Header{
		Length:     int32(binary.LittleEndian.Uint32(b)),
		RequestID:  int32(binary.LittleEndian.Uint32(b[4:])),
		ResponseTo: int32(binary.LittleEndian.Uint32(b[8:])),
		OpCode:     OpCode(binary.LittleEndian.Uint32(b[12:])),
	}
}

// appendHeader appends h to dst.
func appendHeader(dst []byte, h Header) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(h.Length))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(h.RequestID))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(h.ResponseTo))
	return binary.LittleEndian.AppendUint32(dst, uint32(h.OpCode))
}

// setLength writes the length of the message that starts at dst[start] and ends with dst.
func setLength(dst []byte, start int) {
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start))
}
