package main

import (
	"strings"
	"testing"
	"time"
)

func TestConfig(t *testing.T) {
	var stderr strings.Builder
	c, err := parseConfig(nil, &stderr)
	if err != nil || c != (config{visitors: 8, count: 6000}) {
		t.Errorf("defaults = %+v, %v", c, err)
	}
	c, err = parseConfig([]string{"--uri", "mongodb://h", "--visits", "v.csv", "--visitors", "3", "--count=9", "--rtt", "1ms", "--json"}, &stderr)
	if err != nil || c != (config{uri: "mongodb://h", visits: "v.csv", visitors: 3, count: 9, rtt: time.Millisecond, json: true}) {
		t.Errorf("all flags = %+v, %v", c, err)
	}
	if stderr.Len() > 0 {
		t.Errorf("a correct command line printed %q", stderr.String())
	}
}

func TestUsageErrors(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		stdout string
		stderr string
	}{
		{nil, exitOK, "monorail demo [flags]", ""},
		{[]string{"help"}, exitOK, "monorail demo [flags]", ""},
		{[]string{"--help"}, exitOK, "monorail demo [flags]", ""},
		{[]string{"demo", "-help"}, exitOK, "", "-visitors"},
		{nil, exitOK, "monorail bench [flags]", ""},
		{[]string{"bench", "-help"}, exitOK, "", "-rounds"},
		{[]string{"bench", "now"}, exitUsage, "", `unexpected argument "now"`},
		{[]string{"bench", "--rounds", "0"}, exitUsage, "", "-rounds must be 1 to"},
		{[]string{"bench", "--rounds", "100000"}, exitUsage, "", "-rounds must be 1 to"},
		{[]string{"bench", "--uri", "http://example.org"}, exitFailed, "", "scheme"},
		{[]string{"dance"}, exitUsage, "", `unknown command "dance"`},
		{[]string{"demo", "--moon"}, exitUsage, "", "not defined: -moon"},
		{[]string{"demo", "now"}, exitUsage, "", `unexpected argument "now"`},
		{[]string{"demo", "--visitors", "0"}, exitUsage, "", "-visitors must be 1 to"},
		{[]string{"demo", "--count", "-1"}, exitUsage, "", "-count must be 1 to"},
		{[]string{"demo", "--count", "many"}, exitUsage, "", `invalid value "many"`},
		{[]string{"demo", "--rtt", "-1ms"}, exitUsage, "", "-rtt must be 0 to 10s"},
		{[]string{"demo", "--rtt", "1"}, exitUsage, "", `invalid value "1"`},
		{[]string{"demo", "--visits", "no/such/file.csv"}, exitFailed, "", "no/such/file.csv"},
		{[]string{"demo", "--uri", "http://example.org"}, exitFailed, "", "scheme"},
	} {
		var stdout, stderr strings.Builder
		if got := run(t.Context(), c.args, &stdout, &stderr); got != c.status {
			t.Errorf("%q: exit status %d, want %d", c.args, got, c.status)
		}
		if !strings.Contains(stdout.String(), c.stdout) || !strings.Contains(stderr.String(), c.stderr) {
			t.Errorf("%q printed %q and %q, want %q and %q in them", c.args, stdout.String(), stderr.String(), c.stdout, c.stderr)
		}
	}
}
