package bench

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestTurnsAlternate checks that contestants take turns, each as often before the other as behind it,
// and that what is started is waited for after each.
func TestTurnsAlternate(t *testing.T) {
	var order strings.Builder
	contestantOf := func(name string) *contestant {
		return &contestant{
			name: name, operations: 1,
			run:    func(int) error { order.WriteString(name); return nil },
			settle: func() error { order.WriteString("."); return nil },
		}
	}
	c := &contest{contestants: []*contestant{contestantOf("a"), contestantOf("b")}, turns: 2}
	for round := range 2 {
		check(t, c.play(t.Context(), round))
	}
	if got, want := order.String(), "a.b.b.a."+"b.a.a.b."; got != want {
		t.Errorf("the order was %s, want %s", got, want)
	}
	if len(c.rounds[0]) != 2 || len(c.rounds[1]) != 2 {
		t.Errorf("%d and %d rounds, want 2 of each", len(c.rounds[0]), len(c.rounds[1]))
	}
}

func TestPlayEndsWithItsContext(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	played := 0
	one := &contestant{operations: 1, run: func(int) error { played++; interrupt(); return nil }}
	c := &contest{contestants: []*contestant{one}, turns: 5}
	if err := c.play(ctx, 0); !errors.Is(err, context.Canceled) || played != 1 {
		t.Errorf("played %d turns, %v; want one, and the context's error", played, err)
	}
}

func TestCalibration(t *testing.T) { synctest.Test(t, testCalibration) }

func testCalibration(t *testing.T) {
	operations := 0
	slow := &contestant{run: func(n int) error { time.Sleep(2 * roundTime); return nil }}
	quick := &contestant{most: 7, run: func(n int) error { operations += n; return nil }}
	c := &contest{contestants: []*contestant{slow, quick}}
	check(t, c.calibrate(t.Context()))
	if c.turns != 1 || slow.operations != 1 {
		t.Errorf("%d turns of %d operations for one that takes two rounds, want one of one", c.turns, slow.operations)
	}
	if quick.operations > 7 || operations > 1+2+4+8 {
		t.Errorf("%d operations a turn, %d tried, of at most 7", quick.operations, operations)
	}
	failing := &contestant{run: func(int) error { return errOver }}
	if _, err := failing.calibrate(t.Context()); !errors.Is(err, errOver) {
		t.Errorf("calibrating what fails: %v", err)
	}
}

func TestRatiosAreOfRounds(t *testing.T) {
	c := &contest{rounds: [][]Figures{
		{{Wall: 10}, {Wall: 30}, {Wall: 100}},
		{{Wall: 5}, {Wall: 10}, {Wall: 100}},
	}}
	wall := func(f Figures) float64 { return f.Wall }
	if got, want := c.ratio(0, 1, wall), (Spread{2, 1, 3}); got != want {
		t.Errorf("ratio = %v, want %v", got, want)
	}
	processor := func(f Figures) float64 { return f.Processor }
	if got := c.ratio(0, 1, processor); got != (Spread{}) {
		t.Errorf("ratio without processor times = %v, want none", got)
	}
}
