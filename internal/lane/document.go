package lane

import (
	"encoding/binary"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// shape is what becomes of a document that the BSON encoder has finished.
type shape uint8

const (
	wholeDocument shape = iota // appended as it is
	firstElement               // appended without its length and its end
	identified                 // appended with a new _id in front, unless it has one
)

// minDocumentSize is the size of an empty document: its length and its end.
const minDocumentSize = 5

// Write takes one finished document from the BSON encoder, which owns p. It never fails.
func (e *Encoder) Write(p []byte) (int, error) {
	e.written++
	switch {
	case len(p) < minDocumentSize:
		e.written = 0 // no document
	case e.shape == firstElement:
		element, _, ok := bsoncore.ReadElement(p[4:])
		if !ok {
			e.written = 0
		}
		e.buffer = append(e.buffer, element...)
	case e.shape == identified:
		var ok bool
		if e.buffer, ok = appendIdentified(e.buffer, p); !ok {
			e.written = 0
		}
	default:
		e.buffer = append(e.buffer, p...)
	}
	return len(p), nil
}

// encode has the BSON encoder write one document, which Write appends in the given shape.
func (e *Encoder) encode(value any, as shape) error {
	e.shape, e.written = as, 0
	if err := e.documents.Encode(value); err != nil {
		e.resetWriter()
		return refuse(err.Error())
	}
	if e.written != 1 {
		e.resetWriter()
		return refuse("the value does not encode as one document, or with a malformed _id")
	}
	return nil
}

// appendDocument appends a value that must encode as a document.
func (e *Encoder) appendDocument(value any, as shape) error {
	if e.direct && e.appendDirect(value, as) {
		return nil
	}
	return e.appendIndirect(value, as)
}

// appendIndirect appends a document that is encoded already, or by the BSON encoder.
func (e *Encoder) appendIndirect(value any, as shape) error {
	switch raw := value.(type) {
	case nil:
		return refuse("nil document")
	case bson.Raw:
		return e.appendRaw(raw, as)
	case []byte:
		return e.appendRaw(raw, as)
	case bsoncore.Document:
		return e.appendRaw(raw, as)
	}
	return e.encode(value, as)
}

// appendRaw appends a document that is encoded already. Like the BSON encoder it ignores what is
// behind the document's end and looks at the top level only: a nested document that is cut short
// is the server's to refuse.
func (e *Encoder) appendRaw(raw []byte, as shape) error {
	size, ok := documentSize(raw)
	if !ok {
		return refuse("malformed document")
	}
	e.shape, e.written = as, 0
	if _, err := e.Write(raw[:size]); err != nil {
		return err
	}
	if e.written != 1 {
		return errID
	}
	return nil
}

// appendDocumentElement appends key and a value that must encode as a document, and refuses a
// document that is malformed at its top level: a bson.RawValue is copied into it unseen.
func (e *Encoder) appendDocumentElement(key string, value any) error {
	e.buffer = appendHeader(e.buffer, bsoncore.TypeEmbeddedDocument, key)
	if e.direct && e.appendDirect(value, wholeDocument) {
		return nil // well-formed
	}
	start := len(e.buffer)
	if err := e.appendIndirect(value, wholeDocument); err != nil {
		return err
	}
	if _, ok := documentSize(e.buffer[start:]); !ok {
		return refuse("malformed document")
	}
	return nil
}

// appendElement appends key and a value of any BSON type.
func (e *Encoder) appendElement(key string, value any) error {
	if encoded, ok := value.(bsoncore.Value); ok {
		e.buffer = appendHeader(e.buffer, encoded.Type, key)
		e.buffer = append(e.buffer, encoded.Data...)
		return nil
	}
	if e.direct {
		if dst, ok := appendKeyed(e.buffer, key, value, 1); ok {
			e.buffer = dst
			return nil
		}
	}
	e.element[0] = bson.E{Key: key, Value: value}
	return e.encode(e.boxElement, firstElement)
}

// documentSize returns the length that the document at the beginning of raw gives itself, and
// whether that document is well-formed at its top level.
func documentSize(raw []byte) (int, bool) {
	if len(raw) < minDocumentSize {
		return 0, false
	}
	size := int(int32(binary.LittleEndian.Uint32(raw)))
	if size < minDocumentSize || size > len(raw) {
		return 0, false
	}
	rest := raw[4:size]
	for len(rest) > 0 && rest[0] != 0 {
		var ok bool
		if _, rest, ok = bsoncore.ReadElement(rest); !ok {
			return 0, false
		}
	}
	return size, len(rest) == 1
}
