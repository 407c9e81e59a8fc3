package wiretest

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// leakPatience is how long goroutines that were told to end may take, on a busy machine.
const leakPatience = 5 * time.Second

// module is in the stack of every goroutine that runs or was started by code of this module.
const module = "github.com/mongo-monorail/monorail"

// Main is the body of a TestMain: it runs the tests and fails the test binary when they pass but
// leave a goroutine of this module behind.
func Main(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if left := Leaked(leakPatience); len(left) > 0 {
			fmt.Fprintf(os.Stderr, "%d goroutines left:\n\n%s\n", len(left), bytes.Join(left, []byte("\n\n")))
			code = 1
		}
	}
	os.Exit(code)
}

// Leaked returns the stacks of the goroutines of this module, other than the caller's, that have not
// ended when patience is over.
func Leaked(patience time.Duration) [][]byte {
	// Nothing tells of the end of a goroutine that nobody knows: it can only be looked for again.
	const pause = time.Millisecond
	for deadline := time.Now().Add(patience); ; time.Sleep(pause) {
		left := stacks()
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
	}
}

// stacks returns the stacks of the goroutines of this module, other than the caller's.
func stacks() [][]byte {
	all := make([]byte, 1<<20)
	for n := runtime.Stack(all, true); ; n = runtime.Stack(all, true) {
		if n < len(all) {
			all = all[:n]
			break
		}
		all = make([]byte, 2*len(all))
	}
	var left [][]byte
	for i, stack := range bytes.Split(all, []byte("\n\n")) {
		if i > 0 && bytes.Contains(stack, []byte(module)) { // the first is the caller's
			left = append(left, stack)
		}
	}
	return left
}
