package integration

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	testName = regexp.MustCompile("`((?:Test|Fuzz|Example)\\w+)`")
	testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w+)\(`)
	// promiseRow is a row of the table of promises: its number, and the cell with its tests.
	promiseRow = regexp.MustCompile(`(?m)^\| (\d+) \|.*\|([^|\n]*)\|$`)
)

// TestGuaranteesNameTheirTests checks that each promise of docs/guarantees.md names a test, and
// that every test it names exists.
func TestGuaranteesNameTheirTests(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "guarantees.md"))
	if err != nil {
		t.Fatal(err)
	}
	exists := testFunctions(t, "..")
	rows := promiseRow.FindAllStringSubmatch(string(page), -1)
	if want := 21; len(rows) < want {
		t.Errorf("%d promises found in the table, want at least %d", len(rows), want)
	}
	for _, row := range rows {
		names := testName.FindAllStringSubmatch(row[2], -1)
		if len(names) == 0 {
			t.Errorf("promise %s names no test", row[1])
		}
	}
	for _, name := range testName.FindAllStringSubmatch(string(page), -1) {
		if !exists[name[1]] {
			t.Errorf("the page names %s, which does not exist", name[1])
		}
	}
}

// testFunctions returns the names of the test functions of every module below root.
func testFunctions(t *testing.T, root string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, name := range testFunc.FindAllStringSubmatch(string(source), -1) {
			found[name[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
