package main

import (
	"bytes"
	"sort"
	"strings"
)

// outcome is how a test or a package ended.
type outcome int

const (
	unfinished outcome = iota // began and never said how it ended: counted as failed
	passed
	failed
	skipped
)

// testResult is one test, subtest, example or fuzz target.
type testResult struct {
	name    string
	outcome outcome
	output  bytes.Buffer
}

// packageResult is one package of a run.
type packageResult struct {
	path    string
	outcome outcome
	// reason says why the package failed where no test tells it.
	reason string
	output bytes.Buffer
	tests  map[string]*testResult
}

// test returns the result named name, making it at its first mention.
func (p *packageResult) test(name string) *testResult {
	t := p.tests[name]
	if t == nil {
		t = &testResult{name: name}
		p.tests[name] = t
	}
	return t
}

func (p *packageResult) sortedTests() []*testResult {
	tests := make([]*testResult, 0, len(p.tests))
	for _, t := range p.tests {
		tests = append(tests, t)
	}
	sort.Slice(tests, func(i, j int) bool { return tests[i].name < tests[j].name })
	return tests
}

// counted returns the tests that count: those without subtests, and one with subtests only if it
// failed while all of them passed, or was skipped after they ran. So each check is counted once.
func (p *packageResult) counted() []*testResult {
	var counted []*testResult
	for _, t := range p.sortedTests() {
		children, sameOutcome := 0, 0
		for _, other := range p.tests {
			if !strings.HasPrefix(other.name, t.name+"/") {
				continue
			}
			children++
			if other.outcome == t.outcome || t.outcome == failed && other.outcome == unfinished {
				sameOutcome++
			}
		}
		if children == 0 || t.outcome != passed && sameOutcome == 0 {
			counted = append(counted, t)
		}
	}
	return counted
}

// results is what one run of go test found.
type results struct {
	packages []*packageResult
}

// count returns how many tests passed, failed and were skipped. A package that failed although
// none of its tests did (it does not build, its TestMain failed) counts as one failure.
func (r results) count() (passedTests, failedTests, skippedTests int) {
	for _, p := range r.packages {
		before := failedTests
		for _, t := range p.counted() {
			switch t.outcome {
			case passed:
				passedTests++
			case skipped:
				skippedTests++
			default:
				failedTests++
			}
		}
		if p.outcome != passed && p.outcome != skipped && failedTests == before {
			failedTests++
		}
	}
	return passedTests, failedTests, skippedTests
}
