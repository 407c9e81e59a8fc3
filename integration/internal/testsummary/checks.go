package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
)

// check is one static check of one module, or of the whole repository.
type check struct {
	name   string
	passed bool
}

// runChecks runs gofmt over the repository and go vet and staticcheck over each module. What a
// check finds goes to w at once.
func runChecks(ctx context.Context, modules []module, staticcheck string, w io.Writer) []check {
	// The commands run in the directories of the modules, so a relative path would not be found.
	program, err := filepath.Abs(staticcheck)
	if err != nil {
		program = staticcheck
	}
	checks := []check{runCheck(ctx, w, "gofmt", ".", true, "gofmt", "-l", ".")}
	for _, m := range modules {
		checks = append(checks,
			runCheck(ctx, w, "vet "+m.dir, m.dir, false, "go", "vet", "./..."),
			runCheck(ctx, w, "staticcheck "+m.dir, m.dir, true, program, "./..."))
	}
	return checks
}

// runCheck runs one command in dir. It passes when the command exits with 0 and, with silent,
// printed nothing: gofmt -l reports by printing alone.
func runCheck(ctx context.Context, w io.Writer, name, dir string, silent bool, program string, args ...string) check {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	passed := err == nil && (!silent || len(bytes.TrimSpace(out)) == 0)
	if passed {
		fmt.Fprintf(w, "ok    %s\n", name)
	} else {
		fmt.Fprintf(w, "FAIL  %s\n%s", name, out)
		if err != nil {
			fmt.Fprintf(w, "      %v\n", err)
		}
	}
	return check{name: name, passed: passed}
}
