package lane

import (
	"encoding/binary"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// idKey is the key that every document of a collection has, with the end of a key.
const idKey = "_id\x00"

// AppendInsert appends a document to insert. Where it has no _id, it gets a new ObjectID as its
// first element; the caller's value is not changed.
func (e *Encoder) AppendInsert(document any) error {
	start := len(e.buffer)
	if err := e.appendDocument(document, identified); err != nil {
		return err
	}
	e.finishStatement(start)
	return nil
}

// errID refuses a document whose _id the driver cannot decode, which it tries.
var errID = refuse("malformed document or _id")

// appendIdentified appends a document, with a new _id in front where it has none. It appends nothing
// and returns false where the document or its _id is malformed.
func appendIdentified(dst, document []byte) ([]byte, bool) {
	id, ok := findID(document)
	if !ok || id.Type != 0 && !isWellFormed(id) {
		return dst, false
	}
	if id.Type != 0 {
		return append(dst, document...), true
	}
	// One byte for the type, then the key and an ObjectID of twelve bytes.
	const added = 1 + len(idKey) + 12
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(document)+added))
	return append(appendNewID(dst), document[4:]...), true
}

// isWellFormed tells whether a value can be decoded, with everything that is nested in it.
func isWellFormed(value bsoncore.Value) bool {
	if value.Type != bsoncore.TypeEmbeddedDocument && value.Type != bsoncore.TypeArray {
		return value.Validate() == nil
	}
	if size, ok := documentSize(value.Data); !ok || size != len(value.Data) {
		return false
	}
	rest := value.Data[4:]
	for len(rest) > 1 {
		element, behind, ok := bsoncore.ReadElement(rest)
		if !ok || !isWellFormed(element.Value()) {
			return false
		}
		rest = behind
	}
	return true
}

// findID returns the first _id at the top level, of type 0 if there is none, and whether the
// document is well-formed at that level.
func findID(document []byte) (id bsoncore.Value, ok bool) {
	rest := document[4:]
	for len(rest) > 1 {
		element, behind, ok := bsoncore.ReadElement(rest)
		if !ok {
			return id, false
		}
		if id.Type == 0 && string(element.KeyBytes()) == "_id" {
			id = element.Value()
		}
		rest = behind
	}
	return id, len(rest) == 1 && rest[0] == 0
}

// finishStatement counts the statement that begins at start and ends where the buffer does.
func (e *Encoder) finishStatement(start int) {
	e.statements++
	e.largest = max(e.largest, len(e.buffer)-start)
}
