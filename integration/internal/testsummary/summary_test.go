package main

import (
	"context"
	"io"
	"strings"
	"testing"
)

func TestSummaryNamesWhatDidNotRun(t *testing.T) {
	r, _ := readStream(t, `
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:3: needs a fault\n"}
{"Action":"skip","Package":"p","Test":"TestB"}
{"Action":"pass","Package":"p"}
`)
	integration := module{dir: "integration"}
	plans := plan(context.Background(), []module{{dir: "."}, integration}, "")
	s := summary{testRun: true, runs: []testRun{
		{plan: plans[0], results: r}, {plan: plans[2], results: r}, {plan: plans[4]},
	}}
	var out strings.Builder
	if err := s.print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"p TestB on scripted peers: needs a fault",
		"not run: no MONORAIL_TEST_URI",
		"\n2 passed, 0 failed, 2 skipped; servers not run: 1 (integration on MongoDB: no MONORAIL_TEST_URI)\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	if s.failed() {
		t.Error("skips alone must not fail")
	}
}

func TestFailedCheckFails(t *testing.T) {
	s := summary{checks: []check{{name: "gofmt", passed: true}, runCheck(t.Context(), io.Discard, "vet .", ".", false, "go", "no-such-command")}}
	var out strings.Builder
	if err := s.print(&out); err != nil {
		t.Fatal(err)
	}
	if !s.failed() || !strings.Contains(out.String(), "checks: 1 of 2 passed; failed: vet .") {
		t.Errorf("failed() = %v, printed %q", s.failed(), out.String())
	}
}

func TestSilentCheckFailsOnOutput(t *testing.T) {
	if runCheck(t.Context(), io.Discard, "gofmt", ".", true, "go", "version").passed {
		t.Error("a check that must be silent passed although it printed")
	}
	if !runCheck(t.Context(), io.Discard, "version", ".", false, "go", "version").passed {
		t.Error("go version failed")
	}
}

func TestEnvironmentCarriesTheURIOnlyWhereAsked(t *testing.T) {
	environ := []string{"A=1", uriVariable + "=mongodb://old"}
	if got := strings.Join(testEnvironment(environ, ""), " "); got != "A=1" {
		t.Errorf("without a URI: %q", got)
	}
	if got := strings.Join(testEnvironment(environ, "mongodb://new"), " "); got != "A=1 "+uriVariable+"=mongodb://new" {
		t.Errorf("with a URI: %q", got)
	}
}

func TestArguments(t *testing.T) {
	plans := plan(context.Background(), []module{{dir: "."}, {dir: "monorailtest", path: "example.org/monorailtest"}}, "")
	if len(plans) != 3 || !plans[1].exact || plans[2].exact {
		t.Fatalf("the plans are %+v", plans)
	}
	for _, test := range []struct {
		plan testPlan
		want string
	}{
		{plans[0], "test -json -shuffle=on -race ./..."},
		{plans[1], "test -json -shuffle=on -run Allocat ./..."},
		{testPlan{uri: "mongodb://host"}, "test -json -shuffle=on -race -p 1 ./..."},
	} {
		if got := strings.Join(test.plan.arguments(), " "); got != test.want {
			t.Errorf("the arguments are %q, want %q", got, test.want)
		}
	}
}
