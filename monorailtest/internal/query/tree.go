package query

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// Tree writes the filter as MongoDB's messages do: a condition on each line, its parts further in.
func (f *Filter) Tree() string {
	var b strings.Builder
	writeTree(&b, f.root, 0)
	return b.String()
}

// writeTree writes a condition. Conditions that are met together come in MongoDB's order: by their kind, then by their
// field.
func writeTree(b *strings.Builder, n node, level int) {
	indent := strings.Repeat("    ", level)
	group := func(name string, parts []node) {
		b.WriteString(indent + name + "\n")
		for _, part := range parts {
			writeTree(b, part, level+1)
		}
	}
	switch x := n.(type) {
	case all:
		if len(x) == 1 {
			writeTree(b, x[0], level)
			return
		}
		parts := slices.Clone(x)
		slices.SortStableFunc(parts, func(a, b node) int {
			return cmp.Or(cmp.Compare(kindOf(a), kindOf(b)), strings.Compare(fieldOf(a), fieldOf(b)))
		})
		group("$and", parts)
	case some:
		group("$or", x)
	case not:
		group("$not", []node{x.node})
	case *leaf:
		b.WriteString(indent + x.name + leafText(x.value) + "\n")
		if inner, ok := x.value.(elementDocument); ok {
			writeTree(b, inner.filter, level+1)
		}
	default:
		b.WriteString(indent + "$expr\n")
	}
}

// kindOf returns the place of a condition's kind among those of MongoDB.
func kindOf(n node) int {
	l, ok := n.(*leaf)
	if !ok {
		return 0
	}
	switch v := l.value.(type) {
	case element, elementDocument:
		return 1
	case size:
		return 2
	case *comparison:
		return 3 + slices.Index([]string{"$eq", "$lte", "$lt", "$gt", "$gte"}, v.operator)
	case *pattern:
		return 8
	case modulo:
		return 9
	case exists:
		return 10
	case *in:
		return 11
	}
	return 12
}

func fieldOf(n node) string {
	if l, ok := n.(*leaf); ok {
		return l.name
	}
	return ""
}

// leafText is what stands behind the name of a field.
func leafText(n valueNode) string {
	switch v := n.(type) {
	case *comparison:
		return " " + v.operator + " " + bsonvalue.Format(v.operand)
	case *in:
		text := " $in [ "
		for _, value := range v.values {
			text += bsonvalue.Format(value) + " "
		}
		for _, p := range v.patterns {
			text += bsonvalue.Format(p.regex) + " "
		}
		return text + "]"
	case *pattern:
		return " regex /" + v.regex.Pattern + "/" + v.regex.Options
	case exists:
		return " exists"
	case size:
		return " $size : " + strconv.Itoa(int(v))
	case modulo:
		return " mod " + strconv.FormatInt(v.divisor, 10) + " % x == " + strconv.FormatInt(v.remainder, 10)
	case element:
		return " $elemMatch (value)"
	case elementDocument:
		return " $elemMatch (obj)"
	}
	return " of another kind"
}
