package query

// Equality is a field that a matching document equals: what an upsert starts its document with.
type Equality struct {
	Field string
	Value any
}

// Equalities returns the equalities that hold whenever the filter does: those at the top level,
// in $and, in an $or or $in of one branch, and in an $all of one element, in the filter's order.
func (f *Filter) Equalities() []Equality {
	var out []Equality
	equalities(f.root, &out)
	return out
}

func equalities(n node, out *[]Equality) {
	switch x := n.(type) {
	case all:
		for _, part := range x {
			equalities(part, out)
		}
	case some:
		if len(x) == 1 {
			equalities(x[0], out)
		}
	case *leaf:
		switch v := x.value.(type) {
		case *comparison:
			if v.operator == "$eq" {
				*out = append(*out, Equality{x.name, v.operand})
			}
		case *in:
			if len(v.values) == 1 && len(v.patterns) == 0 {
				*out = append(*out, Equality{x.name, v.values[0]})
			}
		}
	}
}
