package integration

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// TestUnendedRequestsEndWithTheirContext has goroutines leave requests open that they started, as
// threads did. Each has a context of its own, which ends with it.
func TestUnendedRequestsEndWithTheirContext(t *testing.T) {
	const goroutines = 10
	for _, test := range []struct{ slots, starts, ends int }{
		{goroutines, 1, 0}, {goroutines, 2, 1}, {goroutines, 20, 1}, {goroutines, 1, 1},
		{goroutines / 2, 1, 0}, {goroutines / 2, 2, 1}, {goroutines / 2, 20, 1}, // some wait for a connection
	} {
		t.Run(fmt.Sprintf("%d slots, start %d, end %d", test.slots, test.starts, test.ends), func(t *testing.T) {
			s := servertest.Start(t)
			c := s.Connect(t, options.Client().SetMaxPoolSize(uint64(test.slots)))
			ctx := servertest.Context(t)
			var group sync.WaitGroup
			for range goroutines {
				group.Go(func() {
					ctx, cancel := context.WithCancel(ctx)
					defer cancel()
					var request *monorail.Request
					for range test.starts {
						ctx, request = c.StartRequest(ctx)
					}
					report(t, c.Ping(ctx, nil))
					for range test.ends {
						report(t, request.End())
					}
				})
			}
			group.Wait()
			servertest.Eventually(t, func() string {
				if n := c.Pool.CheckedOut(); n != 0 {
					return fmt.Sprintf("%d connections are held by requests that nobody ended", n)
				}
				return ""
			})
			// Every slot is there again.
			var ends []func() error
			for range test.slots {
				requestCtx, request := c.StartRequest(ctx)
				ends = append(ends, request.End)
				check(t, c.Ping(requestCtx, nil))
			}
			for _, end := range ends {
				check(t, end())
			}
		})
	}
}
