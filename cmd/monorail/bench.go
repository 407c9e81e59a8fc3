package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/mongo-monorail/monorail/cmd/monorail/internal/bench"
)

// benchConfig is what the flags of bench say.
type benchConfig struct {
	uri    string // the MongoDB to measure at; empty for servers of the command's own
	rounds int    // how many alternating rounds there are
	json   bool   // one JSON object per measure instead of the table
}

// parseBenchConfig reads the flags. It writes what is wrong, or the help that was asked for, to
// stderr; the error is flag.ErrHelp in the latter case.
func parseBenchConfig(args []string, stderr io.Writer) (benchConfig, error) {
	var c benchConfig
	flags := flag.NewFlagSet("monorail bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&c.uri, "uri", "", "measure at the MongoDB at this `URI`, in a database of its own that is dropped at the end\n(default: servers of the command's own, which answer at once or are monorailtest)")
	flags.IntVar(&c.rounds, "rounds", bench.DefaultRounds, "how many alternating rounds the medians are of")
	flags.BoolVar(&c.json, "json", false, "print one JSON object per line of the table instead of it")
	if err := flags.Parse(args); err != nil {
		return benchConfig{}, err
	}
	if err := c.check(flags.Args()); err != nil {
		fmt.Fprintf(stderr, "monorail bench: %v; \"monorail bench -help\" lists the flags\n", err)
		return benchConfig{}, err
	}
	return c, nil
}

func (c benchConfig) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case c.rounds < 1 || c.rounds > bench.MaxRounds:
		return fmt.Errorf("-rounds must be 1 to %d, not %d", bench.MaxRounds, c.rounds)
	}
	return nil
}

// benchCommand is `monorail bench`.
func benchCommand(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parseBenchConfig(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		return exitUsage
	}
	report, err := bench.Run(ctx, bench.Config{URI: c.uri, Rounds: c.rounds, Progress: stderr})
	if err != nil {
		fmt.Fprintln(stderr, "monorail bench:", err)
	}
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "monorail bench: interrupted")
		return exitInterrupted
	case err != nil:
		return exitFailed
	}
	write := bench.WriteTable
	if c.json {
		write = bench.WriteJSON
	}
	if err := write(stdout, report); err != nil {
		fmt.Fprintln(stderr, "monorail bench:", err)
		return exitFailed
	}
	return exitOK
}
