package golden

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// Placeholder stands in a scenario for a value that is not written out, or that the server makes up.
type Placeholder struct {
	// Kind is the name of the wrapper: "$cursorId", "$anyObjectId", "$bigString", "$closed", …
	Kind string
	// N is the number of a cursor, the length of a big string, or how often a value is repeated.
	N int64
	// Value is what "$repeat" repeats.
	Value any
}

// placeholders are the wrappers beyond those of Extended JSON whose value is one number.
var placeholders = map[string]bool{
	"$cursorId": true, "$anyObjectId": true, "$anyUUID": true, "$anyDate": true, "$anyTimestamp": true, "$anyInt": true,
	"$bigString": true, "$closed": true, "$noReply": true,
}

// parse returns the JSON value at the decoder: documents as bson.D with their order and duplicate keys, arrays as bson.A,
// numbers as json.Number. Nothing is unwrapped.
func parse(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		doc := bson.D{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := parse(d)
			if err != nil {
				return nil, err
			}
			doc = append(doc, bson.E{Key: key.(string), Value: v})
		}
		_, err := d.Token()
		return doc, err
	case json.Delim('['):
		array := bson.A{}
		for d.More() {
			v, err := parse(d)
			if err != nil {
				return nil, err
			}
			array = append(array, v)
		}
		_, err := d.Token()
		return array, err
	}
	return token, nil
}

// unwrap returns the BSON value that v, a value of parse, is in canonical Extended JSON v2, with a Placeholder where the
// format has one. A document that only looks like a wrapper stays one: {"$regex": …} is what a query has.
func unwrap(v any) (any, error) {
	switch x := v.(type) {
	case bson.A:
		out := make(bson.A, len(x))
		for i := range x {
			var err error
			if out[i], err = unwrap(x[i]); err != nil {
				return nil, err
			}
		}
		return out, nil
	case bson.D:
		if w, ok, err := unwrapDocument(x); ok || err != nil {
			return w, err
		}
		out := make(bson.D, len(x))
		for i := range x {
			inner, err := unwrap(x[i].Value)
			if err != nil {
				return nil, err
			}
			out[i] = bson.E{Key: x[i].Key, Value: inner}
		}
		return out, nil
	case json.Number:
		return nil, fmt.Errorf("the number %s has no type", x)
	}
	return v, nil
}

// unwrapDocument returns the value that a wrapper stands for, and whether d is one.
func unwrapDocument(d bson.D) (any, bool, error) {
	if len(d) == 2 && d[0].Key == "$code" && d[1].Key == "$scope" {
		scope, err := unwrap(d[1].Value)
		code, isString := d[0].Value.(string)
		return primitive.CodeWithScope{Code: primitive.JavaScript(code), Scope: scope}, isString, err
	}
	if len(d) != 1 {
		return nil, false, nil
	}
	switch v := d[0].Value.(type) {
	case string:
		return unwrapString(d[0].Key, v)
	case bson.D:
		return unwrapFields(d[0].Key, v)
	case json.Number:
		n, err := v.Int64()
		return unwrapNumber(d[0].Key, n), err == nil && unwrapNumber(d[0].Key, n) != nil, nil
	case bool:
		if d[0].Key == "$undefined" {
			return primitive.Undefined{}, true, nil
		}
	}
	return nil, false, nil
}

// unwrapString returns the value of a wrapper around a string.
func unwrapString(kind, s string) (any, bool, error) {
	switch kind {
	case "$numberInt":
		n, err := strconv.ParseInt(s, 10, 32)
		return int32(n), true, err
	case "$numberLong":
		n, err := strconv.ParseInt(s, 10, 64)
		return n, true, err
	case "$numberDouble":
		f, err := strconv.ParseFloat(s, 64)
		return f, true, err
	case "$numberDecimal":
		n, err := primitive.ParseDecimal128(s)
		return n, true, err
	case "$oid":
		id, err := primitive.ObjectIDFromHex(s)
		return id, true, err
	case "$symbol":
		return primitive.Symbol(s), true, nil
	case "$code":
		return primitive.JavaScript(s), true, nil
	}
	return nil, false, nil
}

// unwrapNumber returns the value of a wrapper around a number; nil if it is none.
func unwrapNumber(kind string, n int64) any {
	switch {
	case kind == "$minKey":
		return primitive.MinKey{}
	case kind == "$maxKey":
		return primitive.MaxKey{}
	case placeholders[kind]:
		return Placeholder{Kind: kind, N: n}
	}
	return nil
}

// unwrapFields returns the value of a wrapper around a document.
func unwrapFields(kind string, d bson.D) (any, bool, error) {
	f := fields{doc: d}
	var out any
	switch kind {
	case "$date":
		ms, isString, err := unwrapDocument(d)
		millis, isLong := ms.(int64)
		return primitive.DateTime(millis), isString && isLong, err
	case "$binary":
		out = f.binary()
	case "$regularExpression":
		out = primitive.Regex{Pattern: f.text("pattern"), Options: f.text("options")}
	case "$timestamp":
		out = primitive.Timestamp{T: uint32(f.number("t")), I: uint32(f.number("i"))}
	case "$dbPointer":
		id, _ := f.get("$id").(bson.D)
		if len(id) != 1 {
			return nil, false, nil
		}
		text, _ := id[0].Value.(string)
		pointer, err := primitive.ObjectIDFromHex(text)
		f.err = errors.Join(f.err, err)
		out = primitive.DBPointer{DB: f.text("$ref"), Pointer: pointer}
	case "$repeat":
		value, err := unwrap(f.get("value"))
		f.err = errors.Join(f.err, err)
		out = Placeholder{Kind: kind, N: f.number("times"), Value: value}
	default:
		return nil, false, nil
	}
	if f.err != nil {
		return nil, false, fmt.Errorf("%s: %w", kind, f.err)
	}
	return out, true, nil
}

// fields reads the fields of a wrapper and keeps the first error.
type fields struct {
	doc bson.D
	err error
}

func (f *fields) get(key string) any {
	for _, e := range f.doc {
		if e.Key == key {
			return e.Value
		}
	}
	f.err = errors.Join(f.err, fmt.Errorf("no %s", key))
	return nil
}

func (f *fields) text(key string) string {
	s, ok := f.get(key).(string)
	if !ok {
		f.err = errors.Join(f.err, fmt.Errorf("%s is no string", key))
	}
	return s
}

func (f *fields) number(key string) int64 {
	n, ok := f.get(key).(json.Number)
	i, err := n.Int64()
	if !ok || err != nil || i < 0 || i > math.MaxUint32 {
		f.err = errors.Join(f.err, fmt.Errorf("%s is no number", key))
	}
	return i
}

// binary returns a binary value as the driver's BSON package has it when it copies data as they are: with the second
// length that subtype 2 has inside.
func (f *fields) binary() primitive.Binary {
	data, err := base64.StdEncoding.DecodeString(f.text("base64"))
	subtype, err2 := strconv.ParseUint(f.text("subType"), 16, 8)
	f.err = errors.Join(f.err, err, err2)
	if subtype == 2 {
		data = append(binary.LittleEndian.AppendUint32(nil, uint32(len(data))), data...)
	}
	return primitive.Binary{Subtype: byte(subtype), Data: data}
}

// fill returns v with its placeholders replaced by what is sent: cursors by the ids that the server gave, 1 for one that
// it did not give.
func fill(v any, cursors map[int64]int64) any {
	switch x := v.(type) {
	case bson.D:
		out := make(bson.D, len(x))
		for i := range x {
			out[i] = bson.E{Key: x[i].Key, Value: fill(x[i].Value, cursors)}
		}
		return out
	case bson.A:
		out := make(bson.A, len(x))
		for i := range x {
			out[i] = fill(x[i], cursors)
		}
		return out
	case Placeholder:
		switch x.Kind {
		case "$cursorId":
			if id, ok := cursors[x.N]; ok {
				return id
			}
			return int64(1)
		case "$bigString":
			return strings.Repeat("x", int(x.N))
		case "$repeat":
			out := make(bson.A, x.N)
			for i := range out {
				out[i] = x.Value
			}
			return out
		}
	}
	return v
}
