package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"go.mongodb.org/mongo-driver/bson"
)

// Flag bits of OP_MSG. Bits 0 to 15 are required: an unknown one ends the connection; bits 16 to 31 are optional and
// ignored where unknown.
const (
	flagChecksumPresent = 1 << 0
	flagMoreToCome      = 1 << 1
	flagExhaustAllowed  = 1 << 16
	requiredFlags       = 0xffff
	knownFlags          = flagChecksumPresent | flagMoreToCome
)

// maxSequences is how many kind 1 sections a message may have; MongoDB closes the connection on the third.
const maxSequences = 2

// checksumSize is that of the CRC-32C at the end of a message with checksumPresent.
const checksumSize = 4

// Codes without a name in MongoDB's error_codes.yml.
const (
	codeTwoBodies          = 40430
	codeDuplicateSequence  = 40431
	codeUnknownSection     = 40432
	codeSequenceAlsoInBody = 40433
	codeNoBody             = 40587
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Message is a request. Its slices are parts of the bytes that it was parsed from.
type Message struct {
	Header Header
	// MoreToCome says that the client wants no reply, whatever happens.
	MoreToCome bool
	// ExhaustAllowed says that the client takes several replies to this request: by exhaustAllowed of an OP_MSG, or
	// exhaust of an OP_QUERY.
	ExhaustAllowed bool
	// Checksum says that the request had a checksum, so that the reply gets one.
	Checksum bool
	// Body is the kind 0 section, the query of an OP_QUERY that is a command, or the command that does what a message
	// with another legacy opcode says.
	Body bson.Raw
	// Sequences holds the kind 1 sections by identifier; nil for none.
	Sequences map[string][]bson.Raw
	// Namespace is the full collection name of an OP_QUERY that is a command; "" of all others, whose body has a $db.
	Namespace string
	// Compressor is what the request was compressed with, and the reply will be.
	Compressor Compressor
}

// parseMsg reads an OP_MSG from what follows its header. The error wraps ErrFatal or is a *mongoerror.Error to answer;
// with the latter, the message says what is known: whether a reply is wanted, and in which form.
func parseMsg(h Header, b []byte) (*Message, error) {
	m := &Message{Header: h}
	if len(b) < 4 {
		return nil, fmt.Errorf("%w: no flags", ErrFatal)
	}
	flags := binary.LittleEndian.Uint32(b)
	if flags&requiredFlags&^knownFlags != 0 {
		return nil, fmt.Errorf("%w: flags %#x", ErrFatal, flags)
	}
	m.MoreToCome = flags&flagMoreToCome != 0
	m.ExhaustAllowed = flags&flagExhaustAllowed != 0
	m.Checksum = flags&flagChecksumPresent != 0
	sections := b[4:]
	if m.Checksum {
		if len(sections) < checksumSize {
			return nil, fmt.Errorf("%w: no room for the checksum", ErrFatal)
		}
		sections = sections[:len(sections)-checksumSize]
	}
	// The sections come first, the checksum last: a client that forgot the checksum learns of a broken section.
	if err := m.parseSections(sections); err != nil {
		return m, err
	}
	if m.Checksum {
		want := binary.LittleEndian.Uint32(b[len(b)-checksumSize:])
		head := appendHeader(make([]byte, 0, HeaderSize), h)
		sum := crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, b[:len(b)-checksumSize])
		if sum != want {
			return nil, fmt.Errorf("%w: checksum %#x, computed %#x", ErrFatal, want, sum)
		}
	}
	return m, nil
}

func (m *Message) parseSections(b []byte) error {
	for len(b) > 0 {
		kind := b[0]
		var err error
		switch kind {
		case 0:
			if m.Body != nil {
				return mongoerror.New(codeTwoBodies, "Multiple body sections in message")
			}
			m.Body, b, err = cutDocument(b[1:])
		case 1:
			if len(m.Sequences) >= maxSequences {
				return fmt.Errorf("%w: too many document sequences", ErrFatal)
			}
			b, err = m.parseSequence(b[1:])
		default:
			return mongoerror.New(codeUnknownSection, "Unknown section kind %d", kind)
		}
		if err != nil {
			return err
		}
	}
	if m.Body == nil {
		return mongoerror.New(codeNoBody, "OP_MSG messages must have a body")
	}
	for name := range m.Sequences {
		if _, err := m.Body.LookupErr(name); err == nil {
			return mongoerror.New(codeSequenceAlsoInBody,
				"Duplicate field between body and document sequence %s", name)
		}
	}
	return nil
}

// parseSequence reads a kind 1 section behind its kind byte and returns what follows it.
func (m *Message) parseSequence(b []byte) ([]byte, error) {
	size, ok := length(b, 4)
	if !ok || size > len(b) {
		return nil, overflow(size, len(b))
	}
	section, rest := b[4:size], b[size:]
	end := bytes.IndexByte(section, 0)
	if end < 0 {
		return nil, overflow(len(section)+1, len(section))
	}
	name := string(section[:end])
	if _, ok := m.Sequences[name]; ok {
		return nil, mongoerror.New(codeDuplicateSequence, "Duplicate document sequence: %s", name)
	}
	docs := []bson.Raw{}
	for section = section[end+1:]; len(section) > 0; {
		var doc bson.Raw
		var err error
		if doc, section, err = cutDocument(section); err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	if m.Sequences == nil {
		m.Sequences = make(map[string][]bson.Raw, 1)
	}
	m.Sequences[name] = docs
	return rest, nil
}

// appendMsg appends an OP_MSG reply. moreToCome announces another one.
func appendMsg(dst []byte, requestID, responseTo int32, body bson.Raw, checksum, moreToCome bool) []byte {
	start := len(dst)
	dst = appendHeader(dst, Header{RequestID: requestID, ResponseTo: responseTo, OpCode: OpMsg})
	var flags uint32
	if checksum {
		flags = flagChecksumPresent
	}
	if moreToCome {
		flags |= flagMoreToCome
	}
	dst = binary.LittleEndian.AppendUint32(dst, flags)
	dst = append(dst, 0)
	dst = append(dst, body...)
	if checksum {
		dst = append(dst, 0, 0, 0, 0)
		setLength(dst, start)
		sum := crc32.Checksum(dst[start:len(dst)-checksumSize], castagnoli)
		binary.LittleEndian.PutUint32(dst[len(dst)-checksumSize:], sum)
		return dst
	}
	setLength(dst, start)
	return dst
}
