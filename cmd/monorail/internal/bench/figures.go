package bench

import "slices"

// Figures are what one operation cost, in one round or as medians. Processor is the processor time of
// this process, all threads together, and 0 where the system does not tell.
type Figures struct {
	Wall, Processor, Allocations float64 // ns, ns, count
}

func (f Figures) plus(g Figures) Figures {
	return Figures{f.Wall + g.Wall, f.Processor + g.Processor, f.Allocations + g.Allocations}
}

func (f Figures) over(n float64) Figures {
	return Figures{f.Wall / n, f.Processor / n, f.Allocations / n}
}

// Spread is what several rounds gave.
type Spread struct{ Median, Least, Most float64 }

// spread returns the median, the smallest and the largest of values, which must not be empty. The
// median is one of them where their number is odd.
func spread(values []float64) Spread {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + sorted[middle]) / 2
	}
	return Spread{Median: median, Least: sorted[0], Most: sorted[len(sorted)-1]}
}

// medians returns the medians of rounds, each figure by itself.
func medians(rounds []Figures) Figures {
	of := func(figure func(Figures) float64) float64 {
		values := make([]float64, len(rounds))
		for i, f := range rounds {
			values[i] = figure(f)
		}
		return spread(values).Median
	}
	return Figures{
		Wall:        of(func(f Figures) float64 { return f.Wall }),
		Processor:   of(func(f Figures) float64 { return f.Processor }),
		Allocations: of(func(f Figures) float64 { return f.Allocations }),
	}
}
