// Package leaktest fails a test binary that leaves goroutines behind.
package leaktest

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

const (
	// patience is how long goroutines that were told to end may take.
	patience = 5 * time.Second
	// pause between two looks.
	pause = 5 * time.Millisecond
)

// Main runs the tests and exits: with 1 if they pass but a goroutine is left whose stack mentions one of the given
// import paths. It is the body of a TestMain.
func Main(m *testing.M, paths ...string) {
	code := m.Run()
	if code == 0 {
		if left := remaining(paths); len(left) > 0 {
			fmt.Fprintf(os.Stderr, "leaktest: %d goroutines left:\n\n%s\n", len(left), bytes.Join(left, []byte("\n\n")))
			code = 1
		}
	}
	os.Exit(code)
}

// remaining returns the stacks of the goroutines that do not end in time.
func remaining(paths []string) [][]byte {
	deadline := time.Now().Add(patience)
	for {
		left := find(paths)
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
		time.Sleep(pause)
	}
}

// find returns the stacks that mention one of the paths, other than the caller's own.
func find(paths []string) [][]byte {
	buf := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	stacks := bytes.Split(buf, []byte("\n\n"))
	var left [][]byte
	// The first stack is that of the goroutine that asks.
	for _, s := range stacks[1:] {
		for _, p := range paths {
			if bytes.Contains(s, []byte(p)) {
				left = append(left, s)
				break
			}
		}
	}
	return left
}
