// Command monorail shows what a request is good for, and runs a MongoDB for tests.
//
//	monorail demo     counts page views in four ways, three right and one wrong
//	monorail bench    measures Monorail beside the official driver
//	monorail serve    runs a MongoDB for tests, for programs in any language
//	monorail help     says how to use it
//
// Exit status: 0 when all went well, 1 when something failed, 2 when the command line is wrong, and
// 130 after Ctrl-C. SIGTERM is as Ctrl-C. For serve, which goes on until then, it is 0.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/mongo-monorail/monorail/cmd/monorail/internal/bench"
)

// Exit statuses; 130 is what shells report for a program that Ctrl-C ended (128 + SIGINT).
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

const usage = `Monorail: requests for the official MongoDB driver.

Usage:

	monorail demo [flags]     count page views in four ways, three right and one wrong
	monorail bench [flags]    measure Monorail beside the official driver, with what it means
	monorail serve [flags]    run a MongoDB for tests, for programs in any language, until Ctrl-C or SIGTERM
	monorail help             print this text

"monorail demo -help", "monorail bench -help" and "monorail serve -help" list the flags.
`

func main() {
	bench.Main() // in a process that serves a measurement, this is all
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first Ctrl-C ends the work in order; a second one ends the program at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run runs the command line args and returns the exit status. It returns early, after it has
// cleaned up, when ctx is done.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stdout, usage)
		return exitOK
	}
	switch args[0] {
	case "demo":
		return demoCommand(ctx, ways, args[1:], stdout, stderr)
	case "bench":
		return benchCommand(ctx, args[1:], stdout, stderr)
	case "serve":
		return serveCommand(ctx, args[1:], stdout, stderr)
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, usage)
		return exitOK
	default:
		fmt.Fprintf(stderr, "monorail: unknown command %q; \"monorail help\" lists the commands\n", args[0])
		return exitUsage
	}
}
