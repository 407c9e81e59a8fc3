// Command testsummary runs the checks (gofmt, go vet, staticcheck) and the tests of every module of
// this repository, and ends with a summary that says, module by module and server by server, what
// ran and what did not. Every skipped test is named with its reason, and the last line counts what
// could not run, so that no skip looks green.
//
// It is what `make test` and `make lint` start; run it from the top of the repository. The exit
// status is 0 when everything that could run passed, 1 when anything failed, a package that does
// not build included, and 2 when the command line is wrong.
//
// With MONORAIL_TEST_URI in the environment the integration module runs twice: on monorailtest,
// and on that MongoDB.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// uriVariable names the environment variable that holds the URI of a MongoDB to test against.
const uriVariable = "MONORAIL_TEST_URI"

func main() {
	os.Exit(run())
}

func run() int {
	checksOnly := flag.Bool("checks", false, "run gofmt, go vet and staticcheck alone, no tests")
	staticcheck := flag.String("staticcheck", "bin/staticcheck", "path of the staticcheck program")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "testsummary: unexpected argument %q\n", flag.Arg(0))
		return 2
	}
	// The tests that are running get the same signal from the terminal; the context makes sure that
	// nothing further starts.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	modules, err := findModules(ctx, ".")
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsummary:", err)
		return 1
	}
	var s summary
	s.checks = runChecks(ctx, modules, *staticcheck, os.Stdout)
	if !*checksOnly {
		s.testRun = true
		for _, p := range plan(ctx, modules, os.Getenv(uriVariable)) {
			s.runs = append(s.runs, runTests(ctx, p, os.Stdout))
		}
	}
	if err := s.print(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "testsummary:", err)
		return 1
	}
	if ctx.Err() != nil || s.failed() {
		return 1
	}
	return 0
}
