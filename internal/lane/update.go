package lane

import (
	"reflect"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// UpdateKind tells updates and replacements apart.
type UpdateKind uint8

// The kinds of update statements.
const (
	// Operators is an update: a document whose first key begins with $, or a pipeline.
	Operators UpdateKind = iota
	// Replacement is the argument of ReplaceOne: a document whose first key does not begin with $.
	Replacement
	// BulkReplacement is the replacement of a ReplaceOneModel, which the driver encodes as it does
	// an update: a slice is an array there, and a bson.Raw is not looked into.
	BulkReplacement
)

// UpdateStatement is one statement of an update command. Fields that are nil are not sent.
type UpdateStatement struct {
	Filter any
	Update any
	Kind   UpdateKind
	Multi  bool // sent where it is true

	Sort         any
	ArrayFilters []any
	Collation    *options.Collation
	Upsert       *bool
	// Hint is refused: the driver allows no hint in unacknowledged updates and deletes.
	Hint any
}

// AppendUpdate appends an update statement. It keeps nothing of s.
func (e *Encoder) AppendUpdate(s *UpdateStatement) error {
	if s.Hint != nil {
		return errHint
	}
	start := e.beginStatement()
	if err := e.appendDocumentElement("q", s.Filter); err != nil {
		return err
	}
	if err := e.appendUpdateValue(s.Update, s.Kind); err != nil {
		return err
	}
	if s.Multi {
		e.buffer = appendBoolean(e.buffer, "multi", true)
	}
	if s.Sort != nil {
		if isUnorderedMap(s.Sort) {
			return refuse("a map of several keys as sort")
		}
		if err := e.appendDocumentElement("sort", s.Sort); err != nil {
			return err
		}
	}
	if s.ArrayFilters != nil {
		if err := e.appendArrayFilters(s.ArrayFilters); err != nil {
			return err
		}
	}
	if s.Collation != nil {
		e.buffer = appendCollation(e.buffer, s.Collation)
	}
	if s.Upsert != nil {
		e.buffer = appendBoolean(e.buffer, "upsert", *s.Upsert)
	}
	e.endStatement(start)
	return nil
}

// IDFilter returns the filter {_id: id}. It is valid until the next call or Reset.
func (e *Encoder) IDFilter(id any) any {
	e.filter[0].Value = id
	return e.boxFilter
}

// appendUpdateValue appends the element u. The order of the cases is the driver's: a type that is
// several of these is the first.
func (e *Encoder) appendUpdateValue(update any, kind UpdateKind) error {
	header := len(e.buffer)
	e.buffer = appendHeader(e.buffer, bsoncore.TypeEmbeddedDocument, "u")
	start := len(e.buffer)

	if kind == Replacement {
		if err := e.appendDocument(update, wholeDocument); err != nil {
			return err
		}
		return e.checkOperators(start, kind)
	}
	switch value := update.(type) {
	case bson.D:
		if err := e.appendDocument(update, wholeDocument); err != nil {
			return err
		}
	case bson.Raw:
		if err := e.appendExactly(value); err != nil {
			return err
		}
	case bsoncore.Document:
		if err := e.appendExactly(value); err != nil {
			return err
		}
	case []byte:
		if err := e.appendExactly(value); err != nil {
			return err
		}
	case bson.Marshaler:
		encoded, err := value.MarshalBSON()
		if err != nil {
			return refuse(err.Error())
		}
		if err := e.appendExactly(encoded); err != nil {
			return err
		}
	case bson.ValueMarshaler:
		t, encoded, err := value.MarshalBSONValue()
		if err != nil {
			return refuse(err.Error())
		}
		if t := bsoncore.Type(t); t != bsoncore.TypeArray && t != bsoncore.TypeEmbeddedDocument {
			return refuse("an update that is no document and no pipeline")
		}
		e.buffer[header] = t
		return e.appendExactly(encoded)
	default:
		elements := reflect.ValueOf(update)
		if elements.Kind() == reflect.Slice || elements.Kind() == reflect.Array {
			e.buffer[header] = byte(bsoncore.TypeArray)
			return e.appendPipeline(elements, kind)
		}
		if err := e.appendDocument(update, wholeDocument); err != nil {
			return err
		}
	}
	return e.checkOperators(start, kind)
}

// appendPipeline appends a slice or array of documents as an array.
func (e *Encoder) appendPipeline(elements reflect.Value, kind UpdateKind) error {
	array := len(e.buffer)
	e.buffer = append(e.buffer, 0, 0, 0, 0)
	for i := range elements.Len() {
		e.buffer = append(e.buffer, byte(bsoncore.TypeEmbeddedDocument))
		e.buffer = strconv.AppendInt(e.buffer, int64(i), 10)
		e.buffer = append(e.buffer, 0)
		start := len(e.buffer)
		if err := e.appendDocument(elements.Index(i).Interface(), wholeDocument); err != nil {
			return err
		}
		if err := e.checkOperators(start, kind); err != nil {
			return err
		}
	}
	e.endDocument(array)
	return nil
}

// appendExactly appends a document or an array that the driver copies without looking into it. One
// that is malformed would tear the statement apart, and is left to the driver.
func (e *Encoder) appendExactly(encoded []byte) error {
	if size, ok := documentSize(encoded); !ok || size != len(encoded) {
		return refuse("malformed update")
	}
	e.buffer = append(e.buffer, encoded...)
	return nil
}

// checkOperators refuses an update document without operators and a replacement with them; the
// document begins at start. As in the driver, the first key decides.
func (e *Encoder) checkOperators(start int, kind UpdateKind) error {
	document := e.buffer[start:]
	operators := len(document) > minDocumentSize && document[minDocumentSize] == '$'
	if operators != (kind == Operators) {
		return refuse("an update without operators or a replacement with them")
	}
	return nil
}

// appendArrayFilters appends the element arrayFilters.
func (e *Encoder) appendArrayFilters(filters []any) error {
	start := len(e.buffer)
	if err := e.appendElement("arrayFilters", filters); err != nil {
		return err
	}
	if bsoncore.Type(e.buffer[start]) != bsoncore.TypeArray {
		return refuse("array filters that are no array")
	}
	return nil
}

// isUnorderedMap tells whether value is a map whose order of keys would be chance.
func isUnorderedMap(value any) bool {
	v := reflect.ValueOf(value)
	return v.Kind() == reflect.Map && v.Len() > 1
}

func (e *Encoder) beginStatement() (start int) {
	start = len(e.buffer)
	e.buffer = append(e.buffer, 0, 0, 0, 0)
	return start
}

func (e *Encoder) endStatement(start int) {
	e.endDocument(start)
	e.finishStatement(start)
}

func (e *Encoder) endDocument(start int) {
	e.buffer = append(e.buffer, 0)
	setLength(e.buffer, start, len(e.buffer))
}
