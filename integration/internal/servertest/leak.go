package servertest

import (
	"fmt"
	"os"
	"runtime/pprof"
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
	var stacks string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		var b strings.Builder
		_ = pprof.Lookup("goroutine").WriteTo(&b, 1)
		stacks = b.String()
		if !strings.Contains(stacks, "mongo-monorail/monorail.") && !strings.Contains(stacks, "monorail/internal/") &&
			!strings.Contains(stacks, "mongo-driver/v2/x/") {
			return 0
		}
	}
	fmt.Fprintf(os.Stderr, "goroutines are left:\n%s\n", stacks)
	return 1
}
