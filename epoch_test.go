package monorail

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/mongo-monorail/monorail/internal/outbox"
)

// TestBreakCountsWritesThatWereTaken breaks epochs while a goroutine writes. Each write either hears of the
// break, or is among those that may be lost: the one, too, that comes while the break counts them.
func TestBreakCountsWritesThatWereTaken(t *testing.T) {
	const rounds = 300
	conn, peer := net.Pipe()
	defer conn.Close()
	defer peer.Close()
	ctx, message := context.Background(), make([]byte, 16)
	for range rounds {
		s := newSeries(&Client{}, requestSettings{})
		e := newEpoch(s, 0)
		e.pin = &pin{outbox: outbox.New(conn, outbox.Config{Limit: 1 << 30})}
		s.epoch = e
		s.setStateLocked(seriesPinned) // nobody else has it yet
		begun, taken := make(chan struct{}), make(chan int)
		go func() {
			h, n := handle{epoch: e, pin: e.pin}, 0
			close(begun)
			for h.hold(ctx, message, 1) == nil {
				n++
			}
			taken <- n
		}()
		<-begun
		for start := time.Now(); time.Since(start) < 10*time.Microsecond; {
		}
		e.breakOff(errors.New("a break"))
		if n, broken := <-taken, e.broken.Load(); broken.Unconfirmed < n {
			t.Fatalf("of %d writes that were taken, %d may be lost", n, broken.Unconfirmed)
		}
	}
}
