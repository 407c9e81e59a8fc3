package expression

import (
	"math"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/bsontype"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	parsers["$convert"] = parseConvert
	for name, to := range map[string]string{
		"$toBool": "bool", "$toDate": "date", "$toDecimal": "decimal", "$toDouble": "double",
		"$toInt": "int", "$toLong": "long", "$toObjectId": "objectId", "$toString": "string",
	} {
		parsers[name] = func(p *parser, name string, argument any, names *variable) (node, error) {
			operands, err := p.arguments(argument, names)
			if err != nil {
				return nil, err
			}
			if len(operands) != 1 {
				return nil, mongoerror.New(50723, "%s requires a single argument, got %d", name, len(operands))
			}
			return &convert{input: operands[0], to: constant{to}}, nil
		}
	}
}

// convert is $convert, or one of its short forms. onError and onNull may be nil.
type convert struct{ input, to, onError, onNull node }

func parseConvert(p *parser, _ string, argument any, names *variable) (node, error) {
	d, ok := argument.(bson.D)
	if !ok {
		return nil, mongoerror.New(mongoerror.FailedToParse, "$convert expects an object of named arguments but found: %s", bsonvalue.TypeName(argument))
	}
	c := &convert{}
	places := map[string]*node{"input": &c.input, "to": &c.to, "onError": &c.onError, "onNull": &c.onNull}
	if err := p.fields(d, names, places, func(field string) error {
		return mongoerror.New(mongoerror.FailedToParse, "$convert found an unknown argument: %s", field)
	}); err != nil {
		return nil, err
	}
	switch {
	case c.input == nil:
		return nil, mongoerror.New(mongoerror.FailedToParse, "Missing 'input' parameter to $convert")
	case c.to == nil:
		return nil, mongoerror.New(mongoerror.FailedToParse, "Missing 'to' parameter to $convert")
	}
	return c, nil
}

func (c *convert) optimize(o *optimizer) node {
	if o.each(&c.input, &c.to, &c.onError, &c.onNull) {
		return o.fold(c)
	}
	return c
}

func (c *convert) evaluate(f *frame) (any, error) {
	to, err := c.to.evaluate(f)
	if err != nil {
		return nil, err
	}
	v, err := c.input.evaluate(f)
	if err != nil {
		return nil, err
	}
	var target bsontype.Type
	if !nullish(to) {
		if target, err = targetType(to); err != nil {
			return nil, err
		}
	}
	switch {
	case nullish(v) && c.onNull != nil:
		return c.onNull.evaluate(f)
	case nullish(v) || nullish(to):
		return nil, nil
	}
	out, err := convertTo(v, target)
	if err != nil && c.onError != nil && isConversionFailure(err) {
		return c.onError.evaluate(f)
	}
	return out, err
}

// targetType returns the type that a name or a number stands for; zero is "missing".
func targetType(v any) (bsontype.Type, error) {
	if name, ok := v.(string); ok {
		if name == "missing" {
			return 0, nil
		}
		t, ok := bsonvalue.TypeByAlias(name)
		if !ok {
			return 0, mongoerror.New(mongoerror.BadValue, "Unknown type name: %s", name)
		}
		return t, nil
	}
	if !bsonvalue.IsNumber(v) {
		return 0, mongoerror.New(mongoerror.FailedToParse, "$convert's 'to' argument must be a string or number, but is %s", bsonvalue.TypeName(v))
	}
	if !integral(v) {
		return 0, mongoerror.New(mongoerror.FailedToParse, "In $convert, numeric 'to' argument is not an integer")
	}
	n := toLong(v)
	if n == 0 {
		return 0, nil
	}
	t, ok := bsonvalue.TypeByNumber(n)
	if !ok {
		return 0, mongoerror.New(mongoerror.FailedToParse, "In $convert, numeric value for 'to' does not correspond to a BSON type: %d", n)
	}
	return t, nil
}

func conversionFailure(format string, args ...any) error {
	return mongoerror.New(mongoerror.ConversionFailure, format, args...)
}

// convertTo converts a value that is not null.
func convertTo(v any, to bsontype.Type) (any, error) {
	if to == bson.TypeBoolean {
		return toBool(v), nil
	}
	if from := bsonvalue.TypeOf(v); from == to {
		switch from {
		case bson.TypeDouble, bson.TypeString, bson.TypeObjectID, bson.TypeDateTime, bson.TypeInt32, bson.TypeInt64, bson.TypeDecimal128:
			return v, nil
		}
	}
	var out any
	var err error
	switch to {
	case bson.TypeString:
		out, err = toStringValue(v)
	case bson.TypeObjectID:
		if s, ok := v.(string); ok {
			out, err = parseObjectID(s)
		}
	case bson.TypeDateTime:
		out, err = toDateValue(v)
	case bson.TypeInt32:
		out, err = toInteger(v, math.MinInt32, math.MaxInt32, func(n int64) any { return int32(n) })
	case bson.TypeInt64:
		out, err = toInteger(v, math.MinInt64, math.MaxInt64, func(n int64) any { return n })
	case bson.TypeDouble:
		out, err = toDoubleValue(v)
	case bson.TypeDecimal128:
		out, err = toDecimalValue(v)
	}
	if out == nil && err == nil {
		name := "missing"
		if to != 0 {
			name = bsonvalue.Alias(to)
		}
		err = conversionFailure("Unsupported conversion from %s to %s in $convert with no onError value", bsonvalue.TypeName(v), name)
	}
	return out, err
}

// toBool takes what is no number and no boolean for true.
func toBool(v any) bool { return bsonvalue.Truth(v) }

// toStringValue returns nil for a type that has no text.
func toStringValue(v any) (any, error) {
	switch x := v.(type) {
	case bool:
		if x {
			return "true", nil
		}
		return "false", nil
	case primitive.ObjectID:
		return x.Hex(), nil
	case float64:
		switch {
		case math.IsNaN(x):
			return "NaN", nil
		case math.IsInf(x, 1):
			return "Infinity", nil
		case math.IsInf(x, -1):
			return "-Infinity", nil
		}
		return formatDouble(x), nil
	case int32, int64, primitive.Decimal128, primitive.DateTime:
		return toText(v)
	}
	return nil, nil
}

func parseObjectID(s string) (any, error) {
	id, err := primitive.ObjectIDFromHex(s)
	if err != nil {
		return nil, conversionFailure("Failed to parse objectId '%s' in $convert with no onError value: Invalid string length for parsing to OID, expected 24 but found %d", s, len(s))
	}
	return id, nil
}

func toDateValue(v any) (any, error) {
	switch x := v.(type) {
	case string:
		return parseDate(x, utc)
	case primitive.ObjectID:
		return toDate(x)
	case int64, float64, primitive.Decimal128:
		return toInteger(x, math.MinInt64, math.MaxInt64, func(n int64) any { return primitive.DateTime(n) })
	}
	return nil, nil
}

// toInteger converts to an integer that is between two bounds, cutting a fraction off. make gives
// it its type. A value that is none gives nil.
func toInteger(v any, least, most int64, make func(n int64) any) (any, error) {
	var n int64
	switch x := v.(type) {
	case bool:
		if x {
			n = 1
		}
	case int32:
		n = int64(x)
	case int64:
		n = x
	case primitive.DateTime:
		if most != math.MaxInt64 {
			return nil, nil
		}
		n = int64(x)
	case string:
		var err error
		if n, err = parseInteger(x, least, most); err != nil {
			return nil, err
		}
	case float64, primitive.Decimal128:
		if bsonvalue.IsNaN(v) {
			return nil, conversionFailure("Attempt to convert NaN value to integer type in $convert with no onError value")
		}
		if !bsonvalue.IsFinite(v) {
			return nil, conversionFailure("Attempt to convert infinity value to integer type in $convert with no onError value")
		}
		if !between(v, least, most) {
			return nil, overflow(v)
		}
		n, _ = bsonvalue.ToLong(v)
	default:
		return nil, nil
	}
	if n < least || n > most {
		return nil, overflow("")
	}
	return make(n), nil
}

// between tells whether a finite number is in bounds. A double must be so itself; a decimal once
// its fraction is cut off.
func between(v any, least, most int64) bool {
	d, ok := v.(float64)
	if !ok {
		whole := bsonvalue.Quantize(v.(primitive.Decimal128), 0, bsonvalue.TowardZero)
		return !bsonvalue.IsNaN(whole) && bsonvalue.CompareNumbers(whole, least) >= 0 && bsonvalue.CompareNumbers(whole, most) <= 0
	}
	return bsonvalue.CompareNumbers(d, least) >= 0 && bsonvalue.CompareNumbers(d, most) <= 0
}

func overflow(v any) error {
	text := ""
	switch x := v.(type) {
	case float64:
		text = formatShort(x)
	case primitive.Decimal128:
		text = x.String()
	}
	return conversionFailure("Conversion would overflow target type in $convert with no onError value: %s", text)
}

func toDoubleValue(v any) (any, error) {
	switch x := v.(type) {
	case bool:
		if x {
			return 1.0, nil
		}
		return 0.0, nil
	case int32, int64:
		return bsonvalue.ToDouble(x), nil
	case primitive.DateTime:
		return float64(x), nil
	case primitive.Decimal128:
		d := bsonvalue.ToDouble(x)
		lost := d == 0 && !isZero(x)
		if math.IsInf(d, 0) && bsonvalue.IsFinite(x) || lost {
			return nil, overflow(x)
		}
		return d, nil
	case string:
		return parseDouble(x)
	}
	return nil, nil
}

func toDecimalValue(v any) (any, error) {
	switch x := v.(type) {
	case bool:
		n := int32(0)
		if x {
			n = 1
		}
		return bsonvalue.ToDecimal(n), nil
	case int32, int64, float64:
		return bsonvalue.ToDecimal(x), nil
	case primitive.DateTime:
		return bsonvalue.ToDecimal(int64(x)), nil
	case string:
		return parseDecimal(x)
	}
	return nil, nil
}
