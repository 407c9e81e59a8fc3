package expression

import (
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	register(
		&operator{name: "$concat", most: -1, associative: true, evaluate: concat},
		&operator{name: "$toLower", least: 1, most: 1, evaluate: unary(func(v any) (any, error) {
			s, err := toText(v)
			return mapASCII(s, 'A', 'Z', 'a'-'A'), err
		})},
		&operator{name: "$toUpper", least: 1, most: 1, evaluate: unary(func(v any) (any, error) {
			s, err := toText(v)
			return upper(s), err
		})},
		&operator{name: "$strcasecmp", least: 2, most: 2, evaluate: binary(compareFolded)},
		&operator{name: "$strLenBytes", least: 1, most: 1, evaluate: unary(func(v any) (any, error) {
			s, ok := v.(string)
			if !ok {
				return nil, mongoerror.New(34473, "$strLenBytes requires a string argument, found: %s", bsonvalue.TypeName(v))
			}
			return int32(len(s)), nil
		})},
		&operator{name: "$strLenCP", least: 1, most: 1, evaluate: unary(func(v any) (any, error) {
			s, ok := v.(string)
			if !ok {
				return nil, mongoerror.New(34471, "$strLenCP requires a string argument, found: %s", bsonvalue.TypeName(v))
			}
			return int32(countCodePoints(s)), nil
		})},
		&operator{name: "$split", least: 2, most: 2, evaluate: binary(split)},
	)
}

func concat(f *frame, operands []node) (any, error) {
	var out strings.Builder
	for _, n := range operands {
		v, err := n.evaluate(f)
		if err != nil || nullish(v) {
			return nil, err
		}
		s, ok := v.(string)
		if !ok {
			return nil, mongoerror.New(16702, "$concat only supports strings, not %s", bsonvalue.TypeName(v))
		}
		if err := checkLength(out.Len() + len(s)); err != nil {
			return nil, err
		}
		out.WriteString(s)
	}
	return out.String(), nil
}

// checkLength checks the length of a string that is about to be made.
func checkLength(n int) error {
	if n <= bsonvalue.MaxEncoded {
		return nil
	}
	return mongoerror.New(13548, "BufBuilder attempted to grow() to %d bytes, past the 64MB limit.", n)
}

// upper has the letters of ASCII in upper case; others stay, as on the server.
func upper(s string) string { return mapASCII(s, 'a', 'z', -('a' - 'A')) }

func mapASCII(s string, from, to byte, shift int) string {
	b := []byte(s)
	for i, c := range b {
		if c >= from && c <= to {
			b[i] = byte(int(c) + shift)
		}
	}
	return string(b)
}

func compareFolded(a, b any) (any, error) {
	x, err := toText(a)
	if err != nil {
		return nil, err
	}
	y, err := toText(b)
	return int32(strings.Compare(upper(x), upper(y))), err
}

// toText returns a value as the operators on strings take it: nullish ones are empty.
func toText(v any) (string, error) {
	switch x := v.(type) {
	case string:
		return x, nil
	case primitive.Symbol:
		return string(x), nil
	case primitive.JavaScript:
		return string(x), nil
	case int32:
		return strconv.FormatInt(int64(x), 10), nil
	case int64:
		return strconv.FormatInt(x, 10), nil
	case float64:
		return formatDouble(x), nil
	case primitive.Decimal128:
		return x.String(), nil
	case primitive.DateTime:
		return formatISO(x)
	case primitive.Timestamp:
		return time.Unix(int64(x.T), 0).UTC().Format("Jan _2 15:04:05") + ":" + strconv.FormatUint(uint64(x.I), 10), nil
	}
	if nullish(v) {
		return "", nil
	}
	return "", mongoerror.New(16007, "can't convert from BSON type %s to String", bsonvalue.TypeName(v))
}

// formatDouble writes a double with 16 significant digits, as C's %.16g does.
func formatDouble(d float64) string {
	s := strconv.FormatFloat(d, 'g', 16, 64)
	switch s {
	case "NaN":
		return "nan"
	case "+Inf":
		return "inf"
	case "-Inf":
		return "-inf"
	}
	return s
}

func split(v, separator any) (any, error) {
	if nullish(v) || nullish(separator) {
		return nil, nil
	}
	s, ok := v.(string)
	if !ok {
		return nil, mongoerror.New(40085, "$split requires an expression that evaluates to a string as a first argument, found: %s", bsonvalue.TypeName(v))
	}
	by, ok := separator.(string)
	if !ok {
		return nil, mongoerror.New(40086, "$split requires an expression that evaluates to a string as a second argument, found: %s", bsonvalue.TypeName(separator))
	}
	if by == "" {
		return nil, mongoerror.New(40087, "$split requires a non-empty separator")
	}
	return toArray(strings.Split(s, by)), nil
}
