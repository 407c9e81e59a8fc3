package snippet

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// packages are what a fragment may name without importing it.
var packages = map[string]string{
	"context":      "context",
	"errors":       "errors",
	"fmt":          "fmt",
	"http":         "net/http",
	"httptest":     "net/http/httptest",
	"log":          "log",
	"os":           "os",
	"slog":         "log/slog",
	"strings":      "strings",
	"sync":         "sync",
	"time":         "time",
	"tls":          "crypto/tls",
	"bson":         "go.mongodb.org/mongo-driver/v2/bson",
	"event":        "go.mongodb.org/mongo-driver/v2/event",
	"mongo":        "go.mongodb.org/mongo-driver/v2/mongo",
	"options":      "go.mongodb.org/mongo-driver/v2/mongo/options",
	"readpref":     "go.mongodb.org/mongo-driver/v2/mongo/readpref",
	"writeconcern": "go.mongodb.org/mongo-driver/v2/mongo/writeconcern",
	"monorail":     "github.com/mongo-monorail/monorail",
	"monorailhttp": "github.com/mongo-monorail/monorail/monorailhttp",
	"monorailtest": "github.com/mongo-monorail/monorail/monorailtest",
	"certificate":  "github.com/mongo-monorail/monorail/monorailtest/certificate",
}

// surroundings is the program around a fragment.
const surroundings = `
var (
	ctx    = context.Background()
	client *monorail.Client
	counts *mongo.Collection
	region, browser, system = "US", "Firefox", "Mac OS X"
	err    error
)

func main() {
	client, err = monorail.Connect(options.Client().ApplyURI(os.Getenv("MONGODB_URI")))
	if err != nil {
		log.Fatal(err)
	}
	counts = client.Database("analytics").Collection("counts")
	if err := errors.Join(snippet(), client.Disconnect(context.Background())); err != nil {
		log.Fatal(err)
	}
}
`

// server is what a fragment gets besides if it names srv: a server whose faults it can set.
const server = `
var srv = monorailtest.NewServer()

func init() { os.Setenv("MONGODB_URI", srv.URI()) }
`

// namesServer finds the variable of server in a fragment.
var namesServer = regexp.MustCompile(`\bsrv\.`)

// declaresServer finds a fragment's own variable of that name.
var declaresServer = regexp.MustCompile(`\bsrv\s*:?=`)

// source returns the Go source of s: s itself, or the program around a fragment. Positions in what
// comes from the page are those of the page, so that the compiler's complaints point there.
func (s Snippet) source() (string, error) {
	position := fmt.Sprintf("//line %s:%d\n", s.File, s.Line)
	if s.packageName() != "" {
		return position + s.Code, nil
	}
	program := surroundings
	if namesServer.MatchString(s.Code) && !declaresServer.MatchString(s.Code) {
		program += server
	}
	if _, err := parser.ParseFile(token.NewFileSet(), "", "package main\n"+s.Code, 0); err == nil {
		program += "\nfunc snippet() error { return nil }\n\n" + position + s.Code
	} else {
		unused, err := topLevelVariables(s.Code)
		if err != nil {
			return "", fmt.Errorf("%s:%d: neither declarations nor statements: %w", s.File, s.Line, err)
		}
		program += "\nfunc snippet() error {\n" + position + s.Code + "//line harness.go:1\n" + unused + "\treturn nil\n}\n"
	}
	file, err := parser.ParseFile(token.NewFileSet(), "", "package main\n"+program, parser.SkipObjectResolution)
	if err != nil {
		return "", fmt.Errorf("%s:%d: %w", s.File, s.Line, err)
	}
	used := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			if name, ok := selector.X.(*ast.Ident); ok && packages[name.Name] != "" {
				used[name.Name] = true
			}
		}
		return true
	})
	var imports strings.Builder
	for _, name := range slices.Sorted(maps.Keys(used)) {
		fmt.Fprintf(&imports, "import %q\n", packages[name])
	}
	return "package main\n\n" + imports.String() + program, nil
}

// topLevelVariables returns statements that use the variables which the statements of code declare:
// in a page a result may just be shown, to the compiler it would be unused.
func topLevelVariables(code string) (string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "", "package main\nfunc snippet() error {\n"+code+"\nreturn nil\n}\n", parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	var uses strings.Builder
	for _, statement := range file.Decls[0].(*ast.FuncDecl).Body.List {
		assign, ok := statement.(*ast.AssignStmt)
		if !ok || assign.Tok != token.DEFINE {
			continue
		}
		for _, left := range assign.Lhs {
			if name, ok := left.(*ast.Ident); ok && name.Name != "_" {
				fmt.Fprintf(&uses, "\t_ = %s\n", name.Name)
			}
		}
	}
	return uses.String(), nil
}
