package bsonvalue

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// Format writes a value as the server's messages do ("{ a: 1, b: [ 1.0, \"x\" ] }").
func Format(v any) string {
	var b strings.Builder
	format(&b, v)
	return b.String()
}

func format(b *strings.Builder, v any) {
	switch x := v.(type) {
	case nil, primitive.Null:
		b.WriteString("null")
	case bson.D:
		formatDocument(b, x)
	case bson.A:
		formatArray(b, x)
	case string:
		b.WriteString(`"` + x + `"`)
	case float64:
		b.WriteString(FormatDouble(x))
	case primitive.Decimal128:
		b.WriteString(x.String())
	case primitive.ObjectID:
		fmt.Fprintf(b, "ObjectId('%s')", x.Hex())
	case primitive.DateTime:
		fmt.Fprintf(b, "new Date(%d)", int64(x))
	case primitive.Timestamp:
		fmt.Fprintf(b, "Timestamp(%d, %d)", x.T, x.I)
	case primitive.Binary:
		fmt.Fprintf(b, "BinData(%d, %s)", x.Subtype, strings.ToUpper(hex.EncodeToString(x.Data)))
	case primitive.Regex:
		fmt.Fprintf(b, "/%s/%s", x.Pattern, x.Options)
	case primitive.Undefined:
		b.WriteString("undefined")
	case primitive.MinKey:
		b.WriteString("MinKey")
	case primitive.MaxKey:
		b.WriteString("MaxKey")
	case primitive.Symbol:
		b.WriteString(`"` + string(x) + `"`)
	case primitive.JavaScript:
		b.WriteString(string(x))
	case primitive.CodeWithScope:
		fmt.Fprintf(b, "CodeWScope( %s, %s)", x.Code, Format(x.Scope))
	case primitive.DBPointer:
		fmt.Fprintf(b, "DBRef('%s',%s)", x.DB, x.Pointer.Hex())
	default:
		if IsMissing(v) {
			return
		}
		fmt.Fprint(b, v)
	}
}

func formatDocument(b *strings.Builder, d bson.D) {
	if len(d) == 0 {
		b.WriteString("{}")
		return
	}
	b.WriteString("{ ")
	for i, e := range d {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(e.Key)
		b.WriteString(": ")
		format(b, e.Value)
	}
	b.WriteString(" }")
}

func formatArray(b *strings.Builder, a bson.A) {
	if len(a) == 0 {
		b.WriteString("[]")
		return
	}
	b.WriteString("[ ")
	for i, v := range a {
		if i > 0 {
			b.WriteString(", ")
		}
		format(b, v)
	}
	b.WriteString(" ]")
}

// FormatDouble writes a double as messages do: 16 significant digits, and always with a point or
// an exponent.
func FormatDouble(d float64) string {
	switch {
	case math.IsNaN(d):
		return "nan.0"
	case math.IsInf(d, 1):
		return "inf.0"
	case math.IsInf(d, -1):
		return "-inf.0"
	}
	s := strconv.FormatFloat(d, 'g', 16, 64)
	if strings.ContainsAny(s, ".e") {
		return s
	}
	return s + ".0"
}
