package lane

import (
	"bytes"
	"encoding/binary"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// maxMergedDepth is how deep documents may be nested in a statement that shares a message, itself
// counted. A server refuses a message that is nested deeper than 200, all of it, and what it puts round
// a statement counts; real documents have a tenth of that.
const maxMergedDepth = 100

// Company says which other statements those of a message may share a message with. A server that
// refuses a command refuses all of its statements, where an error in executing one is its own alone.
type Company uint8

// The kinds of company.
const (
	// Alone is the company of what some server might not be able to parse.
	Alone Company = iota
	// Usual is that of everything else.
	Usual
	// Upserting is that of updates of which one may insert. A user who may update, but not insert, has
	// such a command refused.
	Upserting
)

// Company returns which messages of the same command may have the statements of one that Next returned.
func (e *Encoder) Company(message []byte, limits Limits) Company {
	if e.ordered == 0 || e.largest > limits.DocumentSize {
		return Alone
	}
	company := Usual
	for rest := message[e.statementsStart:]; len(rest) > 0; {
		size := int(binary.LittleEndian.Uint32(rest))
		statement := rest[:size]
		switch {
		case e.operation != Update:
			if !isMergeable(statement) {
				return Alone
			}
		default:
			of := updateCompany(statement)
			if of == Alone {
				return Alone
			}
			company = max(company, of)
		}
		rest = rest[size:]
	}
	return company
}

// isMergeable looks at a document to insert, or at a delete statement.
func isMergeable(statement []byte) bool { return isParsable(statement, maxMergedDepth) }

// updateCompany looks at an update statement, of which servers parse some parts with the command.
// The encoder has put its length and its end.
func updateCompany(statement []byte) Company {
	company, isPipeline := Usual, false
	for rest := statement[4 : len(statement)-1]; len(rest) > 0; {
		kind, key, value, behind, ok := parsableElement(rest, maxMergedDepth)
		if !ok {
			return Alone
		}
		rest = behind
		switch string(key) {
		case "sort":
			return Alone // servers before 8.0 do not know it
		case "u":
			isPipeline = kind == bsoncore.TypeArray
			if kind != bsoncore.TypeEmbeddedDocument && !isArrayOf(kind, value, isStage) {
				return Alone
			}
		case "arrayFilters": // behind u; a pipeline may have none
			if isPipeline || !isArrayOf(kind, value, isMergeable) {
				return Alone
			}
		case "upsert":
			if value[0] == 1 {
				company = Upserting
			}
		}
	}
	return company
}

// isArrayOf tells whether a well-formed value is an array of documents that accept accepts.
func isArrayOf(kind bsoncore.Type, array []byte, accept func(document []byte) bool) bool {
	if kind != bsoncore.TypeArray {
		return false
	}
	for rest := array[4 : len(array)-1]; len(rest) > 0; {
		kind, _, value, behind, ok := parsableElement(rest, maxMergedDepth)
		if !ok || kind != bsoncore.TypeEmbeddedDocument || !accept(value) {
			return false
		}
		rest = behind
	}
	return true
}

// isStage tells whether a document is a stage that an update's pipeline may have. Servers differ in
// whether they look at that with the command or with the statement.
func isStage(document []byte) bool {
	if len(document) == minDocumentSize {
		return false
	}
	_, key, _, behind, ok := parsableElement(document[4:len(document)-1], maxMergedDepth)
	if !ok || len(behind) > 0 {
		return false
	}
	switch string(key) {
	case "$set", "$addFields", "$unset", "$project", "$replaceRoot", "$replaceWith":
		return true
	default:
		return false
	}
}

// isParsable tells whether a document is well-formed throughout, nested no deeper than depth, and of
// types that are in use. It is stricter than a server, and than the driver's validation, which takes
// booleans that are neither. Where it says no, that need not be so.
func isParsable(document []byte, depth int) bool {
	end := len(document) - 1
	if depth == 0 || end < minDocumentSize-1 || int(int32(binary.LittleEndian.Uint32(document))) != len(document) || document[end] != 0 {
		return false
	}
	for rest := document[4:end]; len(rest) > 0; {
		var ok bool
		if _, _, _, rest, ok = parsableElement(rest, depth); !ok {
			return false
		}
	}
	return true
}

// parsableElement splits the first element off the elements of a document.
func parsableElement(elements []byte, depth int) (kind bsoncore.Type, key, value, behind []byte, ok bool) {
	end := 1
	for end < len(elements) && elements[end] != 0 { // keys are short: a call would cost more
		end++
	}
	if end == len(elements) {
		return 0, nil, nil, nil, false
	}
	kind, key, behind = bsoncore.Type(elements[0]), elements[1:end], elements[end+1:]
	size := parsableSize(kind, behind, depth)
	if size < 0 {
		return 0, nil, nil, nil, false
	}
	return kind, key, behind[:size], behind[size:], true
}

// parsableSize returns how many bytes the value at the head of b has, or -1.
func parsableSize(kind bsoncore.Type, b []byte, depth int) int {
	size := 0
	switch kind {
	case bsoncore.TypeNull, bsoncore.TypeMinKey, bsoncore.TypeMaxKey:
		return 0
	case bsoncore.TypeBoolean:
		if len(b) == 0 || b[0] > 1 {
			return -1
		}
		return 1
	case bsoncore.TypeInt32:
		size = 4
	case bsoncore.TypeDouble, bsoncore.TypeDateTime, bsoncore.TypeTimestamp, bsoncore.TypeInt64:
		size = 8
	case bsoncore.TypeObjectID:
		size = 12
	case bsoncore.TypeDecimal128:
		size = 16
	case bsoncore.TypeRegex: // two strings that end with 0
		for range 2 {
			end := bytes.IndexByte(b[size:], 0)
			if end < 0 {
				return -1
			}
			size += end + 1
		}
	default:
		return parsableLength(kind, b, depth)
	}
	if size > len(b) {
		return -1
	}
	return size
}

// parsableLength is parsableSize for values that begin with a length. The types that MongoDB has
// deprecated are not among them: undefined, symbol, DBPointer, code with scope, the old binary.
func parsableLength(kind bsoncore.Type, b []byte, depth int) int {
	if len(b) < 5 {
		return -1
	}
	size := int(int32(binary.LittleEndian.Uint32(b)))
	switch kind {
	case bsoncore.TypeString, bsoncore.TypeJavaScript: // counts the 0 at its end
		if size < 1 || size > len(b)-4 || b[4+size-1] != 0 {
			return -1
		}
		return 4 + size
	case bsoncore.TypeBinary:
		const oldBinary = 2 // has a second length
		if size < 0 || size > len(b)-5 || b[4] == oldBinary {
			return -1
		}
		return 5 + size
	case bsoncore.TypeEmbeddedDocument, bsoncore.TypeArray:
		if size < minDocumentSize || size > len(b) || !isParsable(b[:size], depth-1) {
			return -1
		}
		return size
	default:
		return -1
	}
}
