package main

import "context"

// testPlan is one run of the tests of one module.
type testPlan struct {
	// module is what to test.
	module module
	// server says what the tests talk to, in words for the summary.
	server string
	// uri is the value of MONORAIL_TEST_URI for the run; empty for the embedded server.
	uri string
	// notRun, where it is not empty, is why this run cannot be done; it is then only counted.
	notRun string
}

// plan lists the runs: one for each module, and for the integration module one more against the
// MongoDB at uri. With an empty uri that second run is in the list all the same, as not run.
func plan(ctx context.Context, modules []module, uri string) []testPlan {
	var plans []testPlan
	for _, m := range modules {
		server := "scripted peers"
		if m.usesTestServer() {
			server = "monorailtest"
		}
		plans = append(plans, testPlan{module: m, server: server})
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
