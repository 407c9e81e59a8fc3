package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

const (
	progressWidth = 30                     // characters of the bar
	progressPause = 100 * time.Millisecond // often enough to look alive, rarely enough to cost nothing
)

// progress shows how far a way is: a bar that moves where w is a terminal, else one line at the
// beginning and one at the end.
type progress struct {
	w        io.Writer
	way      way
	tally    *tally
	count    int
	terminal bool
	started  time.Time

	done    chan struct{} // closed by stop, received by the painting goroutine
	painter sync.WaitGroup
}

// startProgress shows the progress of t towards count visits on w until stop.
func startProgress(w io.Writer, way way, t *tally, count int) *progress {
	p := newProgress(w, way, t, count, isTerminal(w))
	p.start()
	return p
}

func newProgress(w io.Writer, way way, t *tally, count int, terminal bool) *progress {
	return &progress{w: w, way: way, tally: t, count: count, terminal: terminal, started: time.Now(), done: make(chan struct{})}
}

func (p *progress) start() {
	if !p.terminal {
		fmt.Fprintf(p.w, "(%s) %s: %d visits\n", p.way.letter, p.way.name, p.count)
		return
	}
	fmt.Fprint(p.w, p.painting())
	p.painter.Go(p.paint) // ends with stop, which waits
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// paint redraws the bar until done.
func (p *progress) paint() {
	ticker := time.NewTicker(progressPause)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			fmt.Fprint(p.w, p.painting())
		case <-p.done:
			return
		}
	}
}

// painting is the present state, to be drawn over the last one.
func (p *progress) painting() string {
	return "\r" + p.line() + "\x1b[K" // erase what a longer line left
}

// stop ends the progress and leaves its last state on w.
func (p *progress) stop() {
	close(p.done)
	p.painter.Wait()
	if p.terminal {
		fmt.Fprintln(p.w, p.painting())
	} else {
		fmt.Fprintln(p.w, p.line())
	}
}

// line is the present state in one line.
func (p *progress) line() string {
	over := int(p.tally.over.Load())
	filled := min(over*progressWidth/p.count, progressWidth)
	bar := strings.Repeat("#", filled) + strings.Repeat(".", progressWidth-filled)
	rate := float64(over) / max(time.Since(p.started).Seconds(), 1e-9)
	return fmt.Sprintf("(%s) %-26s [%s] %d of %d  %.0f/s  %d stale", p.way.letter, p.way.name, bar, over, p.count, rate, p.tally.stale.Load())
}
