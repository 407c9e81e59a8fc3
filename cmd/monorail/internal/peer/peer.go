// Package peer runs the other side of a measurement in another process, so that its work is not
// counted as the client's: the program starts itself again.
package peer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// variable is the environment variable that tells a process which server it is.
const variable = "MONORAIL_BENCH_PEER"

// Server is a server that a peer runs: it starts and returns its URI. It lives as long as the process.
type Server func() (uri string, err error)

// Main runs a server and never returns, in a process that Start has made; in any other it does
// nothing. It must be called before the program's own work, in a test binary from an init function.
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

// Process is a server in a process of its own.
type Process struct {
	URI string

	name    string
	command *exec.Cmd
	stdin   io.Closer
}

// Start runs the named server of Main in a process of its own, which ends with Close, or with the
// calling process at the latest.
func Start(name string) (*Process, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.Command(executable)
	command.Env = append(os.Environ(), variable+"="+name)
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	p := &Process{name: name, command: command, stdin: stdin}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the process of %s told no URI: %w", name, err), p.Close())
	}
	p.URI = strings.TrimSpace(line)
	return p, nil
}

// Close ends the process and waits for it.
func (p *Process) Close() error {
	_ = p.stdin.Close() // a pipe; what matters is how the process ends
	if err := p.command.Wait(); err != nil {
		return fmt.Errorf("the process of %s: %w", p.name, err)
	}
	return nil
}
