package golden

import (
	"fmt"
	"strings"
)

// Worse returns the areas in which t is worse than what the text of another table says: fewer steps agreed, or more wrong.
// It returns an error if the text is no table of the same areas.
func (t Table) Worse(text string) ([]string, error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) != len(t)+2 {
		return nil, fmt.Errorf("%d lines, want %d", len(lines), len(t)+2)
	}
	var out []string
	for i, r := range t {
		var agreed, wrong, skip int
		cells := strings.Split(lines[i+2], "|")
		if len(cells) < 6 || strings.TrimSpace(cells[1]) != r.Area {
			return nil, fmt.Errorf("no row for %s: %s", r.Area, lines[i+2])
		}
		if _, err := fmt.Sscan(cells[3], &agreed); err != nil {
			return nil, err
		}
		if _, err := fmt.Sscan(cells[4]+cells[5], &skip, &wrong); err != nil {
			return nil, err
		}
		if r.Agreed < agreed || r.Wrong > wrong {
			out = append(out, r.Area)
		}
	}
	return out, nil
}
