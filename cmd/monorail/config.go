package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"
)

// config is what the flags of the demo say.
type config struct {
	uri      string        // the MongoDB to use; empty for a server in the process
	visits   string        // the file with the visits; empty for the one in the program
	visitors int           // how many visitors there are at once
	count    int           // how many visits each way counts
	rtt      time.Duration // the network put in between; 0 for none
	json     bool          // one JSON object per way instead of the table
}

// Limits of the flags. A visitor costs a goroutine and a connection, and every visit keeps its
// duration (8 bytes) until the percentiles are taken; a longer round trip than ten seconds is
// longer than the driver waits for a connection.
const (
	maxVisitors = 10_000
	maxCount    = 100_000_000
	maxRTT      = 10 * time.Second
)

// parseConfig reads the flags. It writes what is wrong, or the help that was asked for, to stderr;
// the error is flag.ErrHelp in the latter case.
func parseConfig(args []string, stderr io.Writer) (config, error) {
	var c config
	flags := flag.NewFlagSet("monorail demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&c.uri, "uri", "", "run on the MongoDB at this `URI`, in a database of its own that is dropped at the end\n(default: a busy server in this process)")
	flags.StringVar(&c.visits, "visits", "", "read the visits from this CSV `file`, one region,browser,os a line (default: visits that come with the program)")
	flags.IntVar(&c.visitors, "visitors", 8, "how many visitors there are at once")
	flags.IntVar(&c.count, "count", 6000, "how many visits each way counts")
	flags.DurationVar(&c.rtt, "rtt", 0, "put a network with this round-trip `time` between the program and the server, such as 1ms")
	flags.BoolVar(&c.json, "json", false, "print one JSON object per way instead of the table")
	if err := flags.Parse(args); err != nil {
		return config{}, err
	}
	if err := c.check(flags.Args()); err != nil {
		fmt.Fprintf(stderr, "monorail demo: %v; \"monorail demo -help\" lists the flags\n", err)
		return config{}, err
	}
	return c, nil
}

func (c config) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case c.visitors < 1 || c.visitors > maxVisitors:
		return fmt.Errorf("-visitors must be 1 to %d, not %d", maxVisitors, c.visitors)
	case c.count < 1 || c.count > maxCount:
		return fmt.Errorf("-count must be 1 to %d, not %d", maxCount, c.count)
	case c.rtt < 0 || c.rtt > maxRTT:
		return errors.New("-rtt must be 0 to 10s, not " + c.rtt.String())
	}
	return nil
}
