package expression

import (
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	register(
		&operator{name: "$substrBytes", least: 3, most: 3, evaluate: list(substringOfBytes)},
		&operator{name: "$substrCP", least: 3, most: 3, evaluate: list(substringOfCodePoints)},
	)
	operators["$substr"] = operators["$substrBytes"]
}

// substringOfBytes takes a length below zero for the rest of the string.
func substringOfBytes(v []any) (any, error) {
	s, err := toText(v[0])
	if err != nil {
		return nil, err
	}
	if !isBinaryNumber(v[1]) {
		return nil, mongoerror.New(16034, "$substrBytes:  starting index must be a numeric type (is BSON type %s)", bsonvalue.TypeName(v[1]))
	}
	if !isBinaryNumber(v[2]) {
		return nil, mongoerror.New(16035, "$substrBytes:  length must be a numeric type (is BSON type %s)", bsonvalue.TypeName(v[2]))
	}
	from, length := toLong(v[1]), toLong(v[2])
	size := int64(len(s))
	if from < 0 {
		return nil, mongoerror.New(50752, "$substrBytes:  starting index must be non-negative (got: %d)", from)
	}
	if from >= size {
		return "", nil
	}
	if isContinuation(s[from]) {
		return nil, mongoerror.New(28656, "$substrBytes:  Invalid range, starting index is a UTF-8 continuation byte.")
	}
	if length < 0 || length >= size-from {
		return s[from:], nil
	}
	if isContinuation(s[from+length]) {
		return nil, mongoerror.New(28657, "$substrBytes:  Invalid range, ending index is in the middle of a UTF-8 character.")
	}
	return s[from : from+length], nil
}

func isBinaryNumber(v any) bool {
	_, isDecimal := v.(primitive.Decimal128)
	return bsonvalue.IsNumber(v) && !isDecimal
}

func substringOfCodePoints(v []any) (any, error) {
	s, err := toText(v[0])
	if err != nil {
		return nil, err
	}
	for i, what := range []string{"starting index", "length"} {
		if !bsonvalue.IsNumber(v[i+1]) {
			return nil, mongoerror.New(34450+2*int32(i), "$substrCP: %s must be a numeric type (is BSON type %s)", what, bsonvalue.TypeName(v[i+1]))
		}
		if !integral(v[i+1]) {
			return nil, mongoerror.New(34451+2*int32(i), "$substrCP: %s cannot be represented as a 32-bit integral value: %s", what, bsonvalue.Format(v[i+1]))
		}
	}
	from, length := toLong(v[1]), toLong(v[2])
	if length < 0 {
		return nil, mongoerror.New(34454, "$substrCP: length must be a nonnegative integer.")
	}
	if from < 0 {
		return nil, mongoerror.New(34455, "$substrCP: the starting index must be nonnegative integer.")
	}
	start, err := skipCodePoints(s, 0, from, 34456)
	if err != nil {
		return nil, err
	}
	end, err := skipCodePoints(s, start, length, 34458)
	if err != nil {
		return nil, err
	}
	return s[start:end], nil
}

// skipCodePoints returns the place n code points behind at, or the end of s.
func skipCodePoints(s string, at int, n int64, code int32) (int, error) {
	for ; n > 0 && at < len(s); n-- {
		if isContinuation(s[at]) {
			return 0, mongoerror.New(code, "$substrCP: invalid UTF-8 string")
		}
		length := codePointLength(s[at])
		if length > 4 {
			return 0, mongoerror.New(code+1, "$substrCP: invalid UTF-8 string")
		}
		at += length
	}
	return min(at, len(s)), nil
}
