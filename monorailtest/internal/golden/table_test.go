package golden

import (
	"slices"
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

func TestWorse(t *testing.T) {
	before := NewTable()
	before.Add("insert", make([]Result, 3))
	text := before.String()
	for _, test := range []struct {
		results []Result
		want    []string
	}{
		{make([]Result, 3), nil},
		{make([]Result, 4), nil},
		{make([]Result, 2), []string{"insert"}},
		{[]Result{{}, {}, {}, {Verdict: Wrong}}, []string{"insert"}},
	} {
		table := NewTable()
		table.Add("insert", test.results)
		got, err := table.Worse(text)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%+v: %v, %v", test.results, got, err)
		}
	}
	if _, err := before.Worse(strings.Replace(text, "delete", "remove", 1)); err == nil {
		t.Error("a table of other areas is taken")
	}
}
