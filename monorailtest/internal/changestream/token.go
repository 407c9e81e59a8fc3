package changestream

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// Token is a place in a stream. Tokens compare as their texts do.
type Token struct {
	// Time is that of the oplog's entry.
	Time primitive.Timestamp
	// event tells the place behind an event from a high-water mark, which is before every event of its
	// time.
	event bool
	// index numbers the changes of an entry.
	index int
	// invalidate says that the event is the invalidate behind another one of the same change.
	invalidate bool
	// collection is the UUID of the event's collection; nil for none.
	collection []byte
}

// Bytes of MongoDB's KeyString, of which the text is the hexadecimal form.
const (
	keyTimestamp = 0x82
	keyZero      = 0x29
	// keyInteger is before the type of a positive integer of one byte; more bytes, greater types.
	keyInteger = 0x2a
	keyFalse   = 0x6e
	keyTrue    = 0x6f
	keyBinary  = 0x5a
	keyEnd     = 0x04

	// tokenVersion is that of the format, and eventToken the type of a token that is of an event.
	tokenVersion = 1
	eventToken   = 128
	uuidSize     = 16
	uuidSubtype  = 4
)

// Document returns the token as clients see it.
func (t Token) Document() bson.D {
	b := binary.BigEndian.AppendUint32([]byte{keyTimestamp}, t.Time.T)
	b = binary.BigEndian.AppendUint32(b, t.Time.I)
	b = appendInteger(b, tokenVersion)
	kind := 0
	if t.event {
		kind = eventToken
	}
	b = appendInteger(appendInteger(b, kind), t.index)
	if t.invalidate {
		b = append(b, keyTrue)
	} else {
		b = append(b, keyFalse)
	}
	if t.collection != nil {
		b = append(append(b, keyBinary, uuidSize, uuidSubtype), t.collection...)
	}
	return bson.D{{Key: "_data", Value: strings.ToUpper(hex.EncodeToString(append(b, keyEnd)))}}
}

func appendInteger(b []byte, n int) []byte {
	if n == 0 {
		return append(b, keyZero)
	}
	wide := bytes.TrimLeft(binary.BigEndian.AppendUint64(nil, uint64(n)<<1), "\x00")
	return append(append(b, byte(keyInteger+len(wide))), wide...)
}

// compare orders tokens. Of a change there is one event, and perhaps an invalidate behind it.
func (t Token) compare(o Token) int { return strings.Compare(t.place(), o.place()) }

// place is the text without the collection.
func (t Token) place() string {
	t.collection = nil
	return t.Document()[0].Value.(string)
}

// ParseToken reads a token that a client has sent.
func ParseToken(d bson.D) (Token, error) {
	var data any = bsonvalue.Missing
	for _, e := range d {
		switch e.Key {
		case "_data":
			data = e.Value
		case "_typeBits":
			if _, ok := e.Value.(primitive.Binary); !ok {
				return Token{}, mongoerror.New(40648, "Bad resume token: _typeBits of wrong type %s", bsonvalue.Format(d))
			}
		}
	}
	text, ok := data.(string)
	if !ok {
		return Token{}, mongoerror.New(40647, "Bad resume token: _data of missing or of wrong type %s", bsonvalue.Format(d))
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		return Token{}, mongoerror.New(mongoerror.FailedToParse, "resume token string was not a valid hex string")
	}
	if len(b) == 0 {
		return Token{}, mongoerror.New(40649, "invalid empty resume token")
	}
	t, ok := decodeToken(b)
	if !ok {
		return Token{}, mongoerror.New(50811, "Invalid resume token: %s", text)
	}
	return t, nil
}

func decodeToken(b []byte) (t Token, ok bool) {
	const timestampSize = 9
	if len(b) < timestampSize || b[0] != keyTimestamp {
		return t, false
	}
	t.Time = primitive.Timestamp{T: binary.BigEndian.Uint32(b[1:]), I: binary.BigEndian.Uint32(b[5:])}
	b = b[timestampSize:]
	var numbers [3]int
	for i := range numbers {
		if numbers[i], b, ok = takeInteger(b); !ok {
			return t, false
		}
	}
	t.event, t.index = numbers[1] == eventToken, numbers[2]
	if len(b) == 0 || numbers[0] != tokenVersion || numbers[1] != 0 && !t.event {
		return t, false
	}
	t.invalidate = b[0] == keyTrue
	if b[0] != keyTrue && b[0] != keyFalse {
		return t, false
	}
	b = b[1:]
	if len(b) > uuidSize+3 && b[0] == keyBinary {
		t.collection = b[3 : 3+uuidSize]
		b = b[3+uuidSize:]
	}
	return t, len(b) == 1 && b[0] == keyEnd
}

func takeInteger(b []byte) (n int, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, nil, false
	}
	if b[0] == keyZero {
		return 0, b[1:], true
	}
	size := int(b[0]) - keyInteger
	if size < 1 || size > 4 || len(b) < 1+size {
		return 0, nil, false
	}
	for _, x := range b[1 : 1+size] {
		n = n<<8 | int(x)
	}
	return n >> 1, b[1+size:], true
}
