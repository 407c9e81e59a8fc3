package integration

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mongo-monorail/monorail/integration/internal/snippet"
	"github.com/mongo-monorail/monorail/monorailtest"
)

// snippetTime bounds the run of one snippet. They take milliseconds; a request that hangs must not
// hold up everything for the ten minutes that go test allows.
const snippetTime = 30 * time.Second

// TestSnippets compiles every Go snippet of the documentation, in one batch, and runs each against a
// server of its own. Package snippet says what a snippet may be.
func TestSnippets(t *testing.T) {
	if os.Getenv("MONORAIL_TEST_URI") != "" {
		t.Skip("the snippets write to databases of their own choice; they run on monorailtest alone")
	}
	snippets, err := snippet.Find("..")
	if err != nil {
		t.Fatal(err)
	}
	if len(snippets) == 0 {
		t.Fatal("no snippet found")
	}
	goMod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	goSum, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := snippet.WriteModule(dir, root, goMod, goSum, snippets); err != nil {
		t.Fatal(err)
	}
	// The name of the test binary of a package is fixed, so each is built by itself; the rest at once.
	build := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	bin := filepath.Join(dir, "bin")
	build("build", "-o", bin+string(filepath.Separator), "./...")
	for _, s := range snippets {
		if s.IsTest() {
			build("test", "-c", "-o", filepath.Join(bin, s.Name()), "./"+s.Name())
		}
	}
	for _, s := range snippets {
		t.Run(fmt.Sprintf("%s:%d", s.File, s.Line), func(t *testing.T) {
			server := monorailtest.NewServer()
			defer server.Close()
			ctx, cancel := context.WithTimeout(t.Context(), snippetTime)
			defer cancel()
			cmd := exec.CommandContext(ctx, filepath.Join(bin, s.Name()))
			cmd.Env = append(os.Environ(), "MONGODB_URI="+server.URI())
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v\n%s%s", err, stdout.String(), stderr.String())
			}
			if s.HasOutput && stdout.String() != s.Output {
				t.Errorf("printed %q, and the page says %q", stdout.String(), s.Output)
			}
		})
	}
}
