package wire

import (
	"bytes"
	"encoding/binary"
)

// Command is what an OP_MSG names: its command, the database and, where the value of the command is
// a string, the collection. The slices are parts of the message.
type Command struct {
	Name, Database, Collection []byte
}

const (
	// sectionBody is the kind byte of the section that holds the command's document.
	sectionBody = 0

	typeString = 0x02
)

// ReadCommand reads the command of an uncompressed OP_MSG; false where it cannot be read. It allocates
// nothing, and looks at no more elements than it has to.
func ReadCommand(message []byte) (Command, bool) {
	var c Command
	if !isMsg(message) {
		return c, false
	}
	body, ok := bodyOf(message[HeaderLength+4:])
	if !ok {
		return c, false
	}
	for rest := body[4:]; len(rest) > 0 && rest[0] != 0; {
		kind, key, value, behind, ok := element(rest)
		if !ok {
			return c, false
		}
		switch {
		case c.Name == nil:
			c.Name = key
			if kind == typeString {
				c.Collection = stringOf(value)
			}
		case kind == typeString && string(key) == "$db":
			c.Database = stringOf(value)
			return c, true
		}
		rest = behind
	}
	return c, false
}

// element splits the first element off the elements of a document, which must not be empty.
func element(elements []byte) (kind byte, key, value, behind []byte, ok bool) {
	end := bytes.IndexByte(elements[1:], 0)
	if end < 0 {
		return 0, nil, nil, nil, false
	}
	kind, key, behind = elements[0], elements[1:1+end], elements[2+end:]
	size, ok := valueSize(kind, behind)
	if !ok {
		return 0, nil, nil, nil, false
	}
	return kind, key, behind[:size], behind[size:], true
}

// bodyOf returns the document of the section of kind 0.
func bodyOf(sections []byte) ([]byte, bool) {
	for len(sections) >= 5 {
		size := int(int32(binary.LittleEndian.Uint32(sections[1:])))
		if size < 5 || size > len(sections)-1 {
			return nil, false
		}
		if sections[0] == sectionBody {
			return sections[1 : 1+size], true
		}
		sections = sections[1+size:]
	}
	return nil, false
}

// stringOf returns the bytes of a BSON string value without its length and its end.
func stringOf(value []byte) []byte { return value[4 : len(value)-1] }

// valueSize returns how many bytes a BSON value of that type has at the head of b; false where it does
// not fit. Format: https://bsonspec.org/spec.html
func valueSize(kind byte, b []byte) (int, bool) {
	size := 0
	switch kind {
	case 0x06, 0x0a, 0xff, 0x7f: // undefined, null, min key, max key
	case 0x08: // boolean
		size = 1
	case 0x10: // int32
		size = 4
	case 0x01, 0x09, 0x11, 0x12: // double, date, timestamp, int64
		size = 8
	case 0x07: // ObjectID
		size = 12
	case 0x13: // decimal
		size = 16
	case 0x0b: // regular expression: two strings that end with 0
		for range 2 {
			end := bytes.IndexByte(b[size:], 0)
			if end < 0 {
				return 0, false
			}
			size += end + 1
		}
	default:
		length, least := 0, 0
		if len(b) < 4 {
			return 0, false
		}
		length = int(int32(binary.LittleEndian.Uint32(b)))
		switch kind {
		case typeString, 0x0d, 0x0e: // string, code, symbol
			size, least = 4+length, 5
		case 0x05: // binary
			size, least = 5+length, 5
		case 0x0c: // DBPointer
			size, least = 16+length, 17
		case 0x03, 0x04, 0x0f: // document, array, code with scope
			size, least = length, 5
		default:
			return 0, false
		}
		if length < 0 || size < least {
			return 0, false
		}
	}
	return size, size <= len(b)
}
