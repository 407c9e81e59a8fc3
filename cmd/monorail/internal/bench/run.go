// Package bench measures Monorail beside the official driver: what a request is to save, side by side
// in one run, in turns, as ratios with their goals.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// DefaultRounds is odd, so that one of the rounds is the median. So many tell differences of two
	// percent, and take some 40 s.
	DefaultRounds = 41
	// MaxRounds is some four minutes at a server nearby.
	MaxRounds = 201
	// MaxDuration bounds a run. A round at a server nearby takes some 1 s.
	MaxDuration = 15 * time.Minute
	// grace is how long what is under way may go on after an interruption, so that nothing
	// unacknowledged arrives behind the end, before it is cut off.
	grace = 3 * time.Second
)

// Config is how to measure.
type Config struct {
	// URI is the deployment to measure at. Empty measures at servers of the run's own, in processes of
	// their own: a sink, which answers from canned bytes, for what measures the client alone, and
	// monorailtest for the rest, with a network of 1 ms where that is what counts.
	URI string
	// Rounds is 1 to MaxRounds.
	Rounds int
	// Progress is told what begins.
	Progress io.Writer
}

// Report is what a run measured.
type Report struct {
	Date   time.Time
	Rounds int
	// Server is where, in words.
	Server string
	Rows   []Row
	// Note is to be said of the whole; empty where there is nothing.
	Note string
	// Parts are all contestants.
	Parts []Part
}

// Run measures. When ctx is done it returns early, with everything of its own removed; the report is
// then nil, and the error tells of what could not be removed.
func Run(ctx context.Context, c Config) (report *Report, err error) {
	bounded, cancel := context.WithTimeoutCause(ctx, MaxDuration, fmt.Errorf("not finished after %v", MaxDuration))
	defer cancel()
	hard, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	// After an interruption the run ends by itself after the contestant that is at work, or else is cut off.
	// A timer that is still armed when the run has ended finds nothing to cut.
	stop := context.AfterFunc(bounded, func() { time.AfterFunc(grace, cut) })
	defer stop()
	s, err := openSites(hard, c.URI)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	report, err = measure(bounded, s, c)
	if ctx.Err() != nil {
		return nil, nil
	}
	return report, err
}

// measure runs the programme.
func measure(ctx context.Context, s sites, c Config) (*Report, error) {
	p, err := plan(s)
	if err != nil {
		return nil, err
	}
	if err := p.run(ctx, c.Rounds, c.Progress); err != nil {
		return nil, err
	}
	report := &Report{Date: time.Now(), Rounds: c.Rounds, Server: s.describe(), Note: s.note(), Rows: p.rows()}
	for _, c := range p.contests {
		for i := range c.contestants {
			report.Parts = append(report.Parts, c.part(i, medians(c.rounds[i])))
		}
	}
	return report, nil
}
