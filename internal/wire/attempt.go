package wire

import "encoding/binary"

// Attempt is what the driver's attempts at one operation have in common: its session, and the number
// that the session gave a write which may be retried, 0 for a read. The zero value is no attempt.
type Attempt struct {
	Session [16]byte
	Number  int64
}

const (
	typeDocument = 0x03
	typeInt64    = 0x12

	// A session is {id: <UUID>}: 13 bytes of lengths, types and the key come before the UUID, one behind.
	sessionLength, sessionOffset = 30, 13
)

// ReadAttempt reads an uncompressed OP_MSG; false where it is no attempt that the driver would repeat by
// itself: without a session, in a transaction, or a command for a cursor. It allocates nothing.
func ReadAttempt(message []byte) (a Attempt, ok bool) {
	if !isMsg(message) {
		return a, false
	}
	body, ok := bodyOf(message[HeaderLength+4:])
	if !ok {
		return a, false
	}
	first, found := true, false
	for rest := body[4:]; len(rest) > 0 && rest[0] != 0; first = false {
		kind, key, value, behind, ok := element(rest)
		if !ok {
			return Attempt{}, false
		}
		rest = behind
		switch name := string(key); {
		case first && (name == "getMore" || name == "killCursors"), name == "autocommit":
			return Attempt{}, false
		case kind == typeDocument && name == "lsid" && len(value) == sessionLength:
			copy(a.Session[:], value[sessionOffset:])
			found = true
		case kind == typeInt64 && name == "txnNumber":
			a.Number = int64(binary.LittleEndian.Uint64(value))
		}
	}
	if !found {
		return Attempt{}, false
	}
	return a, true
}
