package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// predecessorRow is a row of docs/predecessors.md: its number, what was, what is, and its tests.
var predecessorRow = regexp.MustCompile(`(?m)^\| ((?:mgo |Java |C# )?\d+) \| ([^|\n]+) \| ([^|\n]+) \| ?([^|\n]*) ?\|$`)

// TestPredecessorsNameTheirTests checks that docs/predecessors.md has each behaviour once, that each is
// kept, changed or not applicable with a reason, and that the tests it names exist.
func TestPredecessorsNameTheirTests(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "predecessors.md"))
	if err != nil {
		t.Fatal(err)
	}
	missing := make(map[string]bool)
	for driver, behaviours := range map[string]int{"": 87, "mgo ": 17, "Java ": 12, "C# ": 11} {
		for i := range behaviours {
			missing[fmt.Sprintf("%s%d", driver, i+1)] = true
		}
	}
	exists := testFunctions(t, "..")
	for _, row := range predecessorRow.FindAllStringSubmatch(string(page), -1) {
		number, verdict := row[1], row[3]
		if !missing[number] {
			t.Errorf("behaviour %s is there twice, or is none", number)
		}
		delete(missing, number)
		_, reason, _ := strings.Cut(verdict, ": ")
		names := testName.FindAllStringSubmatch(row[4], -1)
		switch {
		case strings.HasPrefix(verdict, "not applicable: ") && reason != "" && len(names) == 0:
		case strings.HasPrefix(verdict, "changed: ") && reason != "" && len(names) > 0:
		case strings.HasPrefix(verdict, "kept") && len(names) > 0:
		default:
			t.Errorf("behaviour %s: %q with %d tests; want kept with tests, changed with a reason and tests, or not applicable with a reason",
				number, verdict, len(names))
		}
		for _, name := range names {
			if !exists[name[1]] {
				t.Errorf("behaviour %s names %s, which does not exist", number, name[1])
			}
		}
	}
	for number := range missing {
		t.Errorf("behaviour %s has no row", number)
	}
}
