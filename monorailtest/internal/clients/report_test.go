package clients

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"testing"
	"time"
)

// line is one line that the checks print; see the package's documentation.
type line struct {
	Client string
	Name   string
	Error  string
	Skip   string
	Checks *int
}

// waitDelay is how long a program may take to end after it was killed, or after it closed its output.
const waitDelay = 10 * time.Second

// run runs the checks of c in areas at uri, all if there are none, and makes a subtest of each.
func (c client) run(t *testing.T, uri string, areas ...string) {
	t.Helper()
	cmd := c.command(t, uri, areas)
	cmd.WaitDelay = waitDelay
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	passed := report(t, stdout)
	// What is left of the output, so that the program does not wait for a reader.
	_, _ = io.Copy(io.Discard, stdout)
	if err := cmd.Wait(); err != nil && passed {
		t.Errorf("every check has passed, but the program ended with: %v", err)
	}
	if t.Failed() && stderr.Len() > 0 {
		t.Logf("stderr:\n%s", stderr.Bytes())
	}
}

// report makes a subtest of each check that r tells of, and says whether all have passed.
func report(t *testing.T, r io.Reader) (passed bool) {
	t.Helper()
	passed = true
	checks, promised := 0, -1
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Logf("%s", lines.Bytes())
			continue
		}
		switch {
		case l.Client != "":
			t.Log(l.Client)
		case l.Checks != nil:
			promised = *l.Checks
		default:
			checks++
			passed = passed && l.Error == ""
			t.Run(l.Name, func(t *testing.T) {
				if l.Skip != "" {
					t.Skip(l.Skip)
				}
				if l.Error != "" {
					t.Error(l.Error)
				}
			})
		}
	}
	if err := lines.Err(); err != nil {
		t.Error(err)
	}
	if checks != promised || checks == 0 {
		t.Errorf("%d checks have run, and %d were announced at the end (-1: none)", checks, promised)
		return false
	}
	return passed
}
