package lane

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// This file encodes the usual values itself, into the message, as the driver's default registry has
// them encoded, byte for byte. The BSON encoder asks that registry, by reflection, for each of them,
// and writes into a buffer of its own. Every other value is the BSON encoder's, and so is the document
// that it stands in, from its beginning; and whatever the BSON encoder would refuse.

// maxDirectDepth is how deep documents may nest that are encoded here: as deep as a server takes.
const maxDirectDepth = 200

// appendDirect appends a document in the given shape, and tells false, with nothing appended, where it
// is to be left to the BSON encoder.
func (e *Encoder) appendDirect(document any, as shape) bool {
	start := len(e.buffer)
	dst := append(e.buffer, 0, 0, 0, 0)
	ok := false
	switch d := document.(type) {
	case bson.D:
		hasID := as != identified
		for i := 0; i < len(d) && !hasID; i++ {
			hasID = d[i].Key == "_id"
		}
		if !hasID {
			dst = appendNewID(dst)
		}
		if d != nil {
			dst, ok = appendElements(dst, d, 1)
		}
	case bson.M:
		dst, ok = appendTopMap(dst, d, as)
	case map[string]any:
		dst, ok = appendTopMap(dst, d, as)
	}
	if !ok || len(dst)-start >= math.MaxInt32 {
		return false
	}
	dst = append(dst, 0)
	setLength(dst, start, len(dst))
	if as == identified {
		if id, ok := findID(dst[start:]); !ok || !isWellFormed(id) {
			return false
		}
	}
	e.buffer = dst
	return true
}

func appendTopMap(dst []byte, m map[string]any, as shape) ([]byte, bool) {
	if as == identified {
		if _, ok := m["_id"]; !ok {
			dst = appendNewID(dst)
		}
	}
	return appendMapElements(dst, m, 1)
}

// appendNewID appends the element _id with a new ObjectID.
func appendNewID(dst []byte) []byte {
	id := bson.NewObjectID()
	dst = append(dst, byte(bsoncore.TypeObjectID))
	dst = append(dst, idKey...)
	return append(dst, id[:]...)
}

// appendElements appends the elements of a document.
func appendElements(dst []byte, d bson.D, depth int) (_ []byte, ok bool) {
	for i := range d {
		if dst, ok = appendKeyed(dst, d[i].Key, d[i].Value, depth); !ok {
			return dst, false
		}
	}
	return dst, true
}

// appendMapElements appends the elements of a map, in the order that chance gives.
func appendMapElements(dst []byte, m map[string]any, depth int) (_ []byte, ok bool) {
	for key, value := range m {
		if dst, ok = appendKeyed(dst, key, value, depth); !ok {
			return dst, false
		}
	}
	return dst, true
}

// appendKeyed appends an element. A key with a zero byte is the BSON encoder's to refuse.
func appendKeyed(dst []byte, key string, value any, depth int) ([]byte, bool) {
	// Most keys are too short for strings.IndexByte to win.
	for i := range len(key) {
		if key[i] == 0 {
			return dst, false
		}
	}
	header := len(dst)
	dst = append(dst, 0)
	dst = append(dst, key...)
	dst = append(dst, 0)
	return appendValue(dst, header, value, depth)
}

// appendIndexed appends an element of an array.
func appendIndexed(dst []byte, index int, value any, depth int) ([]byte, bool) {
	header := len(dst)
	return appendValue(appendIndex(dst, index), header, value, depth)
}

// appendIndex appends the header of an element of an array, its type to be set.
func appendIndex(dst []byte, index int) []byte {
	dst = append(dst, 0)
	dst = strconv.AppendInt(dst, int64(index), 10)
	return append(dst, 0)
}

// appendValue appends the value of an element whose header begins at header, and sets the type there.
// Depth is that of the document that the element is in.
func appendValue(dst []byte, header int, value any, depth int) ([]byte, bool) {
	t := bsoncore.TypeNull
	switch v := value.(type) {
	case nil, bson.Null:
	case string:
		t, dst = bsoncore.TypeString, appendText(dst, v)
	case int:
		if v == int(int32(v)) {
			t, dst = bsoncore.TypeInt32, binary.LittleEndian.AppendUint32(dst, uint32(v))
		} else {
			t, dst = bsoncore.TypeInt64, binary.LittleEndian.AppendUint64(dst, uint64(v))
		}
	case int32:
		t, dst = bsoncore.TypeInt32, binary.LittleEndian.AppendUint32(dst, uint32(v))
	case int64:
		t, dst = bsoncore.TypeInt64, binary.LittleEndian.AppendUint64(dst, uint64(v))
	case float64:
		t, dst = bsoncore.TypeDouble, binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
	case bool:
		t, dst = bsoncore.TypeBoolean, bsoncore.AppendBoolean(dst, v)
	case bson.ObjectID:
		t, dst = bsoncore.TypeObjectID, append(dst, v[:]...)
	case time.Time:
		t, dst = bsoncore.TypeDateTime, binary.LittleEndian.AppendUint64(dst, uint64(bson.NewDateTimeFromTime(v)))
	case bson.DateTime:
		t, dst = bsoncore.TypeDateTime, binary.LittleEndian.AppendUint64(dst, uint64(v))
	case bson.Timestamp:
		t, dst = bsoncore.TypeTimestamp, bsoncore.AppendTimestamp(dst, v.T, v.I)
	case bson.Decimal128:
		high, low := v.GetBytes()
		t, dst = bsoncore.TypeDecimal128, bsoncore.AppendDecimal128(dst, high, low)
	case bson.Binary:
		t, dst = bsoncore.TypeBinary, bsoncore.AppendBinary(dst, v.Subtype, v.Data)
	case []byte:
		if v != nil {
			t, dst = bsoncore.TypeBinary, bsoncore.AppendBinary(dst, 0, v)
		}
	case bson.Regex:
		if strings.IndexByte(v.Pattern, 0) >= 0 || !inOrder(v.Options) {
			return dst, false
		}
		t, dst = bsoncore.TypeRegex, bsoncore.AppendRegex(dst, v.Pattern, v.Options)
	case bson.JavaScript:
		t, dst = bsoncore.TypeJavaScript, appendText(dst, string(v))
	case bson.Symbol:
		t, dst = bsoncore.TypeSymbol, appendText(dst, string(v))
	case bson.MinKey:
		t = bsoncore.TypeMinKey
	case bson.MaxKey:
		t = bsoncore.TypeMaxKey
	case bson.Undefined:
		t = bsoncore.TypeUndefined
	case bson.Raw:
		size, ok := documentSize(v)
		if !ok {
			return dst, false
		}
		t, dst = bsoncore.TypeEmbeddedDocument, append(dst, v[:size]...)
	default:
		return appendOther(dst, header, value, depth)
	}
	dst[header] = byte(t)
	return dst, true
}

// appendOther is appendValue for what holds other values, and for the rarer numbers.
func appendOther(dst []byte, header int, value any, depth int) ([]byte, bool) {
	switch v := value.(type) {
	case bson.D:
		return appendNestedD(dst, header, v, depth)
	case bson.M:
		return appendNestedMap(dst, header, v, depth)
	case map[string]any:
		return appendNestedMap(dst, header, v, depth)
	case bson.A:
		return appendSlice(dst, header, v, depth, appendIndexed)
	case []any:
		return appendSlice(dst, header, v, depth, appendIndexed)
	case []string:
		return appendSlice(dst, header, v, depth, appendIndexedString)
	case []bson.D:
		return appendSlice(dst, header, v, depth, appendIndexedD)
	case []bson.M:
		return appendSlice(dst, header, v, depth, appendIndexedMap)
	case int8:
		return appendValue(dst, header, int32(v), depth)
	case int16:
		return appendValue(dst, header, int32(v), depth)
	case uint8:
		return appendValue(dst, header, int32(v), depth)
	case uint16:
		return appendValue(dst, header, int32(v), depth)
	case uint32:
		return appendValue(dst, header, int64(v), depth)
	case uint:
		return appendUnsigned(dst, header, uint64(v))
	case uint64:
		return appendUnsigned(dst, header, v)
	case float32:
		return appendValue(dst, header, float64(v), depth)
	default:
		return dst, false
	}
}

func appendUnsigned(dst []byte, header int, v uint64) ([]byte, bool) {
	if v > math.MaxInt64 {
		return dst, false
	}
	dst[header] = byte(bsoncore.TypeInt64)
	return binary.LittleEndian.AppendUint64(dst, v), true
}

// appendText appends a string with its length and its end.
func appendText(dst []byte, text string) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(text)+1))
	dst = append(dst, text...)
	return append(dst, 0)
}

func appendNestedD(dst []byte, header int, d bson.D, depth int) (_ []byte, ok bool) {
	if d == nil {
		dst[header] = byte(bsoncore.TypeNull)
		return dst, true
	}
	start, dst, ok := beginNested(dst, header, bsoncore.TypeEmbeddedDocument, depth)
	if ok {
		dst, ok = appendElements(dst, d, depth+1)
	}
	return endNested(dst, start), ok
}

func appendNestedMap(dst []byte, header int, m map[string]any, depth int) (_ []byte, ok bool) {
	if m == nil {
		dst[header] = byte(bsoncore.TypeNull)
		return dst, true
	}
	start, dst, ok := beginNested(dst, header, bsoncore.TypeEmbeddedDocument, depth)
	if ok {
		dst, ok = appendMapElements(dst, m, depth+1)
	}
	return endNested(dst, start), ok
}

// appendSlice appends an array, each of whose elements appendElement appends.
func appendSlice[T any](dst []byte, header int, values []T, depth int,
	appendElement func(dst []byte, index int, value T, depth int) ([]byte, bool),
) (_ []byte, ok bool) {
	if values == nil {
		dst[header] = byte(bsoncore.TypeNull)
		return dst, true
	}
	start, dst, ok := beginNested(dst, header, bsoncore.TypeArray, depth)
	for i := 0; ok && i < len(values); i++ {
		dst, ok = appendElement(dst, i, values[i], depth+1)
	}
	return endNested(dst, start), ok
}

func appendIndexedString(dst []byte, index int, value string, _ int) ([]byte, bool) {
	header := len(dst)
	dst = appendText(appendIndex(dst, index), value)
	dst[header] = byte(bsoncore.TypeString)
	return dst, true
}

func appendIndexedD(dst []byte, index int, value bson.D, depth int) ([]byte, bool) {
	header := len(dst)
	return appendNestedD(appendIndex(dst, index), header, value, depth)
}

func appendIndexedMap(dst []byte, index int, value bson.M, depth int) ([]byte, bool) {
	header := len(dst)
	return appendNestedMap(appendIndex(dst, index), header, value, depth)
}

// beginNested begins a document or an array in a document of that depth, unless it is too deep.
func beginNested(dst []byte, header int, t bsoncore.Type, depth int) (start int, _ []byte, ok bool) {
	dst[header] = byte(t)
	return len(dst), append(dst, 0, 0, 0, 0), depth < maxDirectDepth
}

// endNested ends the document or array that begins at start. Where its length is beyond what BSON can
// say, so is that of the document around it, which appendDirect refuses.
func endNested(dst []byte, start int) []byte {
	dst = append(dst, 0)
	setLength(dst, start, len(dst))
	return dst
}

// inOrder tells whether the options of a regular expression are in the order in which BSON wants them.
// The BSON encoder sorts them, and replaces what is no UTF-8.
func inOrder(options string) bool {
	last := byte(1)
	for i := range len(options) {
		c := options[i]
		if c < last || c >= 0x80 {
			return false
		}
		last = c
	}
	return true
}
