package expression

import (
	"slices"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	register(
		&operator{name: "$setUnion", most: -1, associative: true, commutative: true, evaluate: setUnion},
		&operator{name: "$setIntersection", most: -1, associative: true, commutative: true, evaluate: setIntersection},
		&operator{name: "$setDifference", least: 2, most: 2, evaluate: ordered(setDifference)},
		&operator{name: "$setEquals", least: 2, most: -1, evaluate: setEquals},
		&operator{name: "$setIsSubset", least: 2, most: 2, evaluate: ordered(func(f *frame, a, b any) (any, error) {
			return setIsSubset(f, a, b, 17046, 17042)
		}), simplify: simplifySubset},
	)
}

// set is an array in order, without its repetitions: of equal elements it has the first.
type set []any

func newSet(f *frame, a bson.A) set {
	s := slices.Clone(a)
	slices.SortStableFunc(s, f.compare)
	return set(slices.CompactFunc(s, func(a, b any) bool { return f.compare(a, b) == 0 }))
}

func (s set) has(f *frame, v any) bool {
	_, found := slices.BinarySearchFunc(s, v, f.compare)
	return found
}

func setUnion(f *frame, operands []node) (any, error) {
	all := bson.A{}
	for _, n := range operands {
		v, err := n.evaluate(f)
		if err != nil || nullish(v) {
			return nil, err
		}
		a, ok := v.(bson.A)
		if !ok {
			return nil, mongoerror.New(17043, "All operands of $setUnion must be arrays. One argument is of type: %s", bsonvalue.TypeName(v))
		}
		all = append(all, a...)
	}
	return bson.A(newSet(f, all)), nil
}

func setIntersection(f *frame, operands []node) (any, error) {
	common := set{}
	for i, n := range operands {
		v, err := n.evaluate(f)
		if err != nil || nullish(v) {
			return nil, err
		}
		a, ok := v.(bson.A)
		if !ok {
			return nil, mongoerror.New(17047, "All operands of $setIntersection must be arrays. One argument is of type: %s", bsonvalue.TypeName(v))
		}
		next := newSet(f, a)
		if i == 0 {
			common = next
			continue
		}
		if len(common) == 0 {
			continue
		}
		// The elements of the smaller set stay: those of equal ones may differ in type.
		if len(common) > len(next) {
			common, next = next, common
		}
		common = slices.DeleteFunc(common, func(v any) bool { return !next.has(f, v) })
	}
	return bson.A(common), nil
}

// setDifference keeps the order of the first array.
func setDifference(f *frame, a, b any) (any, error) {
	if nullish(a) || nullish(b) {
		return nil, nil
	}
	left, ok := a.(bson.A)
	if !ok {
		return nil, mongoerror.New(17048, "both operands of $setDifference must be arrays. First argument is of type: %s", bsonvalue.TypeName(a))
	}
	right, ok := b.(bson.A)
	if !ok {
		return nil, mongoerror.New(17049, "both operands of $setDifference must be arrays. Second argument is of type: %s", bsonvalue.TypeName(b))
	}
	seen := newSet(f, right)
	out := bson.A{}
	for _, v := range left {
		if i, found := slices.BinarySearchFunc(seen, v, f.compare); !found {
			seen = slices.Insert(seen, i, v)
			out = append(out, v)
		}
	}
	return out, nil
}

func setEquals(f *frame, operands []node) (any, error) {
	var first set
	for i, n := range operands {
		v, err := n.evaluate(f)
		if err != nil {
			return nil, err
		}
		a, ok := v.(bson.A)
		if !ok {
			return nil, mongoerror.New(17044, "All operands of $setEquals must be arrays. One argument is of type: %s", bsonvalue.TypeName(v))
		}
		s := newSet(f, a)
		if i == 0 {
			first = s
		} else if !slices.EqualFunc(first, s, func(a, b any) bool { return f.compare(a, b) == 0 }) {
			return false, nil
		}
	}
	return true, nil
}

func setIsSubset(f *frame, a, b any, codeFirst, codeSecond int32) (any, error) {
	left, ok := a.(bson.A)
	if !ok {
		return nil, mongoerror.New(codeFirst, "both operands of $setIsSubset must be arrays. First argument is of type: %s", bsonvalue.TypeName(a))
	}
	right, ok := b.(bson.A)
	if !ok {
		return nil, mongoerror.New(codeSecond, "both operands of $setIsSubset must be arrays. Second argument is of type: %s", bsonvalue.TypeName(b))
	}
	return newSet(f, right).holds(f, left), nil
}

func (s set) holds(f *frame, a bson.A) bool {
	return !slices.ContainsFunc(a, func(v any) bool { return !s.has(f, v) })
}

// simplifySubset makes the set of a constant second operand once. The errors have other codes then.
func simplifySubset(o *optimizer, n *nary) node {
	c, ok := n.operands[1].(constant)
	if !ok {
		return n
	}
	a, ok := c.value.(bson.A)
	if !ok {
		o.fail(mongoerror.New(17311, "both operands of $setIsSubset must be arrays. Second argument is of type: %s", bsonvalue.TypeName(c.value)))
		return n
	}
	whole := newSet(&frame{compare: o.compare}, a)
	op := *n.operator
	op.evaluate = func(f *frame, operands []node) (any, error) {
		v, err := operands[0].evaluate(f)
		if err != nil {
			return nil, err
		}
		left, ok := v.(bson.A)
		if !ok {
			return nil, mongoerror.New(17310, "both operands of $setIsSubset must be arrays. First argument is of type: %s", bsonvalue.TypeName(v))
		}
		return whole.holds(f, left), nil
	}
	return &nary{&op, n.operands}
}
