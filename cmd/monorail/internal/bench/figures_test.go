package bench

import "testing"

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   Spread
	}{
		{[]float64{3}, Spread{3, 3, 3}},
		{[]float64{9, 1, 4}, Spread{4, 1, 9}},
		{[]float64{9, 1, 4, 6}, Spread{5, 1, 9}},
	} {
		if got := spread(c.values); got != c.want {
			t.Errorf("spread(%v) = %v, want %v", c.values, got, c.want)
		}
	}
}

func TestMediansAreOfEachFigure(t *testing.T) {
	got := medians([]Figures{{1, 20, 5}, {2, 10, 9}, {3, 30, 7}})
	if want := (Figures{2, 20, 7}); got != want {
		t.Errorf("medians = %v, want %v", got, want)
	}
}
