package bench

import (
	"context"
	"runtime"
	"time"
)

const (
	// roundTime is how long a contestant runs in each round.
	roundTime = 50 * time.Millisecond
	// mostTurns is how many turns a contestant has in each round. A turn of 5 ms is long against a
	// slice of the scheduler and short against what a virtual machine's clock, caches and neighbours
	// do, so that all contestants meet the same.
	mostTurns = 10
)

// contestant is one way to do something whose cost is of interest. It is used by one goroutine.
type contestant struct {
	name string
	run  func(operations int) error // does it so many times
	// settle waits, outside the measured time, until nothing of it is under way; nil where nothing is.
	settle func() error
	// most is how many operations one turn may have; 0 is no limit.
	most int
	// operations is how many one turn has, which calibrate sets.
	operations int
}

// each makes the run of a contestant that does one operation after the other.
func each(operation func() error) func(operations int) error {
	return func(operations int) error {
		for range operations {
			if err := operation(); err != nil {
				return err
			}
		}
		return nil
	}
}

// contest is what is measured together, in turns.
type contest struct {
	title       string
	contestants []*contestant
	turns       int         // of each contestant in a round, which calibrate sets
	rounds      [][]Figures // by contestant, then by round
}

// play runs every contestant for about roundTime, in turns. Every other time they go backwards, so
// that what one leaves behind is not always the same neighbour's burden. It ends early when ctx is done.
func (c *contest) play(ctx context.Context, round int) error {
	if c.rounds == nil {
		c.rounds = make([][]Figures, len(c.contestants))
	}
	sums := make([]Figures, len(c.contestants))
	runtime.GC()
	for turn := range c.turns {
		for i := range c.contestants {
			if (round+turn)%2 == 1 {
				i = len(c.contestants) - 1 - i
			}
			if err := context.Cause(ctx); err != nil {
				return err
			}
			figures, err := c.contestants[i].cost(c.contestants[i].operations)
			if err != nil {
				return err
			}
			sums[i] = sums[i].plus(figures)
		}
	}
	for i, sum := range sums {
		c.rounds[i] = append(c.rounds[i], sum.over(float64(c.turns)))
	}
	return nil
}

// calibrate chooses how many operations of each contestant take its share of roundTime, and how many
// turns there are: one, where one operation takes longer.
func (c *contest) calibrate(ctx context.Context) error {
	c.turns = mostTurns
	for _, contestant := range c.contestants {
		wall, err := contestant.calibrate(ctx)
		if err != nil {
			return err
		}
		c.turns = max(1, min(c.turns, int(float64(roundTime)/wall)))
	}
	return nil
}

// calibrate returns the nanoseconds of one operation.
func (c *contestant) calibrate(ctx context.Context) (float64, error) {
	const share = float64(roundTime) / mostTurns
	for n := 1; ; n *= 2 {
		if err := context.Cause(ctx); err != nil {
			return 0, err
		}
		figures, err := c.cost(n)
		if err != nil {
			return 0, err
		}
		// Half of the share is long enough to tell.
		if figures.Wall*float64(n) > share/2 || c.most > 0 && n >= c.most {
			c.operations = max(1, int(share/figures.Wall))
			if c.most > 0 {
				c.operations = min(c.operations, c.most)
			}
			return figures.Wall, nil
		}
	}
}

// cost runs the contestant so many times.
func (c *contestant) cost(operations int) (Figures, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	processor, start := processorTime(), time.Now()
	err := c.run(operations)
	wall, used := time.Since(start), processorTime()-processor
	runtime.ReadMemStats(&after)
	if err == nil && c.settle != nil {
		err = c.settle()
	}
	n := float64(operations)
	return Figures{float64(wall) / n, float64(used) / n, float64(after.Mallocs-before.Mallocs) / n}, err
}

// ratio is what contestant a cost in terms of b, round by round: the two of one round met the same
// neighbours.
func (c *contest) ratio(a, b int, figure func(Figures) float64) Spread {
	ratios := make([]float64, len(c.rounds[a]))
	for round := range ratios {
		divisor := figure(c.rounds[b][round])
		if divisor == 0 {
			return Spread{} // the processor time is not known
		}
		ratios[round] = figure(c.rounds[a][round]) / divisor
	}
	return spread(ratios)
}
