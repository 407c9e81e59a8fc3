package bench

import "fmt"

// goal is what a measure shall be. The zero goal is none.
type goal struct {
	relation string // "≥" or "≤"
	bound    float64
	unit     string // behind the bound
}

func atLeast(bound float64) goal { return goal{relation: "≥", bound: bound} }
func atMost(bound float64) goal  { return goal{relation: "≤", bound: bound} }

func (g goal) exists() bool { return g.relation != "" }

// met says whether value is what the goal says. Without one it is.
func (g goal) met(value float64) bool {
	switch g.relation {
	case "≥":
		return value >= g.bound
	case "≤":
		return value <= g.bound
	default:
		return true
	}
}

// String returns the goal, or nothing.
func (g goal) String() string {
	if !g.exists() {
		return ""
	}
	return fmt.Sprintf("%s %.4g%s", g.relation, g.bound, g.unit)
}

// verdict is what the table says behind the goal.
func (g goal) verdict(value float64) string {
	switch {
	case !g.exists():
		return ""
	case g.met(value):
		return "met"
	default:
		return "missed"
	}
}
