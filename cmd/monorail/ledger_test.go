package main

import "testing"

func TestLedger(t *testing.T) {
	l := newLedger([]visit{{region: "US"}, {region: "DE"}, {region: "US"}})
	if got := l.begin("US"); got != 1 {
		t.Errorf("the first visit must be shown at least %d, want 1: itself", got)
	}
	if got := l.begin("US"); got != 1 {
		t.Errorf("a visit beside another that is not over must be shown at least %d, want 1", got)
	}
	l.end("US")
	l.end("US")
	if got := l.begin("US"); got != 3 {
		t.Errorf("a visit after two must be shown at least %d, want 3", got)
	}
	if got := l.begin("DE"); got != 1 {
		t.Errorf("a visit to another region must be shown at least %d, want 1", got)
	}
}
