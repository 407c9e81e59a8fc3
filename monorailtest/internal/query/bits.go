package query

import (
	"math"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// bits is $bitsAllSet, $bitsAllClear, $bitsAnySet and $bitsAnyClear.
type bits struct {
	operator  string
	positions []int64
}

func parseBits(name, operator string, v any) (*bits, error) {
	b := &bits{operator: operator}
	switch x := v.(type) {
	case bson.A:
		for i, item := range x {
			n, err := bitNumber(itoa(i), "bit positions", item)
			if err != nil {
				return nil, err
			}
			b.positions = append(b.positions, n)
		}
	case primitive.Binary:
		for i := range int64(len(x.Data)) * 8 {
			if x.Data[i/8]&(1<<(i%8)) != 0 {
				b.positions = append(b.positions, i)
			}
		}
	case int32, int64, float64, primitive.Decimal128:
		mask, err := bitNumber(operator, operator, v)
		if err != nil {
			return nil, err
		}
		for i := range int64(64) {
			if mask&(1<<i) != 0 {
				b.positions = append(b.positions, i)
			}
		}
	default:
		return nil, mongoerror.New(mongoerror.BadValue, "%s takes an Array, a number, or a BinData but received: %s: %s",
			name, operator, bsonvalue.Format(v))
	}
	return b, nil
}

// bitNumber reads a mask or a bit position: a non-negative integer.
func bitNumber(name, what string, v any) (int64, error) {
	if !bsonvalue.IsNumber(v) {
		return 0, mongoerror.New(mongoerror.BadValue, "%s must be an integer but got: %s: %s", what, name, bsonvalue.Format(v))
	}
	n, exact := bsonvalue.ToLong(v)
	if what == "bit positions" {
		_, isDecimal := v.(primitive.Decimal128)
		switch {
		case !exact && !isDecimal:
			return 0, badValue("bit positions must be an integer but got: %s: %s", name, bsonvalue.Format(v))
		case n != int64(int32(n)) && !isDecimal:
			return 0, badValue("bit positions cannot be represented as a 32-bit signed integer: %s: %s", name, bsonvalue.Format(v))
		case n < 0:
			return 0, badValue("bit positions must be >= 0 but got: %s: %s", name, bsonvalue.Format(v))
		}
		return n, nil
	}
	if !exact {
		return 0, mongoerror.New(mongoerror.FailedToParse, "Expected an integer: %s: %s", name, bsonvalue.Format(v))
	}
	if n < 0 {
		return 0, mongoerror.New(mongoerror.FailedToParse, "Expected a positive number in: %s: %s", name, bsonvalue.Format(v))
	}
	return n, nil
}

func (b *bits) matchesValue(v any, _ *int) (bool, error) {
	at, ok := bitReader(v)
	if !ok {
		return false, nil
	}
	set := 0
	for _, p := range b.positions {
		if at(p) {
			set++
		}
	}
	switch b.operator {
	case "$bitsAllSet":
		return set == len(b.positions), nil
	case "$bitsAllClear":
		return set == 0, nil
	case "$bitsAnySet":
		return set > 0, nil
	}
	return set < len(b.positions), nil
}

// bitReader returns how to read the bits of v: of an integer in two's complement, sign extended,
// or of binary data from its first byte on.
func bitReader(v any) (func(position int64) bool, bool) {
	if data, ok := v.(primitive.Binary); ok {
		return func(p int64) bool {
			return p/8 < int64(len(data.Data)) && data.Data[p/8]&(1<<(p%8)) != 0
		}, true
	}
	if !bsonvalue.IsNumber(v) {
		return nil, false
	}
	n, exact := bsonvalue.ToLong(v)
	if !exact {
		return nil, false
	}
	return func(p int64) bool {
		if p >= 64 {
			return n < 0
		}
		return uint64(n)&(1<<uint(p)) != 0
	}, true
}

// wholeNumber reads a number that must be an integer.
func wholeNumber(v any) (int64, bool) {
	n, exact := bsonvalue.ToLong(v)
	return n, exact && n != math.MinInt64
}
