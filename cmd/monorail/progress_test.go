package main

import (
	"strings"
	"testing"
)

func TestProgressWithoutTerminalIsPlainLines(t *testing.T) {
	var out strings.Builder
	var counted tally
	p := startProgress(&out, way{letter: "a", name: "acknowledged writes"}, &counted, 40)
	counted.over.Store(30)
	counted.stale.Store(2)
	p.stop()
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 3 || lines[0] != "(a) acknowledged writes: 40 visits" || lines[2] != "" ||
		!strings.Contains(lines[1], "[######################........] 30 of 40") || !strings.HasSuffix(lines[1], "2 stale") {
		t.Errorf("printed %q", lines)
	}
	if strings.ContainsAny(out.String(), "\r\x1b") {
		t.Errorf("terminal control in %q", out.String())
	}
}

func TestProgressBarMovesOnATerminal(t *testing.T) {
	var out strings.Builder
	var counted tally
	p := newProgress(&out, way{letter: "b", name: "automatic requests"}, &counted, 10, true)
	p.start()
	counted.over.Store(10)
	p.stop()
	if !strings.HasPrefix(out.String(), "\r(b)") || !strings.Contains(out.String(), "0 of 10") ||
		!strings.Contains(out.String(), "[##############################] 10 of 10") || !strings.HasSuffix(out.String(), "\n") {
		t.Errorf("painted %q", out.String())
	}
}
