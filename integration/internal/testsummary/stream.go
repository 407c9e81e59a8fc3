package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// event is one line of `go test -json`, as `go doc test2json` describes it. The go command adds
// build-output and build-fail with an ImportPath, and FailedBuild on the failing package.
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Output      string
	Elapsed     float64 // seconds
	FailedBuild string
}

// streamReader collects the results of one `go test -json` stream.
type streamReader struct {
	// w gets a line for each package that ends, and the output of what failed.
	w        io.Writer
	packages map[string]*packageResult
	order    []string // the keys of packages, in order of appearance
	builds   map[string]*bytes.Buffer
}

func newStreamReader(w io.Writer) *streamReader {
	return &streamReader{w: w, packages: map[string]*packageResult{}, builds: map[string]*bytes.Buffer{}}
}

// read consumes the stream to its end. A line that is not an event is shown as it is.
func (s *streamReader) read(r io.Reader) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil && e.Action != "" {
				s.handle(e)
			} else {
				fmt.Fprintf(s.w, "%s\n", bytes.TrimRight(line, "\n"))
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *streamReader) handle(e event) {
	switch e.Action {
	case "build-output":
		b := s.builds[e.ImportPath]
		if b == nil {
			b = new(bytes.Buffer)
			s.builds[e.ImportPath] = b
		}
		b.WriteString(e.Output)
		return
	case "build-fail":
		return // the package's own fail event names the build
	}
	if e.Package == "" {
		return
	}
	p := s.packages[e.Package]
	if p == nil {
		p = &packageResult{path: e.Package, tests: map[string]*testResult{}}
		s.packages[e.Package] = p
		s.order = append(s.order, e.Package)
	}
	if e.Test == "" {
		s.handlePackage(p, e)
		return
	}
	t := p.test(e.Test)
	switch e.Action {
	case "output":
		t.output.WriteString(e.Output)
	case "pass":
		t.outcome = passed
	case "skip":
		t.outcome = skipped
	case "fail":
		t.outcome = failed
		fmt.Fprintf(s.w, "%s", t.output.String())
	}
}

func (s *streamReader) handlePackage(p *packageResult, e event) {
	switch e.Action {
	case "output":
		p.output.WriteString(e.Output)
	case "pass":
		p.outcome = passed
		fmt.Fprintf(s.w, "ok    %s  %.1fs\n", p.path, e.Elapsed)
	case "skip":
		p.outcome = skipped
		fmt.Fprintf(s.w, "none  %s  no tests\n", p.path)
	case "fail":
		p.outcome = failed
		if b := s.builds[e.FailedBuild]; b != nil {
			p.reason = "does not build"
			fmt.Fprintf(s.w, "%s", b.String())
		}
		// A test that was cut off, by a panic or by the time limit, has said nothing yet.
		for _, t := range p.sortedTests() {
			if t.outcome == unfinished {
				fmt.Fprintf(s.w, "%s", t.output.String())
			}
		}
		fmt.Fprintf(s.w, "%s", p.output.String())
		fmt.Fprintf(s.w, "FAIL  %s  %.1fs\n", p.path, e.Elapsed)
	}
}

// results returns what was read so far.
func (s *streamReader) results() results {
	var r results
	for _, path := range s.order {
		r.packages = append(r.packages, s.packages[path])
	}
	return r
}

// skipReason extracts from the output of a skipped test what it said when it skipped.
func skipReason(output string) string {
	var reasons []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		// "file_test.go:12: reason"
		if _, rest, ok := strings.Cut(line, ".go:"); ok {
			if _, text, ok := strings.Cut(rest, ": "); ok {
				line = text
			}
		}
		reasons = append(reasons, line)
	}
	if len(reasons) == 0 {
		return "gives no reason"
	}
	return strings.Join(reasons, " ")
}
