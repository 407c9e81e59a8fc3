package golden

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	table := NewTable()
	table.Add("insert", []Result{{}, {Difference: &Difference{}}, {Verdict: Refused}})
	table.Add("session", []Result{{Verdict: Wrong}})
	table.Add("command", make([]Result, 99))
	text := table.String()
	for _, row := range []string{
		"| insert | 3 | 2 (66.7 %) | 1 | 0 | 1 | ≥ 98 %, none wrong |",
		"| other commands | 100 | 99 (99.0 %) | 0 | 1 | 0 | ≥ 90 %, none wrong |",
	} {
		if !strings.Contains(text, row+"\n") {
			t.Errorf("%s is not in\n%s", row, text)
		}
	}
}

func TestMet(t *testing.T) {
	for _, test := range []struct {
		row  Row
		want bool
	}{
		{Row{Agreed: 98, Refused: 2, Goal: 98}, true},
		{Row{Agreed: 97, Refused: 3, Goal: 98}, false},
		{Row{Agreed: 199, Wrong: 1, Goal: 98}, false},
	} {
		if test.row.Met() != test.want {
			t.Errorf("%+v: %v", test.row, !test.want)
		}
	}
}
