package bench

import (
	"testing"
	"time"

	"github.com/mongo-monorail/monorail"
)

// policy is when unacknowledged writes leave that a read follows.
type policy struct {
	name    string
	options func() *monorail.OptionsBuilder
	// flush has the first write sent at once.
	flush bool
}

var policies = []policy{
	{name: "with the read", options: monorail.Options},
	{name: "after 100 µs", options: func() *monorail.OptionsBuilder { return monorail.Options().SetFlushInterval(100 * time.Microsecond) }},
	{name: "first at once", options: monorail.Options, flush: true},
	{name: "each at once", options: func() *monorail.OptionsBuilder { return monorail.Options().SetMaxHeldBytes(0) }},
}

// thinking is how long the program is busy with something else before each write of a second series.
const thinking = 20 * time.Microsecond

// sendingRounds is how many rounds the medians are of.
const sendingRounds = 11

// BenchmarkWhenToSend measures ten writes and a read that sees them, by when the writes leave: the default
// of SetFlushInterval was chosen by it. The policies alternate, whatever -benchtime says, since they
// differ by less than two runs of one of them do; "x" is the time in terms of the first.
func BenchmarkWhenToSend(b *testing.B) {
	for _, server := range []string{serverPeer, distantPeer} {
		b.Run(server, func(b *testing.B) {
			site := contend(b, server).site
			for _, busy := range []time.Duration{0, thinking} {
				contest := site.sending(b, busy)
				check(b, contest.calibrate(endless))
				for round := range sendingRounds {
					check(b, contest.play(endless, round))
				}
				for i, c := range contest.contestants {
					b.Run(busy.String()+" between/"+c.name, func(b *testing.B) {
						figures := medians(contest.rounds[i])
						b.ReportMetric(figures.Wall, "ns/op")
						b.ReportMetric(figures.Processor, "cpu-ns/op")
						b.ReportMetric(contest.ratio(i, 0, func(f Figures) float64 { return f.Wall }).Median, "x")
					})
				}
			}
		})
	}
}

// sending is ten writes, the program being busy so long before each, and a read, by each policy, with
// and without merging.
func (s *site) sending(t testing.TB, busy time.Duration) *contest {
	t.Helper()
	contest := &contest{}
	for _, merge := range []bool{false, true} {
		for _, p := range policies {
			c, err := s.connect(p.options().SetMergeWrites(merge))
			check(t, err)
			name := "separate, " + p.name
			if merge {
				name = "merged, " + p.name
			}
			contest.contestants = append(contest.contestants, &contestant{name: name, run: each(func() error {
				for i := range writesBeforeRead {
					for start := time.Now(); time.Since(start) < busy; {
					}
					if err := c.laneWrite(); err != nil {
						return err
					}
					if i == 0 && p.flush {
						if err := c.ours.Request(c.request).Flush(endless); err != nil {
							return err
						}
					}
				}
				return find(c.request, c.oursColl)
			})})
		}
	}
	return contest
}
