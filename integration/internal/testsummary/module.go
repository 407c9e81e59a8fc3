package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"sort"
	"strings"
)

// module is one Go module of the repository.
type module struct {
	// dir is its directory relative to the top of the repository, with slashes; "." for the root.
	dir string
	// path is its module path.
	path string
	// requires holds the paths of the modules that its go.mod requires, indirect ones included.
	requires []string
}

// findModules returns every module below root, sorted by directory. Directories whose names start
// with a dot or an underscore and those named testdata are not entered, as the go command does.
func findModules(ctx context.Context, root string) ([]module, error) {
	var modules []module
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			if name != root && (base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")) {
				return filepath.SkipDir
			}
			return nil
		}
		if base != "go.mod" {
			return nil
		}
		m, err := readModule(ctx, name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(name))
		if err != nil {
			return err
		}
		m.dir = filepath.ToSlash(rel)
		modules = append(modules, m)
		return nil
	})
	sort.Slice(modules, func(i, j int) bool { return modules[i].dir < modules[j].dir })
	return modules, err
}

// readModule reads the go.mod at file.
func readModule(ctx context.Context, file string) (module, error) {
	out, err := exec.CommandContext(ctx, "go", "mod", "edit", "-json", file).Output()
	if err != nil {
		return module{}, fmt.Errorf("go mod edit -json %s: %w", file, err)
	}
	var parsed struct {
		Module  struct{ Path string }
		Require []struct{ Path string }
	}
	if err := json.Unmarshal(out, &parsed); err != nil {
		return module{}, fmt.Errorf("go mod edit -json %s: %w", file, err)
	}
	m := module{path: parsed.Module.Path}
	for _, r := range parsed.Require {
		m.requires = append(m.requires, r.Path)
	}
	return m, nil
}

// usesTestServer says whether m is monorailtest or requires it, which means that its tests run
// against the embedded server. Every other module tests with scripted peers alone.
func (m module) usesTestServer() bool {
	for _, p := range append([]string{m.path}, m.requires...) {
		if path.Base(p) == "monorailtest" {
			return true
		}
	}
	return false
}
