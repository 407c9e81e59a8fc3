package expression

import (
	"math"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// operators are those that take their operands evaluated. least and most bound their number; a
// negative most is no bound.
var operators = map[string]struct {
	least, most int
	compute     func(v []any) (any, error)
}{
	"$add":      {0, -1, add},
	"$subtract": {2, 2, subtract},
	"$multiply": {0, -1, multiply},
	"$divide":   {2, 2, divide},
	"$cmp":      {2, 2, func(v []any) (any, error) { return int32(bsonvalue.Compare(v[0], v[1])), nil }},
	"$eq":       {2, 2, comparing(func(r int) bool { return r == 0 })},
	"$ne":       {2, 2, comparing(func(r int) bool { return r != 0 })},
	"$lt":       {2, 2, comparing(func(r int) bool { return r < 0 })},
	"$lte":      {2, 2, comparing(func(r int) bool { return r <= 0 })},
	"$gt":       {2, 2, comparing(func(r int) bool { return r > 0 })},
	"$gte":      {2, 2, comparing(func(r int) bool { return r >= 0 })},
	"$not":      {1, 1, func(v []any) (any, error) { return !bsonvalue.Truth(v[0]), nil }},
	"$type":     {1, 1, func(v []any) (any, error) { return bsonvalue.TypeName(v[0]), nil }},
	"$concat":   {0, -1, concat},
	"$size":     {1, 1, arraySize},
	"$isArray":  {1, 1, func(v []any) (any, error) { _, ok := v[0].(bson.A); return ok, nil }},
}

// call is an operator of the table with its operands.
type call struct {
	operands []Expression
	compute  func(v []any) (any, error)
}

func (c *call) Evaluate(d bson.D) (any, error) {
	v := make([]any, len(c.operands))
	for i, e := range c.operands {
		var err error
		if v[i], err = e.Evaluate(d); err != nil {
			return nil, err
		}
	}
	return c.compute(v)
}

// short is an operator that evaluates its operands one by one, as far as it needs them.
type short struct {
	operands []Expression
	evaluate func(d bson.D, operands []Expression) (any, error)
}

func (s *short) Evaluate(d bson.D) (any, error) { return s.evaluate(d, s.operands) }

func parseOperator(name string, argument any) (Expression, error) {
	if name == "$literal" || name == "$const" {
		return constant{argument}, nil
	}
	if name == "$cond" {
		return parseCond(argument)
	}
	list, ok := argument.(bson.A)
	if !ok {
		list = bson.A{argument}
	}
	switch name {
	case "$and", "$or":
		operands, err := parseList(list)
		return &short{operands, logical(name == "$or")}, err
	case "$ifNull":
		if len(list) != 2 {
			return nil, arity(name, 2, len(list))
		}
		operands, err := parseList(list)
		return &short{operands, ifNull}, err
	}
	op, ok := operators[name]
	if !ok {
		return nil, mongoerror.New(codeUnrecognized, "Unrecognized expression '%s'", name)
	}
	if len(list) < op.least || op.most >= 0 && len(list) > op.most {
		return nil, arity(name, op.least, len(list))
	}
	operands, err := parseList(list)
	return &call{operands, op.compute}, err
}

func arity(name string, want, got int) error {
	return mongoerror.New(16020, "Expression %s takes exactly %d arguments. %d were passed in.", name, want, got)
}

func parseCond(argument any) (Expression, error) {
	var list bson.A
	switch x := argument.(type) {
	case bson.A:
		if len(x) != 3 {
			return nil, arity("$cond", 3, len(x))
		}
		list = x
	case bson.D:
		list = bson.A{bsonvalue.Missing, bsonvalue.Missing, bsonvalue.Missing}
		for _, e := range x {
			switch e.Key {
			case "if":
				list[0] = e.Value
			case "then":
				list[1] = e.Value
			case "else":
				list[2] = e.Value
			default:
				return nil, mongoerror.New(17083, "Unrecognized parameter to $cond: %s", e.Key)
			}
		}
		for i, name := range []string{"if", "then", "else"} {
			if bsonvalue.IsMissing(list[i]) {
				return nil, mongoerror.New(17080+int32(i), "Missing '%s' parameter to $cond", name)
			}
		}
	default:
		return nil, arity("$cond", 3, 1)
	}
	operands, err := parseList(list)
	return &short{operands, func(d bson.D, o []Expression) (any, error) {
		v, err := o[0].Evaluate(d)
		if err != nil {
			return nil, err
		}
		if bsonvalue.Truth(v) {
			return o[1].Evaluate(d)
		}
		return o[2].Evaluate(d)
	}}, err
}

func logical(stop bool) func(d bson.D, operands []Expression) (any, error) {
	return func(d bson.D, operands []Expression) (any, error) {
		for _, e := range operands {
			v, err := e.Evaluate(d)
			if err != nil {
				return nil, err
			}
			if bsonvalue.Truth(v) == stop {
				return stop, nil
			}
		}
		return !stop, nil
	}
}

func ifNull(d bson.D, operands []Expression) (any, error) {
	v, err := operands[0].Evaluate(d)
	if err != nil || !nullish(v) {
		return v, err
	}
	return operands[1].Evaluate(d)
}

// nullish tells null, undefined and missing, which most operators answer with null.
func nullish(v any) bool {
	switch v.(type) {
	case nil, primitive.Null, primitive.Undefined:
		return true
	}
	return bsonvalue.IsMissing(v)
}

func comparing(is func(r int) bool) func(v []any) (any, error) {
	return func(v []any) (any, error) { return is(bsonvalue.Compare(v[0], v[1])), nil }
}

func add(v []any) (any, error) {
	var sum any = int32(0)
	var date bool
	for _, x := range v {
		switch {
		case nullish(x):
			return nil, nil
		case bsonvalue.IsNumber(x):
		default:
			t, ok := x.(primitive.DateTime)
			if !ok {
				return nil, mongoerror.New(16554, "$add only supports numeric or date types, not %s", bsonvalue.TypeName(x))
			}
			if date {
				return nil, mongoerror.New(16612, "only one date allowed in an $add expression")
			}
			date = true
			x = int64(t)
		}
		sum, _ = bsonvalue.Add(sum, x)
	}
	if date {
		n, _ := bsonvalue.ToLong(sum)
		return primitive.DateTime(n), nil
	}
	return sum, nil
}

func subtract(v []any) (any, error) {
	if nullish(v[0]) || nullish(v[1]) {
		return nil, nil
	}
	a, dateA := v[0].(primitive.DateTime)
	b, dateB := v[1].(primitive.DateTime)
	switch {
	case dateA && dateB:
		return int64(a - b), nil
	case dateA && bsonvalue.IsNumber(v[1]):
		n, _ := bsonvalue.ToLong(v[1])
		return a - primitive.DateTime(n), nil
	case !bsonvalue.IsNumber(v[0]) || !bsonvalue.IsNumber(v[1]):
		return nil, mongoerror.New(16556, "cant $subtract a%s from a %s", bsonvalue.TypeName(v[1]), bsonvalue.TypeName(v[0]))
	}
	out, _ := bsonvalue.Subtract(v[0], v[1])
	return out, nil
}

func multiply(v []any) (any, error) {
	var product any = int32(1)
	for _, x := range v {
		if nullish(x) {
			return nil, nil
		}
		if !bsonvalue.IsNumber(x) {
			return nil, mongoerror.New(16555, "$multiply only supports numeric types, not %s", bsonvalue.TypeName(x))
		}
		product, _ = bsonvalue.Multiply(product, x)
	}
	return product, nil
}

func divide(v []any) (any, error) {
	if nullish(v[0]) || nullish(v[1]) {
		return nil, nil
	}
	if !bsonvalue.IsNumber(v[0]) || !bsonvalue.IsNumber(v[1]) {
		return nil, mongoerror.New(16609, "$divide only supports numeric types, not %s and %s",
			bsonvalue.TypeName(v[0]), bsonvalue.TypeName(v[1]))
	}
	if !bsonvalue.IsNaN(v[1]) && bsonvalue.CompareNumbers(v[1], int32(0)) == 0 {
		return nil, mongoerror.New(16608, "can't $divide by zero")
	}
	_, decimalA := v[0].(primitive.Decimal128)
	_, decimalB := v[1].(primitive.Decimal128)
	if decimalA || decimalB {
		return bsonvalue.DivideDecimals(bsonvalue.ToDecimal(v[0]), bsonvalue.ToDecimal(v[1])), nil
	}
	return bsonvalue.ToDouble(v[0]) / bsonvalue.ToDouble(v[1]), nil
}

func concat(v []any) (any, error) {
	out := ""
	for _, x := range v {
		if nullish(x) {
			return nil, nil
		}
		s, ok := x.(string)
		if !ok {
			return nil, mongoerror.New(16702, "$concat only supports strings, not %s", bsonvalue.TypeName(x))
		}
		out += s
	}
	return out, nil
}

func arraySize(v []any) (any, error) {
	a, ok := v[0].(bson.A)
	if !ok {
		return nil, mongoerror.New(17124, "The argument to $size must be an array, but was of type: %s", bsonvalue.TypeName(v[0]))
	}
	return int32(min(len(a), math.MaxInt32)), nil
}
