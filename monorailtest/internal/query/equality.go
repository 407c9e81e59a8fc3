package query

// Constraint is what a filter demands of one field, in a form that an index can serve: a document
// can only meet the filter if some value of the field equals one of Values.
type Constraint struct {
	// Field is the dotted name.
	Field string
	// Values has one entry for an equality, several for $in. None is null, an array or a regular
	// expression: those match what an index does not tell apart.
	Values []any
	// Exact says that the field is compared as a whole with a single value.
	Exact bool
}

// Constraints returns the equalities and $in lists that every matching document meets. The
// first constraint of a field comes first; the order is that of the filter.
func (f *Filter) Constraints() []Constraint {
	var out []Constraint
	collect(f.root, &out)
	return out
}

func collect(n node, out *[]Constraint) {
	switch x := n.(type) {
	case all:
		for _, part := range x {
			collect(part, out)
		}
	case *leaf:
		switch v := x.value.(type) {
		case *comparison:
			if v.operator == "$eq" && indexable(v.operand) {
				*out = append(*out, Constraint{Field: x.name, Values: []any{v.operand}, Exact: true})
			}
		case *in:
			if len(v.patterns) > 0 || v.hasNull {
				return
			}
			for _, operand := range v.values {
				if !indexable(operand) {
					return
				}
			}
			*out = append(*out, Constraint{Field: x.name, Values: v.values})
		}
	}
}

func indexable(v any) bool {
	switch v.(type) {
	case nil:
		return false
	}
	return !isArray(v) && !isPattern(v)
}

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
