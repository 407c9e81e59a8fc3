// Package peer runs the other side of a benchmark in another process, so that its work is not
// counted as the client's: the test binary starts itself again.
package peer

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// variable is the environment variable that tells a process which server it is.
const variable = "MONORAIL_BENCH_PEER"

// Server is a server that a peer runs: it starts and returns its URI. It lives as long as the process.
type Server func() (uri string, err error)

// Main runs a server and never returns, in a process that Start has made; in any other it does
// nothing. It must be called before the tests, from an init function.
func Main(servers map[string]Server) {
	name := os.Getenv(variable)
	if name == "" {
		return
	}
	if err := serve(servers[name], name); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serve(server Server, name string) error {
	if server == nil {
		return fmt.Errorf("peer: no server %q", name)
	}
	uri, err := server()
	if err != nil {
		return err
	}
	fmt.Println(uri)
	// The process that started this one has the other end of standard input, which the kernel
	// closes with it, however it ends.
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// Start runs the named server of Main in a process of its own, and returns its URI. The process ends
// with the test.
func Start(t testing.TB, name string) string {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(executable)
	command.Env = append(os.Environ(), variable+"="+name)
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("the process of %s: %v", name, err)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the process of %s told no URI: %v", name, err)
	}
	return strings.TrimSpace(line)
}
