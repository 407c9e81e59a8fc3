package outbox

import (
	"context"
	"testing"
	"time"
)

// sink takes everything at once.
type sink struct{}

func (sink) Write(b []byte) (int, error)      { return len(b), nil }
func (sink) SetWriteDeadline(time.Time) error { return nil }

func TestSteadyStateAllocatesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := newOutbox(sink{}, Config{Resumable: true, Interval: time.Hour})
	m := message(1)
	run := func() {
		_ = o.Hold(ctx, m)
		_, _ = o.Send(ctx, m)
		_, _ = o.Post(m)
		_ = o.Urge(ctx)
	}
	run()
	run()
	if n := testing.AllocsPerRun(1000, run); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkOutbox(b *testing.B) {
	for name, held := range map[string]int{"Send": 0, "1 Hold and Send": 1, "100 Hold and Send": 100} {
		b.Run(name, func(b *testing.B) {
			o := newOutbox(sink{}, Config{Resumable: true})
			m := message(1)
			b.ReportAllocs()
			for b.Loop() {
				for range held {
					_ = o.Hold(b.Context(), m)
				}
				_, _ = o.Send(b.Context(), m)
			}
		})
	}
}
