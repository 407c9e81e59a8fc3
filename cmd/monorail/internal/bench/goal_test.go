package bench

import "testing"

func TestGoal(t *testing.T) {
	for _, c := range []struct {
		goal    goal
		value   float64
		text    string
		verdict string
	}{
		{atLeast(12), 12, "≥ 12", "met"},
		{atLeast(12), 11.99, "≥ 12", "missed"},
		{atMost(1.05), 1.05, "≤ 1.05", "met"},
		{atMost(1.05), 1.051, "≤ 1.05", "missed"},
		{idleGoal, 3, "≤ 4 KiB", "met"},
		{goal{}, 3, "", ""},
	} {
		if got := c.goal.String(); got != c.text {
			t.Errorf("%+v reads %q, want %q", c.goal, got, c.text)
		}
		if got := c.goal.verdict(c.value); got != c.verdict {
			t.Errorf("%v with %v: %q, want %q", c.goal, c.value, got, c.verdict)
		}
	}
}
