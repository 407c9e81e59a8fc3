package golden

import (
	"fmt"
	"strings"
)

// Row is the count of an area's steps.
type Row struct {
	Area                   string
	Agreed, Refused, Wrong int
	// Wording counts those of Agreed whose error has another text.
	Wording int
	// Goal is how many of a hundred steps have to agree.
	Goal int
}

// Table has a row for each area.
type Table []Row

// areas are the rows of the table, with the areas of scenarios that are in them and their goals.
var areas = []struct {
	name string
	of   []string
	goal int
}{
	{"insert", []string{"insert"}, 98},
	{"update", []string{"update"}, 98},
	{"delete", []string{"delete"}, 98},
	{"find", []string{"find"}, 98},
	{"findAndModify", []string{"findAndModify"}, 98},
	{"aggregate", []string{"aggregate"}, 90},
	{"indexes and collections", []string{"index", "collection"}, 98},
	{"other commands", []string{"command", "session", "failpoint"}, 90},
}

// NewTable returns the table with nothing counted.
func NewTable() Table {
	t := make(Table, len(areas))
	for i, a := range areas {
		t[i] = Row{Area: a.name, Goal: a.goal}
	}
	return t
}

// Add counts the results of a scenario of the area. Every step counts as what it is, also one that a step before it has
// spoilt. It panics for an area that is not known.
func (t Table) Add(area string, results []Result) {
	for i, a := range areas {
		for _, name := range a.of {
			if name == area {
				t[i].add(results)
				return
			}
		}
	}
	panic(fmt.Sprintf("golden: no row for the area %q", area))
}

func (r *Row) add(results []Result) {
	for _, result := range results {
		switch result.Verdict {
		case Agreed:
			r.Agreed++
			if result.Difference != nil {
				r.Wording++
			}
		case Refused:
			r.Refused++
		case Wrong:
			r.Wrong++
		}
	}
}

// steps is how many there are.
func (r *Row) steps() int { return r.Agreed + r.Refused + r.Wrong }

// Met reports whether the row reaches its goals: nothing wrong, and enough of the steps agreed.
func (r *Row) Met() bool { return r.Wrong == 0 && r.Agreed*100 >= r.Goal*r.steps() }

// String returns the table in Markdown.
func (t Table) String() string {
	var b strings.Builder
	b.WriteString("| area | steps | agreed | refused | wrong | other wording | goal |\n|---|---|---|---|---|---|---|\n")
	for _, r := range t {
		percent := float64(r.Agreed) * 100 / float64(max(r.steps(), 1))
		fmt.Fprintf(&b, "| %s | %d | %d (%.1f %%) | %d | %d | %d | ≥ %d %%, none wrong |\n",
			r.Area, r.steps(), r.Agreed, percent, r.Refused, r.Wrong, r.Wording, r.Goal)
	}
	return b.String()
}
