package wire

import (
	"bytes"
	"encoding/binary"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/bsontype"
)

const (
	// MaxDocumentSize bounds a document as it travels: maxBsonObjectSize, 16 MiB, and the 16 KiB that MongoDB
	// adds for commands that carry such a document.
	MaxDocumentSize = 16<<20 + 16<<10
	// MaxDepth is how deep documents may nest in MongoDB (BSONDepth, 200 by default).
	MaxDepth = 200
	// minDocumentSize is that of the empty document.
	minDocumentSize = 5
)

// cutDocument takes the document off the start of b and returns it with what follows. The error is the one that
// MongoDB answers. The document is a part of b.
func cutDocument(b []byte) (bson.Raw, []byte, error) {
	if len(b) < 4 {
		return nil, nil, overflow(4, len(b))
	}
	size := int32(binary.LittleEndian.Uint32(b))
	if size < minDocumentSize || size > MaxDocumentSize {
		return nil, nil, mongoerror.New(sizeCode(size),
			"BSONObj size: %d (0x%X) is invalid. Size must be between 0 and %d(16MB)", size, uint32(size), MaxDocumentSize)
	}
	if int(size) > len(b) {
		return nil, nil, invalid("incorrect BSON length: %d bytes announced, %d there", size, len(b))
	}
	if err := Validate(b[:size], MaxDepth); err != nil {
		return nil, nil, err
	}
	return bson.Raw(b[:size:size]), b[size:], nil
}

// sizeCode tells a document that is too large, which is an error of its own, from one whose length is nonsense.
func sizeCode(size int32) int32 {
	if size > MaxDocumentSize {
		return mongoerror.BSONObjectTooLarge
	}
	return mongoerror.InvalidBSON
}

func invalid(format string, args ...any) error {
	return mongoerror.New(mongoerror.InvalidBSON, format, args...)
}

func overflow(want, have int) error {
	return mongoerror.New(mongoerror.Overflow, "buffer size too small to read (%d) bytes out of buffer[%d]", want, have)
}

// Validate checks that b is a whole document, whose parts nest no deeper than depth. The error is the one that MongoDB
// answers.
func Validate(b []byte, depth int) error {
	if n, ok := length(b, minDocumentSize); !ok || n != len(b) {
		return invalid("incorrect BSON length")
	}
	return validateDocument(b, depth)
}

// validateDocument checks a document whose length field is len(b): every element is complete, no length leads out of
// its document, and at most depth levels nest. The bytes of strings are not checked for UTF-8: MongoDB stores them as they come.
func validateDocument(b []byte, depth int) error {
	if depth == 0 {
		return mongoerror.New(mongoerror.Overflow, "BSONObj exceeded maximum nested object depth: %d", MaxDepth)
	}
	if b[len(b)-1] != 0 {
		return invalid("BSON object not terminated with EOO")
	}
	rest := b[4 : len(b)-1]
	for len(rest) > 0 {
		kind := bsontype.Type(rest[0])
		end := bytes.IndexByte(rest[1:], 0)
		if end < 0 {
			return invalid("invalid BSON: field name not terminated")
		}
		name := rest[1 : 1+end]
		value := rest[end+2:]
		n, err := valueSize(kind, value, name, depth)
		if err != nil {
			return err
		}
		rest = value[n:]
	}
	return nil
}

// valueSize returns how many bytes of b the value takes, after checking it.
func valueSize(kind bsontype.Type, b, name []byte, depth int) (int, error) {
	cut := func() error { return invalid("incorrect BSON length in element with field name '%s'", name) }
	switch kind {
	case bson.TypeNull, bson.TypeUndefined, bson.TypeMinKey, bson.TypeMaxKey:
		return 0, nil
	case bson.TypeBoolean:
		if len(b) < 1 || b[0] > 1 {
			return 0, cut()
		}
		return 1, nil
	case bson.TypeInt32:
		return fixed(b, 4, cut)
	case bson.TypeDouble, bson.TypeInt64, bson.TypeDateTime, bson.TypeTimestamp:
		return fixed(b, 8, cut)
	case bson.TypeObjectID:
		return fixed(b, 12, cut)
	case bson.TypeDecimal128:
		return fixed(b, 16, cut)
	case bson.TypeString, bson.TypeJavaScript, bson.TypeSymbol:
		return stringSize(b, cut)
	case bson.TypeDBPointer:
		n, err := stringSize(b, cut)
		if err != nil {
			return 0, err
		}
		if len(b) < n+12 {
			return 0, cut()
		}
		return n + 12, nil
	case bson.TypeRegex:
		pattern := bytes.IndexByte(b, 0)
		if pattern < 0 {
			return 0, cut()
		}
		options := bytes.IndexByte(b[pattern+1:], 0)
		if options < 0 {
			return 0, cut()
		}
		return pattern + options + 2, nil
	case bson.TypeBinary:
		n, ok := length(b, 0)
		if !ok || len(b) < 5+n {
			return 0, cut()
		}
		return 5 + n, nil
	case bson.TypeEmbeddedDocument, bson.TypeArray:
		n, ok := length(b, minDocumentSize)
		if !ok || len(b) < n {
			return 0, cut()
		}
		return n, validateDocument(b[:n], depth-1)
	case bson.TypeCodeWithScope:
		return codeWithScopeSize(b, depth, cut)
	default:
		return 0, invalid("Unrecognized BSON type %d in element with field name '%s'", kind, name)
	}
}

func fixed(b []byte, n int, cut func() error) (int, error) {
	if len(b) < n {
		return 0, cut()
	}
	return n, nil
}

// stringSize checks a length, that many bytes, the last of them 0.
func stringSize(b []byte, cut func() error) (int, error) {
	n, ok := length(b, 1)
	if !ok || len(b) < 4+n || b[3+n] != 0 {
		return 0, cut()
	}
	return 4 + n, nil
}

func codeWithScopeSize(b []byte, depth int, cut func() error) (int, error) {
	n, ok := length(b, 4+5+minDocumentSize)
	if !ok || len(b) < n {
		return 0, cut()
	}
	code, err := stringSize(b[4:n], cut)
	if err != nil {
		return 0, err
	}
	scope := b[4+code : n]
	if m, ok := length(scope, minDocumentSize); !ok || m != len(scope) {
		return 0, cut()
	}
	return n, validateDocument(scope, depth-1)
}

// length reads the int32 that starts b and reports whether it is there and not below least.
func length(b []byte, least int) (int, bool) {
	if len(b) < 4 {
		return 0, false
	}
	n := int(int32(binary.LittleEndian.Uint32(b)))
	return n, n >= least
}
