package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// summary is everything that one invocation did.
type summary struct {
	checks []check
	runs   []testRun
	// testRun is false when only the checks were asked for.
	testRun bool
}

// failed says whether anything failed.
func (s *summary) failed() bool {
	for _, c := range s.checks {
		if !c.passed {
			return true
		}
	}
	for _, r := range s.runs {
		if _, failed, _ := r.results.count(); failed > 0 || r.trouble != "" {
			return true
		}
	}
	return false
}

// print writes the summary. Its last line has the totals.
func (s *summary) print(w io.Writer) error {
	var b bytes.Buffer
	if s.testRun {
		s.printRuns(&b)
		s.printNames(&b, "skipped", skipped)
		s.printNames(&b, "failed", failed)
	}
	s.printChecks(&b)
	if s.testRun {
		s.printTotal(&b)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (s *summary) printRuns(b *bytes.Buffer) {
	fmt.Fprintln(b, "\nsummary")
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  module\tserver\tpassed\tfailed\tskipped\ttime")
	for _, r := range s.runs {
		if r.plan.notRun != "" {
			fmt.Fprintf(table, "  %s\t%s\t-\t-\t-\tnot run: %s\n", r.plan.module.dir, r.plan.server, r.plan.notRun)
			continue
		}
		passed, failed, skipped := r.results.count()
		fmt.Fprintf(table, "  %s\t%s\t%d\t%d\t%d\t%s\n", r.plan.module.dir, r.plan.server, passed, failed, skipped,
			r.elapsed.Round(time.Second/10))
		if r.trouble != "" {
			first, _, _ := strings.Cut(r.trouble, "\n")
			fmt.Fprintf(table, "  \t\t\t\t\t%s\n", first)
		}
	}
	// A tabwriter over a bytes.Buffer cannot fail.
	_ = table.Flush()
}

// printNames lists every test that ended in one way, with the reason where there is one, and for
// failed also the packages that no test speaks for.
func (s *summary) printNames(b *bytes.Buffer, title string, which outcome) {
	var lines []string
	for _, r := range s.runs {
		for _, p := range r.results.packages {
			named := 0
			for _, t := range p.counted() {
				switch {
				case which == skipped && t.outcome == skipped:
					lines = append(lines, fmt.Sprintf("%s %s on %s: %s", p.path, t.name, r.plan.server, skipReason(t.output.String())))
				case which == failed && t.outcome == failed:
					lines = append(lines, fmt.Sprintf("%s %s on %s", p.path, t.name, r.plan.server))
					named++
				case which == failed && t.outcome == unfinished:
					lines = append(lines, fmt.Sprintf("%s %s on %s: did not finish", p.path, t.name, r.plan.server))
					named++
				}
			}
			if which == failed && named == 0 && (p.outcome == failed || p.outcome == unfinished) {
				lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s on %s %s", p.path, r.plan.server, p.reason)))
			}
		}
	}
	if len(lines) > 0 {
		fmt.Fprintf(b, "%s:\n  %s\n", title, strings.Join(lines, "\n  "))
	}
}

func (s *summary) printChecks(b *bytes.Buffer) {
	var bad []string
	for _, c := range s.checks {
		if !c.passed {
			bad = append(bad, c.name)
		}
	}
	if len(bad) == 0 {
		fmt.Fprintf(b, "checks: %d of %d passed (gofmt, go vet, staticcheck)\n", len(s.checks), len(s.checks))
		return
	}
	fmt.Fprintf(b, "checks: %d of %d passed; failed: %s\n", len(s.checks)-len(bad), len(s.checks), strings.Join(bad, ", "))
}

func (s *summary) printTotal(b *bytes.Buffer) {
	var passed, failed, skipped int
	var notRun []string
	for _, r := range s.runs {
		p, f, k := r.results.count()
		if r.trouble != "" && f == 0 {
			f = 1
		}
		passed, failed, skipped = passed+p, failed+f, skipped+k
		if r.plan.notRun != "" {
			notRun = append(notRun, fmt.Sprintf("%s on %s: %s", r.plan.module.dir, r.plan.server, r.plan.notRun))
		}
	}
	fmt.Fprintf(b, "%d passed, %d failed, %d skipped; servers not run: %d", passed, failed, skipped, len(notRun))
	if len(notRun) > 0 {
		fmt.Fprintf(b, " (%s)", strings.Join(notRun, "; "))
	}
	fmt.Fprintln(b)
}
