package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
)

// demoCommand is `monorail demo` with the given ways.
func demoCommand(ctx context.Context, ways []way, args []string, stdout, stderr io.Writer) int {
	c, err := parseConfig(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		return exitUsage
	}
	results, err := runDemo(ctx, ways, c, stderr)
	if ctx.Err() != nil {
		fmt.Fprintln(stderr, "monorail demo: interrupted; its database is dropped")
		return exitInterrupted
	}
	if err != nil {
		fmt.Fprintln(stderr, "monorail demo:", err)
		return exitFailed
	}
	if err := report(stdout, c, results); err != nil {
		fmt.Fprintln(stderr, "monorail demo:", err)
		return exitFailed
	}
	for _, r := range results {
		if r.broken() {
			return exitFailed
		}
	}
	return exitOK
}

// runDemo runs the ways one after the other on one server and shows the progress on w.
func runDemo(ctx context.Context, ways []way, c config, w io.Writer) (results []result, err error) {
	visits, err := loadVisits(c.visits)
	if err != nil {
		return nil, err
	}
	d, err := openDeployment(ctx, c.uri)
	if err != nil {
		return nil, err
	}
	defer func() {
		if dropErr := d.close(ctx); dropErr != nil {
			err = errors.Join(err, fmt.Errorf("database %s is not dropped: %w", d.database, dropErr))
		}
	}()
	for _, way := range ways {
		r, err := runWay(ctx, c, d, way, visits, w)
		if err != nil {
			return nil, fmt.Errorf("(%s) %s: %w", way.letter, way.name, err)
		}
		results = append(results, r)
	}
	return results, nil
}

// runWay runs one way on counters of its own.
func runWay(ctx context.Context, c config, d *deployment, w way, visits []visit, progressTo io.Writer) (r result, err error) {
	counts := countersOf(d.admin, d.database, w.letter)
	if err := createIndex(ctx, counts); err != nil {
		return result{}, err
	}
	dialer := newDialer(c.rtt)
	defer dialer.close()
	store, err := w.open(ctx, dialer, d.uri, d.database)
	if err != nil {
		return result{}, err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTimeout)
		defer cancel()
		err = errors.Join(err, store.close(closing))
	}()
	m := measurement{store: store, visits: visits, visitors: c.visitors, count: c.count, traffic: &dialer.traffic, tally: new(tally)}
	p := startProgress(progressTo, w, m.tally, c.count)
	r, err = m.run(ctx)
	p.stop()
	r.way = w
	settling, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	if err != nil {
		// A write that is still on its way would bring the dropped database back.
		_, settleErr := settle(settling, counts, math.MaxInt64, settleInterrupted)
		return result{}, errors.Join(err, settleErr)
	}
	sum, err := settle(settling, counts, int64(r.visits), settleQuiet)
	if err != nil {
		return result{}, err
	}
	r.lost = int64(r.visits) - sum
	return r, nil
}
