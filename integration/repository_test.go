package integration

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRootRequiresOnlyTheDriver keeps the promise that using Monorail adds one module to a program
// that uses the driver: Monorail.
func TestRootRequiresOnlyTheDriver(t *testing.T) {
	own := requirements(t, "../go.mod")
	if len(own.direct) != 1 || own.direct[0] != "go.mongodb.org/mongo-driver/v2" {
		t.Errorf("the root module requires %v, want the MongoDB driver alone", own.direct)
	}
	// What the driver needs is indirect for the root; nothing else may be.
	cmd := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.GoMod}}", "go.mongodb.org/mongo-driver/v2")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	driver := requirements(t, strings.TrimSpace(string(out)))
	allowed := map[string]bool{}
	for _, path := range append(driver.direct, driver.indirect...) {
		allowed[path] = true
	}
	for _, path := range own.indirect {
		if !allowed[path] {
			t.Errorf("the root module requires %s, which the driver does not", path)
		}
	}
}

type required struct{ direct, indirect []string }

func requirements(t *testing.T, goMod string) required {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json", goMod).Output()
	if err != nil {
		t.Fatalf("go mod edit -json %s: %v", goMod, err)
	}
	var parsed struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(out, &parsed); err != nil {
		t.Fatal(err)
	}
	var r required
	for _, m := range parsed.Require {
		if m.Indirect {
			r.indirect = append(r.indirect, m.Path)
		} else {
			r.direct = append(r.direct, m.Path)
		}
	}
	return r
}

// TestEveryPackageLooksForLeaks has each package with tests fail when they leave a goroutine behind.
func TestEveryPackageLooksForLeaks(t *testing.T) {
	files, err := exec.CommandContext(t.Context(), "git", "-C", "..", "ls-files", "*_test.go").Output()
	if err != nil {
		t.Skip("needs a checkout by git")
	}
	looks := make(map[string]bool)
	for _, file := range strings.Fields(string(files)) {
		text, err := os.ReadFile(filepath.Join("..", file))
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed, and not committed yet
		}
		check(t, err)
		folder := filepath.Dir(file)
		looks[folder] = looks[folder] || strings.Contains(string(text), "func TestMain(")
	}
	for folder, yes := range looks {
		// The check itself cannot be checked by itself.
		if !yes && folder != "monorailtest/internal/leaktest" {
			t.Errorf("the tests of %s have no TestMain that looks for goroutines left behind", folder)
		}
	}
}
