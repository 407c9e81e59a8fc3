package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func readStream(t *testing.T, stream string) (results, string) {
	t.Helper()
	var shown strings.Builder
	s := newStreamReader(&shown)
	if err := s.read(strings.NewReader(stream)); err != nil {
		t.Fatal(err)
	}
	return s.results(), shown.String()
}

func TestCountsLeavesOnce(t *testing.T) {
	r, _ := readStream(t, `
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestA/one"}
{"Action":"run","Package":"p","Test":"TestA/two"}
{"Action":"pass","Package":"p","Test":"TestA/one"}
{"Action":"fail","Package":"p","Test":"TestA/two"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"ExampleB"}
{"Action":"output","Package":"p","Test":"TestC","Output":"    c_test.go:12: needs a moon: a full one\n"}
{"Action":"skip","Package":"p","Test":"TestC"}
{"Action":"fail","Package":"p"}
`)
	if p, f, s := r.count(); p != 2 || f != 1 || s != 1 {
		t.Fatalf("passed, failed, skipped = %d, %d, %d; want 2, 1, 1", p, f, s)
	}
}

func TestParentThatFailsByItselfCounts(t *testing.T) {
	r, _ := readStream(t, `
{"Action":"pass","Package":"p","Test":"TestA/one"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p"}
`)
	if p, f, _ := r.count(); p != 1 || f != 1 {
		t.Fatalf("passed, failed = %d, %d; want 1, 1", p, f)
	}
}

func TestUnfinishedTestFails(t *testing.T) {
	r, shown := readStream(t, `
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"panic: boom\n"}
{"Action":"fail","Package":"p"}
`)
	if _, f, _ := r.count(); f != 1 {
		t.Fatalf("failed = %d, want 1", f)
	}
	if !strings.Contains(shown, "panic: boom") {
		t.Fatalf("the panic is not shown: %q", shown)
	}
}

func TestStreamCutOffFails(t *testing.T) {
	r, _ := readStream(t, `{"Action":"start","Package":"p"}`)
	if _, f, _ := r.count(); f != 1 {
		t.Fatalf("failed = %d, want 1: the package never ended", f)
	}
}

func TestPackageWithoutTestsIsNoFailure(t *testing.T) {
	r, _ := readStream(t, `{"Action":"skip","Package":"p"}`)
	if p, f, s := r.count(); p+f+s != 0 {
		t.Fatalf("passed, failed, skipped = %d, %d, %d; want none", p, f, s)
	}
}

func TestSkipReason(t *testing.T) {
	for output, want := range map[string]string{
		"=== RUN   TestC\n    c_test.go:12: needs a moon: a full one\n--- SKIP: TestC (0.00s)\n": "needs a moon: a full one",
		"=== RUN   TestC\n--- SKIP: TestC (0.00s)\n":                                             "gives no reason",
		"    c_test.go:1: one\n        two\n":                                                    "one two",
	} {
		if got := skipReason(output); got != want {
			t.Errorf("skipReason(%q) = %q, want %q", output, got, want)
		}
	}
}

// TestRealGoTest runs go test on modules that pass, fail and do not build, so that the reading of
// its stream is held against the toolchain at hand.
func TestRealGoTest(t *testing.T) {
	for _, c := range []struct {
		name, code              string
		passed, failed, skipped int
		trouble                 bool
		shown                   string
	}{
		{name: "passes", code: "package p\nimport \"testing\"\nfunc TestA(t *testing.T) {}\nfunc TestB(t *testing.T) { t.Skip(\"no moon\") }\n", passed: 1, skipped: 1},
		{name: "fails", code: "package p\nimport \"testing\"\nfunc TestA(t *testing.T) { t.Error(\"wrong moon\") }\n", failed: 1, shown: "wrong moon"},
		{name: "panics", code: "package p\nimport \"testing\"\nfunc TestA(t *testing.T) { panic(\"no air\") }\n", failed: 1, shown: "no air"},
		{name: "exits", code: "package p\nimport (\"os\"; \"testing\")\nfunc TestMain(m *testing.M) { os.Exit(3) }\nfunc TestA(t *testing.T) {}\n", failed: 1},
		{name: "does not build", code: "package p\nimport \"testing\"\nfunc TestA(t *testing.T) { moon() }\n", failed: 1, shown: "undefined: moon"},
		{name: "does not parse", code: "package p\nfunc {\n", failed: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "go.mod", "module p\n\ngo 1.26\n")
			write(t, dir, "p_test.go", c.code)
			t.Setenv("GOWORK", "off")
			var shown strings.Builder
			run := runTests(t.Context(), testPlan{module: module{dir: dir}, server: "none"}, &shown)
			p, f, s := run.results.count()
			if p != c.passed || f != c.failed || s != c.skipped {
				t.Errorf("passed, failed, skipped = %d, %d, %d; want %d, %d, %d\n%s", p, f, s, c.passed, c.failed, c.skipped, shown.String())
			}
			if !strings.Contains(shown.String(), c.shown) {
				t.Errorf("%q is not shown:\n%s", c.shown, shown.String())
			}
			if got := (&summary{runs: []testRun{run}}).failed(); got != (c.failed > 0) {
				t.Errorf("failed() = %v, want %v", got, c.failed > 0)
			}
		})
	}
}

func TestModuleThatDoesNotResolveIsTrouble(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "go.mod", "this is no go.mod\n")
	t.Setenv("GOWORK", "off")
	run := runTests(t.Context(), testPlan{module: module{dir: dir}, server: "none"}, io.Discard)
	if run.trouble == "" {
		t.Fatal("no trouble reported")
	}
	if !(&summary{runs: []testRun{run}}).failed() {
		t.Fatal("the summary does not fail")
	}
}

func TestFindModules(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	write(t, root, "go.mod", "module example.org/a\n\ngo 1.26\n")
	for dir, requires := range map[string]string{"b": "example.org/a/monorailtest", "testdata/c": "x.org/y", ".d": "x.org/y"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o777); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(root, dir), "go.mod", "module example.org/a/x\n\ngo 1.26\n\nrequire "+requires+" v1.0.0\n")
	}
	modules, err := findModules(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	if len(modules) != 2 || modules[0].dir != "." || modules[1].dir != "b" {
		t.Fatalf("modules = %+v, want . and b", modules)
	}
	if modules[0].usesTestServer() || !modules[1].usesTestServer() {
		t.Fatalf("usesTestServer is wrong for %+v", modules)
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}
