package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// client is a program of checks that one client runs.
type client struct {
	// program is the path of what executes it.
	program string
	// arguments are those before the URI and after it, where the areas go that are not all.
	before, after []string
	// directory is where it runs.
	directory string
}

// command returns the command line that runs the checks of areas, all of them if there are none, at uri.
func (c client) command(t *testing.T, uri string, areas []string) *exec.Cmd {
	t.Helper()
	arguments := append(append(append([]string{}, c.before...), uri), c.after...)
	cmd := exec.CommandContext(t.Context(), c.program, append(arguments, areas...)...)
	cmd.Dir = c.directory
	// The shell keeps its history and its log at home.
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "PYTHONDONTWRITEBYTECODE=1", "NODE_NO_WARNINGS=1")
	return cmd
}

// pymongo returns PyMongo, by the first Python that has it, and skips the test if none has.
func pymongo(t *testing.T) client {
	t.Helper()
	// Debian's package belongs to Debian's Python, which need not be the first on the path.
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		if exec.CommandContext(t.Context(), python, "-c", "import pymongo").Run() == nil {
			return client{program: python, before: []string{"pymongo"}, directory: "testdata"}
		}
	}
	t.Skip("PyMongo is not installed (apt-get install python3-pymongo python3-gridfs)")
	panic("unreachable")
}

// nodeDriver returns the Node driver, and skips the test if it is not installed.
func nodeDriver(t *testing.T) client {
	t.Helper()
	return client{program: node(t, "mongodb"), before: []string{"main.mjs"}, directory: "testdata/node/driver"}
}

// mongosh returns the shell, and skips the test if it is not installed.
func mongosh(t *testing.T) client {
	t.Helper()
	return client{
		program:   node(t, "mongosh"),
		before:    []string{"../node_modules/mongosh/bin/mongosh.js", "--quiet", "--norc"},
		after:     []string{"main.js"},
		directory: "testdata/node/mongosh",
	}
}

// node returns the path of Node, and skips the test if Node or the package is not installed.
func node(t *testing.T, name string) string {
	t.Helper()
	program, err := exec.LookPath("node")
	if err != nil {
		t.Skip("Node is not installed (apt-get install nodejs npm)")
	}
	if _, err := os.Stat(filepath.Join("testdata/node/node_modules", name, "package.json")); err != nil {
		t.Skip(name + " for Node is not installed (npm ci --ignore-scripts --omit=optional in internal/clients/testdata/node)")
	}
	return program
}
