package snippet

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const page = "# Title\n\n```go\npackage main\n\nfunc main() { println() }\n```\n\n```output\nhello\n```\n\ntext\n```text\nno code\n```\n```go\nn, err := f()\n```\n"

func TestExtract(t *testing.T) {
	snippets, err := extract("docs/a.md", page)
	if err != nil {
		t.Fatal(err)
	}
	if len(snippets) != 2 {
		t.Fatalf("%d snippets, want 2: %+v", len(snippets), snippets)
	}
	first, second := snippets[0], snippets[1]
	if first.Line != 4 || first.packageName() != "main" || first.IsTest() || !first.HasOutput || first.Output != "hello\n" {
		t.Errorf("first = %+v", first)
	}
	if second.Line != 18 || second.packageName() != "" || second.HasOutput || second.Code != "n, err := f()\n" || second.Name() != "docs_a_18" {
		t.Errorf("second = %+v, named %s", second, second.Name())
	}
}

func TestExtractRefusesWhatItWouldMisread(t *testing.T) {
	for _, markdown := range []string{
		"```go\nx := 1\n",
		"```output\nhello\n```\n",
		"```go\nx := 1\n```\ntext between\n```output\nhello\n```\n",
	} {
		if snippets, err := extract("a.md", markdown); err == nil {
			t.Errorf("%q gives %+v and no error", markdown, snippets)
		}
	}
}

func TestSourceOfFragments(t *testing.T) {
	statements, err := Snippet{File: "a.md", Line: 7, Code: "n, err := counts.CountDocuments(ctx, bson.D{})\n"}.source()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"import \"go.mongodb.org/mongo-driver/v2/bson\"\n", "//line a.md:7\nn, err :=", "_ = n\n", "_ = err\n"} {
		if !strings.Contains(statements, want) {
			t.Errorf("%q is missing in\n%s", want, statements)
		}
	}
	if strings.Contains(statements, "readpref") {
		t.Errorf("imports what it does not use:\n%s", statements)
	}
	declarations, err := Snippet{File: "a.md", Line: 7, Code: "func handler(w http.ResponseWriter, r *http.Request) {}\n"}.source()
	if err != nil || !strings.Contains(declarations, "import \"net/http\"\n") || strings.Contains(declarations, "_ = ") {
		t.Errorf("%v\n%s", err, declarations)
	}
	faults, err := Snippet{File: "a.md", Line: 7, Code: "srv.Stall()\n"}.source()
	if err != nil || !strings.Contains(faults, "var srv = monorailtest.NewServer()") || strings.Contains(statements, "srv") {
		t.Errorf("%v\n%s", err, faults)
	}
	own, err := Snippet{File: "a.md", Line: 7, Code: "srv := monorailtest.NewServer()\nsrv.Close()\n"}.source()
	if err != nil || strings.Contains(own, "var srv") {
		t.Errorf("%v\n%s", err, own)
	}
	if _, err := (Snippet{File: "a.md", Line: 7, Code: "n := := 1\n"}).source(); err == nil || !strings.Contains(err.Error(), "a.md:7") {
		t.Errorf("error = %v, want one that names the place", err)
	}
}

// TestCompilerPointsAtThePage compiles a program with a mistake.
func TestCompilerPointsAtThePage(t *testing.T) {
	dir := t.TempDir()
	bad := Snippet{File: "a.md", Line: 40, Code: "package main\n\nfunc main() { moon() }\n"}
	if err := WriteModule(dir, "/nowhere", []byte("module x\n\ngo 1.26\n"), nil, []Snippet{bad}); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", os.DevNull, "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "a.md:42") {
		t.Errorf("go build: %v, %s; want a complaint about a.md:42", err, out)
	}
}

func TestWriteModuleKeepsLocalReplacements(t *testing.T) {
	dir := t.TempDir()
	goMod := "module x\n\ngo 1.26\n\nreplace (\n\ta => ../\n\tb => ../b\n\tc => d v1.0.0\n)\n"
	if err := WriteModule(dir, filepath.FromSlash("/repo/integration"), []byte(goMod), nil, nil); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "module snippets\n\ngo 1.26\n\nreplace (\n\ta => /repo\n\tb => /repo/b\n\tc => d v1.0.0\n)\n"; string(text) != want {
		t.Errorf("go.mod = %q, want %q", text, want)
	}
}

func TestFindSkipsHiddenDirectories(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"README.md", "docs/a.md", ".hidden/b.md", "docs/node_modules/d.md", "docs/c.txt"} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("```go\nx := 1\n```\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	snippets, err := Find(root)
	if err != nil || len(snippets) != 2 || snippets[0].File != "README.md" || snippets[1].File != "docs/a.md" {
		t.Errorf("found %+v, %v", snippets, err)
	}
}
