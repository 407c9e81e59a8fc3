package update

import (
	"fmt"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func parseInc(p *parser, f bson.E) (node, error) {
	if !bsonvalue.IsNumber(f.Value) {
		return nil, mongoerror.New(mongoerror.TypeMismatch, "Cannot increment with non-numeric argument: {%s: %s}",
			f.Key, bsonvalue.Format(f.Value))
	}
	n := arithmetic("$inc", f.Value, bsonvalue.Add)
	n.missing = func(*context, string) (any, bool, error) { return f.Value, true, nil }
	return n, nil
}

func parseMul(p *parser, f bson.E) (node, error) {
	if !bsonvalue.IsNumber(f.Value) {
		return nil, mongoerror.New(mongoerror.TypeMismatch, "Cannot multiply with non-numeric argument: {%s: %s}",
			f.Key, bsonvalue.Format(f.Value))
	}
	n := arithmetic("$mul", f.Value, bsonvalue.Multiply)
	n.missing = func(*context, string) (any, bool, error) {
		zero, _ := bsonvalue.Multiply(int32(0), f.Value)
		return zero, true, nil
	}
	return n, nil
}

func arithmetic(name string, operand any, compute func(a, b any) (any, bool)) *leafNode {
	return &leafNode{existing: func(c *context, v any, path string) (any, bool, error) {
		if !bsonvalue.IsNumber(v) {
			return nil, false, mongoerror.New(mongoerror.TypeMismatch,
				"Cannot apply %s to a value of non-numeric type. {%s} has the field '%s' of non-numeric type %s",
				name, c.idOf(), lastName(path), bsonvalue.TypeName(v))
		}
		out, overflow := compute(v, operand)
		if overflow {
			return nil, false, mongoerror.New(mongoerror.BadValue,
				"Failed to apply %s operations to current value (%s) for document {%s}", name, typedNumber(v), c.idOf())
		}
		if bsonvalue.TypeOf(out) == bsonvalue.TypeOf(v) && bsonvalue.Equal(out, v) {
			// The same number stays as it is: -0.0 plus 0.0 is -0.0. A NaN is not the same number as itself.
			c.counts = c.counts || bsonvalue.IsNaN(out)
			return v, false, nil
		}
		return out, false, nil
	}}
}

// typedNumber writes an integer with its type, as the message of an overflow does.
func typedNumber(v any) string {
	if n, ok := v.(int64); ok {
		return fmt.Sprintf("(NumberLong)%d", n)
	}
	return fmt.Sprintf("(NumberInt)%v", v)
}

// bitOperation is one of the and, or and xor of a $bit, in the order given.
type bitOperation struct {
	name    string
	operand any
}

func parseBit(p *parser, f bson.E) (node, error) {
	d, ok := f.Value.(bson.D)
	if !ok {
		return nil, mongoerror.New(mongoerror.BadValue,
			"The $bit modifier is not compatible with a %s. You must pass in an embedded document: {$bit: {field: {and/or/xor: #}}",
			bsonvalue.TypeName(f.Value))
	}
	if len(d) == 0 {
		return nil, mongoerror.New(mongoerror.BadValue,
			"You must pass in at least one bitwise operation. The format is: {$bit: {field: {and/or/xor: #}}")
	}
	operations := make([]bitOperation, len(d))
	for i, e := range d {
		switch e.Key {
		case "and", "or", "xor":
		default:
			return nil, mongoerror.New(mongoerror.BadValue,
				"The $bit modifier only supports 'and', 'or', and 'xor', not '%s' which is an unknown operator: {%s: %s}",
				e.Key, e.Key, bsonvalue.Format(e.Value))
		}
		if !isInteger(e.Value) {
			return nil, mongoerror.New(mongoerror.BadValue,
				"The $bit modifier field must be an Integer(32/64 bit); a '%s' is not supported here: {%s: %s}",
				bsonvalue.TypeName(e.Value), e.Key, bsonvalue.Format(e.Value))
		}
		operations[i] = bitOperation{e.Key, e.Value}
	}
	return &leafNode{
		existing: func(c *context, v any, path string) (any, bool, error) {
			if !isInteger(v) {
				return nil, false, mongoerror.New(mongoerror.BadValue,
					"Cannot apply $bit to a value of non-integral type.%s has the field %s of non-integer type %s",
					c.idOf(), lastName(path), bsonvalue.TypeName(v))
			}
			return applyBits(v, operations), false, nil
		},
		missing: func(*context, string) (any, bool, error) {
			return applyBits(int32(0), operations), true, nil
		},
	}, nil
}

func isInteger(v any) bool {
	switch v.(type) {
	case int32, int64:
		return true
	}
	return false
}

// applyBits computes in the wider of the types: an int32 stays one unless an operand is an int64.
func applyBits(v any, operations []bitOperation) any {
	for _, o := range operations {
		x, _ := bsonvalue.ToLong(v)
		y, _ := bsonvalue.ToLong(o.operand)
		switch o.name {
		case "and":
			x &= y
		case "or":
			x |= y
		case "xor":
			x ^= y
		}
		_, narrow := v.(int32)
		_, narrowOperand := o.operand.(int32)
		if narrow && narrowOperand {
			v = int32(x)
		} else {
			v = x
		}
	}
	return v
}
