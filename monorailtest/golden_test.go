package monorailtest

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/mongo-monorail/monorail/monorailtest/internal/golden"
)

var (
	updateGolden = flag.Bool("golden.update", false, "write the table of TestGolden to README.md")
	onlyGolden   = flag.String("golden.only", "", "have TestGolden run the scenarios whose names begin so, and show every difference")
)

// The table in README.md is between these lines.
const (
	goldenBegin = "<!-- begin golden: go test -run TestGolden -golden.update -->\n"
	goldenEnd   = "<!-- end golden -->"
)

// What a MongoDB 4.4.6 answered is what this server answers: nothing is wrong, and little is refused. README.md has the
// table. -golden.only=update/ shows how the replies of some scenarios differ.
func TestGolden(t *testing.T) {
	scenarios := readGolden(t)
	srv := newServer(t)
	table := golden.NewTable()
	for i := range scenarios {
		s := &scenarios[i]
		if !strings.HasPrefix(s.Name, *onlyGolden) {
			continue
		}
		results, err := golden.Run(srv.Addr(), s)
		if err != nil {
			t.Fatal(err)
		}
		table.Add(s.Area(), results)
		logGolden(t, s, results)
	}
	t.Logf("\n%v", table)
	if *onlyGolden != "" {
		return
	}
	for _, row := range table {
		if !row.Met() {
			t.Errorf("%s: short of the goal: see the log above", row.Area)
		}
	}
	readme, before := readGoldenTable(t)
	switch {
	case *updateGolden:
		if err := os.WriteFile("README.md", []byte(strings.Replace(readme, before, table.String(), 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	case before != table.String():
		t.Error("the table in README.md is not this one: run go test -run TestGolden -golden.update")
	}
}

// readGolden returns the scenarios.
func readGolden(t *testing.T) []golden.Scenario {
	t.Helper()
	f, err := os.Open("testdata/golden.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	scenarios, err := golden.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return scenarios
}

// readGoldenTable returns README.md and the table in it.
func readGoldenTable(t *testing.T) (readme, table string) {
	t.Helper()
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme = string(b)
	_, rest, begins := strings.Cut(readme, goldenBegin)
	table, _, ends := strings.Cut(rest, goldenEnd)
	if !begins || !ends {
		t.Fatal("README.md has no place for the table")
	}
	return readme, table
}

// logGolden shows what differs. Without -golden.only it leaves out what differs in wording only.
func logGolden(t *testing.T, s *golden.Scenario, results []golden.Result) {
	t.Helper()
	for i, r := range results {
		if r.Difference == nil || r.Verdict == golden.Agreed && *onlyGolden == "" {
			continue
		}
		what := r.Verdict.String()
		if r.Verdict == golden.Agreed {
			what = "other wording"
		}
		t.Logf("%s step %d: %s: %v\n\t%s", s.Name, i, what, r.Difference, s.Steps[i].String())
	}
}
