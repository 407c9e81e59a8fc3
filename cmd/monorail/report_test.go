package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

func exampleResults() []result {
	return []result{
		{way: way{letter: "a", name: "acknowledged writes", right: true}, visits: 1000, elapsed: 2 * time.Second,
			p50: 2 * time.Millisecond, p99: 9 * time.Millisecond, roundTrips: 2000, writes: 2000},
		{way: way{letter: "c", name: "explicit requests, w:0", right: true}, visits: 1000, elapsed: time.Second,
			p50: 1500 * time.Nanosecond, p99: 4 * time.Millisecond, roundTrips: 1000, writes: 1000},
		{way: way{letter: "d", name: "w:0 on the driver's pool"}, visits: 1000, stale: 512, elapsed: time.Second,
			p50: time.Millisecond, p99: 4 * time.Millisecond, roundTrips: 1000, writes: 2000},
	}
}

func TestJSONHasOneObjectPerWayWithItsKeys(t *testing.T) {
	var out strings.Builder
	if err := report(&out, config{json: true}, exampleResults()); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines, want 3:\n%s", len(lines), out.String())
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(lines[1]), &object); err != nil {
		t.Fatal(err)
	}
	keys := []string{"lost", "p50_us", "p99_us", "round_trips_per_visit", "stale", "visits", "visits_per_second", "way"}
	if got := slices.Sorted(maps.Keys(object)); !slices.Equal(got, keys) {
		t.Errorf("keys = %v, want %v", got, keys)
	}
	for key, want := range map[string]any{"way": "c", "visits": 1000., "stale": 0., "lost": 0., "visits_per_second": 1000., "p50_us": 1.5, "p99_us": 4000., "round_trips_per_visit": 1.} {
		if object[key] != want {
			t.Errorf("%s = %v, want %v", key, object[key], want)
		}
	}
}

func TestTableAndMeaning(t *testing.T) {
	var out strings.Builder
	if err := report(&out, config{}, exampleResults()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"(a) acknowledged writes", "(d) w:0 on the driver's pool", "512 (51.2 %)",
		"every total included", "1.00 round trips where acknowledged writes (a) took 2.00", "2.0 times as many visits",
		"(d) showed 512 of 1000 visitors a total without a visit",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

func TestMeaningIsHonest(t *testing.T) {
	lucky := exampleResults()
	lucky[2].stale = 0
	if got := meaning(lucky); !strings.Contains(got, "lucky") {
		t.Errorf("nothing was stale, yet it says %q", got)
	}
	for name, spoil := range map[string]func(*result){
		"stale": func(r *result) { r.stale = 1 },
		"lost":  func(r *result) { r.lost = 1 },
		"twice": func(r *result) { r.lost = -1 },
	} {
		broken := exampleResults()
		spoil(&broken[1])
		if got := meaning(broken); !broken[1].broken() || !strings.Contains(got, "(c) BROKE ITS PROMISE") || strings.Contains(got, "every total included") {
			t.Errorf("%s: broken() = %v, and it says %q", name, broken[1].broken(), got)
		}
		wrong := exampleResults()
		spoil(&wrong[2])
		if wrong[2].broken() {
			t.Errorf("%s: the wrong way promises nothing and cannot break it", name)
		}
	}
}

func TestMeaningClaimsNoGainThatIsNotThere(t *testing.T) {
	even := exampleResults()
	even[1].elapsed = even[0].elapsed
	if got := meaning(even); strings.Contains(got, "times as many") || !strings.Contains(got, "(-rtt)") {
		t.Errorf("(a) and (c) took the same time, yet it says %q", got)
	}
}

func TestPercent(t *testing.T) {
	for _, c := range []struct {
		part, whole int
		want        string
	}{{0, 0, "0 %"}, {0, 9, "0 %"}, {9, 9, "100 %"}, {1, 100_000, "0.1 %"}, {99_999, 100_000, "99.9 %"}, {1, 3, "33.3 %"}} {
		if got := percent(c.part, c.whole); got != c.want {
			t.Errorf("percent(%d, %d) = %q, want %q", c.part, c.whole, got, c.want)
		}
	}
}
