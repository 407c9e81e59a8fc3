package monorail

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/mongo-monorail/monorail/internal/outbox"
)

// TestGoThatGaveUpIsNotSentLater: when Go has returned because its context had ended, the command would
// be behind what the caller has done since.
func TestGoThatGaveUpIsNotSentLater(t *testing.T) {
	request := &requestContext{Context: context.Background(), carrier: &Request{}, starts: true}
	conn, peer := net.Pipe()
	defer conn.Close()
	defer peer.Close()
	out := outbox.New(conn, outbox.Config{Limit: 1 << 10})
	message := make([]byte, 100)
	ended, cancel := context.WithCancel(request)
	cancel()

	var early flight
	early.init(request)
	if _, err := early.queue(ended, out, message); err != nil || out.Held() != 100 {
		t.Errorf("Go waits, and its command is refused: %v, %d bytes held", err, out.Held())
	}
	var late flight
	late.init(request)
	late.awaitStart(ended)
	if _, err := late.queue(ended, out, message); !errors.Is(err, context.Canceled) || out.Held() != 100 {
		t.Errorf("a command behind the end of Go gives %v, %d bytes held", err, out.Held())
	}
	// The Go inside it has not noticed yet.
	var inner flight
	inner.init(late.context(request))
	if _, err := inner.queue(ended, out, message); !errors.Is(err, context.Canceled) || out.Held() != 100 {
		t.Errorf("a command of a Go inside it gives %v, %d bytes held", err, out.Held())
	}
	// With a context of its own the operation says itself what is behind what.
	if _, err := late.queue(request, out, message); err != nil || out.Held() != 200 {
		t.Errorf("a command with another context gives %v, %d bytes held", err, out.Held())
	}
}

// TestAwaitedTurn: one who has a session sees that another waits for it, be it before the other could
// see who has it.
func TestAwaitedTurn(t *testing.T) {
	var f flight
	f.init(context.Background())
	of := &turn{id: "session", taken: make(chan struct{}, 1)}
	of.taken <- struct{}{}
	of.users.Store(1)
	of.flights.Store(1)
	f.turns = append(f.turns, of)
	if f.awaited() {
		t.Error("awaited by nobody")
	}
	of.users.Add(1)
	if !f.awaited() {
		t.Error("not awaited")
	}
}

// TestGoAllocations: the future, two channels, the function with its goroutine, and the context.
func TestGoAllocations(t *testing.T) {
	ctx := context.Background()
	op := func(context.Context) (int, error) { return 1, nil }
	if n := testing.AllocsPerRun(1000, func() { _, _ = Go(ctx, op).Wait(ctx) }); n != 5 {
		t.Errorf("%v allocations, want 5", n)
	}
}
