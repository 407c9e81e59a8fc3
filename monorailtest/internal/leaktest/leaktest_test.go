package leaktest

import "testing"

func TestFindsAGoroutineThatIsLeft(t *testing.T) {
	const self = "monorailtest/internal/leaktest"
	ready, end, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	// Owned by this test, which closes end and waits for ended.
	go func() {
		defer close(ended)
		close(ready)
		<-end
	}()
	<-ready
	if got := find([]string{self + ".TestFindsAGoroutineThatIsLeft.func1"}); len(got) != 1 {
		t.Errorf("found %d goroutines while one is left, want 1", len(got))
	}
	close(end)
	<-ended
	if got := remaining([]string{self + ".TestFindsAGoroutineThatIsLeft.func1"}); len(got) != 0 {
		t.Errorf("found %d goroutines after the end, want none", len(got))
	}
}
