package expression

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	register(
		&operator{name: "$indexOfArray", least: 2, most: 4, evaluate: indexOfArray, simplify: simplifyIndexOfArray},
		&operator{name: "$indexOfBytes", least: 2, most: 4, evaluate: indexOfBytes},
		&operator{name: "$indexOfCP", least: 2, most: 4, evaluate: indexOfCodePoint},
	)
}

// bounds evaluates the start and the end of a search in what has the given length.
func bounds(f *frame, name string, operands []node, length int) (start, end int, err error) {
	end = length
	for i, n := range operands[2:] {
		what := []string{"starting index", "ending index"}[i]
		v, err := n.evaluate(f)
		if err != nil {
			return 0, 0, err
		}
		if !integral(v) {
			return 0, 0, mongoerror.New(40096, "%srequires an integral %s, found a value of type: %s, with value: %s",
				name, what, bsonvalue.TypeName(v), bsonvalue.Format(v))
		}
		at := int(toLong(v))
		if at < 0 {
			return 0, 0, mongoerror.New(40097, "%s requires a nonnegative %s, found: %s", name, what, bsonvalue.Format(v))
		}
		if i == 0 {
			start = at
		} else {
			end = min(end, at)
		}
	}
	return start, end, nil
}

func indexOfArray(f *frame, operands []node) (any, error) {
	v, err := operands[0].evaluate(f)
	if err != nil || nullish(v) {
		return nil, err
	}
	a, ok := v.(bson.A)
	if !ok {
		return nil, mongoerror.New(40090, "$indexOfArray requires an array as a first argument, found: %s", bsonvalue.TypeName(v))
	}
	start, end, err := bounds(f, "$indexOfArray", operands, len(a))
	if err != nil {
		return nil, err
	}
	wanted, err := operands[1].evaluate(f)
	if err != nil {
		return nil, err
	}
	for i := start; i < end; i++ {
		if f.compare(a[i], wanted) == 0 {
			return int32(i), nil
		}
	}
	return int32(-1), nil
}

// simplifyIndexOfArray checks an array that is constant ahead; the error has another code then.
func simplifyIndexOfArray(o *optimizer, n *nary) node {
	c, ok := n.operands[0].(constant)
	if !ok {
		return n
	}
	if nullish(c.value) {
		return constant{nil}
	}
	if _, ok := c.value.(bson.A); !ok {
		o.fail(mongoerror.New(50809, "First operand of $indexOfArray must be an array. First argument is of type: %s", bsonvalue.TypeName(c.value)))
	}
	return n
}

// stringAndToken evaluates the first two operands. ok is false where the result is null.
func stringAndToken(f *frame, name string, operands []node, code int32) (s, token string, ok bool, err error) {
	v, err := operands[0].evaluate(f)
	if err != nil || nullish(v) {
		return "", "", false, err
	}
	if s, ok = v.(string); !ok {
		return "", "", false, mongoerror.New(code, "%s requires a string as the first argument, found: %s", name, bsonvalue.TypeName(v))
	}
	if v, err = operands[1].evaluate(f); err != nil {
		return "", "", false, err
	}
	if token, ok = v.(string); !ok {
		return "", "", false, mongoerror.New(code+1, "%s requires a string as the second argument, found: %s", name, bsonvalue.TypeName(v))
	}
	return s, token, true, nil
}

func indexOfBytes(f *frame, operands []node) (any, error) {
	s, token, ok, err := stringAndToken(f, "$indexOfBytes", operands, 40091)
	if !ok {
		return nil, err
	}
	start, end, err := bounds(f, "$indexOfBytes", operands, len(s))
	if err != nil {
		return nil, err
	}
	if start > len(s) || end < start {
		return int32(-1), nil
	}
	if i := strings.Index(s[start:end], token); i >= 0 {
		return int32(start + i), nil
	}
	return int32(-1), nil
}

func indexOfCodePoint(f *frame, operands []node) (any, error) {
	s, token, ok, err := stringAndToken(f, "$indexOfCP", operands, 40093)
	if !ok {
		return nil, err
	}
	starts := make([]int, 0, len(s))
	for i := 0; i < len(s); i += codePointLength(s[i]) {
		if isContinuation(s[i]) {
			return nil, mongoerror.New(40095, "$indexOfCP found bad UTF-8 in the input")
		}
		starts = append(starts, i)
	}
	start, end, err := bounds(f, "$indexOfCP", operands, len(starts))
	if err != nil {
		return nil, err
	}
	if s == "" && token == "" {
		return int32(0), nil
	}
	// The end bounds where the token begins, not where it ends.
	for i := start; i < end; i++ {
		if strings.HasPrefix(s[starts[i]:], token) {
			return int32(i), nil
		}
	}
	return int32(-1), nil
}
