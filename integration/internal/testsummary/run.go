package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// testRun is what became of one plan.
type testRun struct {
	plan    testPlan
	results results
	// trouble is what went wrong beside the tests themselves, such as a go.mod that does not
	// resolve; empty when nothing did.
	trouble string
	elapsed time.Duration
}

// runTests runs the tests of one plan, and shows on w each package as it ends.
func runTests(ctx context.Context, p testPlan, w io.Writer) testRun {
	run := testRun{plan: p}
	if p.notRun != "" {
		return run
	}
	fmt.Fprintf(w, "\n%s on %s\n", p.module.dir, p.server)
	started := time.Now()
	cmd := exec.CommandContext(ctx, "go", p.arguments()...)
	cmd.Dir = p.module.dir
	cmd.Env = testEnvironment(os.Environ(), p.uri)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		run.trouble = err.Error()
		return run
	}
	reader := newStreamReader(w)
	readErr := reader.read(stdout)
	if readErr != nil {
		// Drain the pipe, or the command could block on it for ever.
		_, _ = io.Copy(io.Discard, stdout)
	}
	err = cmd.Wait()
	run.elapsed = time.Since(started)
	run.results = reader.results()
	run.trouble = troubleOf(run.results, readErr, err, stderr.String())
	if run.trouble != "" {
		fmt.Fprintf(w, "FAIL  %s\n", run.trouble)
	}
	return run
}

// testEnvironment returns environ with MONORAIL_TEST_URI set to uri, or without it if uri is empty.
func testEnvironment(environ []string, uri string) []string {
	var kept []string
	for _, e := range environ {
		if !strings.HasPrefix(e, uriVariable+"=") {
			kept = append(kept, e)
		}
	}
	if uri != "" {
		kept = append(kept, uriVariable+"="+uri)
	}
	return kept
}

// troubleOf says what is wrong with a run that its tests do not show. A go test that exits with an
// error although no test failed must not pass, and neither must one that reported nothing.
func troubleOf(r results, readErr, exitErr error, stderr string) string {
	_, failed, _ := r.count()
	stderr = strings.TrimSpace(stderr)
	switch {
	case readErr != nil:
		return "reading the output of go test: " + readErr.Error()
	case exitErr != nil && failed == 0:
		return strings.TrimSpace("go test: " + exitErr.Error() + "\n" + stderr)
	case len(r.packages) == 0:
		return strings.TrimSpace("go test reported no package\n" + stderr)
	default:
		return ""
	}
}
