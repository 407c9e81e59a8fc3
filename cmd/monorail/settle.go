package main

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

const (
	// settlePause is the time between two looks at counters that are still to grow.
	settlePause = 20 * time.Millisecond
	// settleQuiet is how long the counters must have stood still to be taken for final. A visitor
	// leaves one write behind at most, so this is what a server may take for a single message.
	settleQuiet = 2 * time.Second
	// settleInterrupted is the same after an error or Ctrl-C, where somebody waits and the sum no
	// longer matters: only a write that arrives after the database was dropped would.
	settleInterrupted = 300 * time.Millisecond
	// settleTimeout bounds the whole; a server that has fallen so far behind is a finding by itself.
	settleTimeout = 30 * time.Second
)

// settle returns the sum of the counters when it has reached want, or else when it has not grown for
// quiet: unacknowledged writes may still wait in sockets after the last visit, where nothing was
// read behind them.
func settle(ctx context.Context, counts *mongo.Collection, want int64, quiet time.Duration) (int64, error) {
	last, grown := int64(-1), time.Now()
	for {
		sum, err := pageViews(ctx, counts, "")
		if err != nil {
			return 0, err
		}
		if sum > last {
			last, grown = sum, time.Now()
		}
		if sum >= want || time.Since(grown) >= quiet {
			return sum, nil
		}
		select {
		case <-time.After(settlePause):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
