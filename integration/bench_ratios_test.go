package integration

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"
	"text/tabwriter"
	"time"
)

const (
	// ratioRounds is how many rounds BenchmarkRatios takes. It is odd, so that one of them is the
	// median.
	ratioRounds = 11
	// roundTime is how long a measure runs in each round: long against the scheduler's slices and the
	// flush interval, short enough that a busy neighbour meets all measures alike.
	roundTime = 100 * time.Millisecond
)

// figures are what one operation cost, in one round or as medians.
type figures struct {
	wall, processor, allocations float64 // ns, ns, count
}

// contest is what is measured together, in turns.
type contest struct {
	title    string
	measures []measure
	rounds   [][]figures // by measure, then by round
}

// play runs every measure once, for about roundTime each. Every other round goes backwards, so that
// what one measure leaves behind is not always the same neighbour's burden.
func (c *contest) play(t testing.TB, round int, operations []int) {
	c.rounds = slices.Grow(c.rounds, len(c.measures))[:len(c.measures)]
	for i := range c.measures {
		if round%2 == 1 {
			i = len(c.measures) - 1 - i
		}
		c.rounds[i] = append(c.rounds[i], c.measures[i].cost(t, operations[i]))
	}
}

// cost runs the measure so many times.
func (m *measure) cost(t testing.TB, operations int) figures {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	processor, start := processorTime(), time.Now()
	for range operations {
		m.run(t)
	}
	wall, used := time.Since(start), processorTime()-processor
	runtime.ReadMemStats(&after)
	if m.settle != nil {
		m.settle(t)
	}
	n := float64(operations)
	return figures{float64(wall) / n, float64(used) / n, float64(after.Mallocs-before.Mallocs) / n}
}

// operations returns how many operations of each measure take about roundTime.
func (c *contest) operations(t testing.TB) []int {
	counts := make([]int, len(c.measures))
	for i := range c.measures {
		n := 1
		for {
			took := c.measures[i].cost(t, n).wall * float64(n)
			if took > float64(roundTime)/10 {
				counts[i] = max(1, int(float64(n)*float64(roundTime)/took))
				break
			}
			n *= 2
		}
	}
	return counts
}

// medians returns the medians of measure i, each figure by itself.
func (c *contest) medians(i int) figures {
	return figures{
		median(c.rounds[i], func(f figures) float64 { return f.wall }),
		median(c.rounds[i], func(f figures) float64 { return f.processor }),
		median(c.rounds[i], func(f figures) float64 { return f.allocations }),
	}
}

// ratio is the median of the rounds' ratios of the wall times of two measures, with the smallest and
// the largest: the two of one round met the same neighbours.
func (c *contest) ratio(a, b int) (middle, least, most float64) {
	ratios := make([]float64, len(c.rounds[a]))
	for round := range ratios {
		ratios[round] = c.rounds[a][round].wall / c.rounds[b][round].wall
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1]
}

func median(rounds []figures, figure func(figures) float64) float64 {
	values := make([]float64, len(rounds))
	for i, f := range rounds {
		values[i] = figure(f)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// ratioLine is one line of the table of ratios: what measure a of a contest costs in terms of b.
type ratioLine struct {
	title   string
	unit    string // the name of the metric in the benchmark's output
	contest *contest
	a, b    int
	goal    string // empty where there is none
}

// BenchmarkRatios runs everything side by side, in turns, and prints the table that the documentation
// quotes. It is a benchmark so that no test run pays for it; the rounds are its own, so that b.N and the
// time of the whole say nothing: run it with -benchtime 1x.
func BenchmarkRatios(b *testing.B) {
	near, distant := contend(b, sinkPeer), contend(b, distantPeer)
	update(b, distant.officialColl, benchContext)
	writes := &contest{title: "unacknowledged $inc upsert", measures: near.unacknowledgedWrites()}
	updates := &contest{title: "acknowledged $inc upsert", measures: near.acknowledgedUpdates()}
	reads := &contest{title: "FindOne", measures: near.reads()}
	far := &contest{title: "ten writes and a read, 1 ms away", measures: distant.writesAndARead()}
	contests := []*contest{writes, updates, reads, far}
	operations := make([][]int, len(contests))
	for i, c := range contests {
		operations[i] = c.operations(b)
	}
	for round := range ratioRounds {
		for i, c := range contests {
			c.play(b, round, operations[i])
		}
	}
	lines := []ratioLine{
		{"unacknowledged: official w:0 / lane", "official-w0/lane", writes, 0, 2, ">= 12"},
		{"unacknowledged: official w:0 / in a request, w:0", "official-w0/request-w0", writes, 0, 1, ""},
		{"unacknowledged: lane / its two documents alone", "lane/documents", writes, 2, 3, "<= 1.5"},
		{"acknowledged update: in a request / official", "request/official", updates, 1, 0, "<= 0.85"},
		{"FindOne: in a request / official", "request/official-find", reads, 1, 0, ""},
		{"acknowledged update: outside requests / official", "outside/official", updates, 2, 0, "<= 1.02"},
		{"FindOne: outside requests / official", "outside/official-find", reads, 2, 0, ""},
		{"ten writes and a read, 1 ms away: lane / one round trip", "lane/round-trip", far, 1, 2, "<= 1.15"},
		{"ten writes and a read, 1 ms away: official / one round trip", "official/round-trip", far, 0, 2, ""},
	}
	printRatios(b, contests, lines)
}

// printRatios prints both tables to standard output: a benchmark's log is cut after ten lines.
func printRatios(b *testing.B, contests []*contest, lines []ratioLine) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\n\noperation\tns/op\tcpu-ns/op\tallocs/op\t\n")
	for _, c := range contests {
		for i, m := range c.measures {
			f := c.medians(i)
			fmt.Fprintf(w, "%s: %s\t%.0f\t%.0f\t%.1f\t\n", c.title, m.name, f.wall, f.processor, f.allocations)
		}
	}
	fmt.Fprintf(w, "\nratio (medians of %d rounds)\tmedian\tleast\tmost\tgoal\t\n", ratioRounds)
	for _, line := range lines {
		middle, least, most := line.contest.ratio(line.a, line.b)
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\t%s\t\n", line.title, middle, least, most, line.goal)
		b.ReportMetric(middle, line.unit)
	}
	b.ReportMetric(0, "ns/op") // the framework's own figure, which says nothing here
	if err := w.Flush(); err != nil {
		b.Error(err)
	}
}
