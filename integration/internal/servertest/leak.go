package servertest

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Run runs the tests of a package, and returns the exit code of its TestMain. It fails the package
// when goroutines of Monorail, the driver or the test server are left after all tests, each of which
// ended its clients and servers.
func Run(m *testing.M) int {
	code := m.Run()
	if code == 0 {
		code = leaked()
	}
	return code
}

func leaked() int {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if len(stacks(true)) == 0 {
			return 0
		}
	}
	fmt.Fprintf(os.Stderr, "goroutines are left:\n%s\n", strings.Join(stacks(true), "\n\n"))
	return 1
}

// Goroutines counts the goroutines that clients have.
func Goroutines() int { return len(stacks(false)) }

// stacks returns the stacks of the goroutines that clients have, and with servers those of test
// servers, too.
func stacks(servers bool) []string {
	buf := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	var found []string
	for _, stack := range strings.Split(string(buf), "\n\n") {
		client := strings.Contains(stack, "mongo-monorail/monorail.") || strings.Contains(stack, "monorail/internal/") ||
			strings.Contains(stack, "mongo-driver/v2/x/")
		if client || servers && strings.Contains(stack, "monorail/monorailtest.") {
			found = append(found, stack)
		}
	}
	return found
}
