package main

import (
	"context"
	"path"
)

// testPlan is one run of the tests of one module.
type testPlan struct {
	// module is what to test.
	module module
	// server says what the tests talk to, in words for the summary.
	server string
	// uri is the value of MONORAIL_TEST_URI for the run; empty for the embedded server.
	uri string
	// exact says that only the tests that count allocations run, without the race detector: with it,
	// sync.Pool loses what is put back, and they have to allow for that.
	exact bool
	// notRun, where it is not empty, is why this run cannot be done; it is then only counted.
	notRun string
}

// plan lists the runs: one for each module with the race detector, one for each that counts
// allocations, and for the integration module one more against the MongoDB at uri. With an empty uri that second run is in the list all the same, as not run.
func plan(ctx context.Context, modules []module, uri string) []testPlan {
	var plans []testPlan
	for _, m := range modules {
		server := "scripted peers"
		if m.usesTestServer() {
			server = "monorailtest"
		}
		plans = append(plans, testPlan{module: m, server: server})
		if path.Base(m.path) != "monorailtest" { // what a test server allocates is nobody's promise
			plans = append(plans, testPlan{module: m, server: server + ", allocations", exact: true})
		}
		if m.dir != "integration" {
			continue
		}
		real := testPlan{module: m, server: "MongoDB", uri: uri}
		if uri == "" {
			real.notRun = "no " + uriVariable
		} else if kind, err := describeServer(ctx, uri); err != nil {
			// Asked for and not reachable is a failure, and running the tests shows it best.
			real.server = "MongoDB (" + err.Error() + ")"
		} else {
			real.server = kind
		}
		plans = append(plans, real)
	}
	return plans
}

// arguments are those of the go command for the plan. The order of the tests is random, which also
// keeps go test from answering out of its cache. Fail points are the whole server's, so at a server that
// is shared one package runs at a time.
func (p testPlan) arguments() []string {
	arguments := []string{"test", "-json", "-shuffle=on"}
	if p.exact {
		arguments = append(arguments, "-run", allocationTests)
	} else {
		arguments = append(arguments, "-race")
	}
	if p.uri != "" {
		arguments = append(arguments, "-p", "1")
	}
	return append(arguments, "./...")
}

// allocationTests is the pattern of the names of tests that count allocations.
const allocationTests = "Allocat"
