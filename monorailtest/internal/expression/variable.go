package expression

import (
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// constantSlot is the slot of a variable whose value is known when the expression is parsed.
const constantSlot = -1

// variable is a name that means something in a part of an expression.
type variable struct {
	// outer is the next variable outwards; nil for none.
	outer *variable
	name  string
	// slot is the place of the value in a frame, or constantSlot.
	slot int
	// value is the value of a constant.
	value any
}

// find returns the innermost variable of a name; nil for none.
func (v *variable) find(name string) *variable {
	for ; v != nil; v = v.outer {
		if v.name == name {
			return v
		}
	}
	return nil
}

// CheckVariable checks the name of a variable that a command defines. Errors are 16866 to 16868.
func CheckVariable(name string) error {
	switch {
	case name == "":
		return mongoerror.New(16866, "empty variable names are not allowed")
	case name == "CURRENT":
		return nil
	case !isLower(name[0]):
		return mongoerror.New(16867, "'%s' starts with an invalid character for a user variable name", name)
	}
	if c, ok := badInName(name); ok {
		return mongoerror.New(16868, "'%s' contains an invalid character for a variable name: '%c'", name, c)
	}
	return nil
}

// codeNotWritable is the error of a variable that the server sets.
const codeNotWritable = 17275

// CheckConstant checks the name of a variable whose value a command gives beside its pipeline. Errors are 16869 to 16871,
// and 17275 for one of the server's.
func CheckConstant(name string) error {
	if err := checkReference(name); err != nil {
		return err
	}
	switch name {
	case "ROOT", "REMOVE", "NOW", "CLUSTER_TIME", "JS_SCOPE", "IS_MR":
		return mongoerror.New(codeNotWritable, "Can't redefine a non-user-writable variable")
	}
	return nil
}

// checkReference checks the name of a variable that an expression refers to.
func checkReference(name string) error {
	switch {
	case name == "":
		return mongoerror.New(16869, "empty variable names are not allowed")
	case !isLower(name[0]) && !(name[0] >= 'A' && name[0] <= 'Z'):
		return mongoerror.New(16870, "'%s' starts with an invalid character for a variable name", name)
	}
	if c, ok := badInName(name); ok {
		return mongoerror.New(16871, "'%s' contains an invalid character for a variable name: '%c'", name, c)
	}
	return nil
}

// isLower tells whether a name of a user's variable may begin with c: any byte beyond ASCII does.
func isLower(c byte) bool { return c >= 'a' && c <= 'z' || c >= 0x80 }

func badInName(name string) (c byte, found bool) {
	for i := 1; i < len(name); i++ {
		c := name[i]
		if !isLower(c) && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_' {
			return c, true
		}
	}
	return 0, false
}

// reference returns the node of $$name: nil where it stands for the whole document.
func (p *parser) reference(name string, names *variable) (node, error) {
	if v := names.find(name); v != nil {
		if v.slot == constantSlot {
			return constant{v.value}, nil
		}
		return slot(v.slot), nil
	}
	switch name {
	case "ROOT", "CURRENT":
		return nil, nil
	case "REMOVE":
		return constant{bsonvalue.Missing}, nil
	case "JS_SCOPE", "IS_MR":
		return nil, mongoerror.New(51144, "Builtin variable '$$%s' is not available", name)
	}
	return nil, mongoerror.New(17276, "Use of undefined variable: %s", name)
}

// slot is a variable's value.
type slot int

func (s slot) evaluate(f *frame) (any, error) { return f.slots[s], nil }
func (s slot) optimize(*optimizer) node       { return s }
