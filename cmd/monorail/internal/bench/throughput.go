package bench

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

// callerCount is how many goroutines call at once.
const callerCount = 64

// The contestants of throughput.
const (
	manySockets = iota
	oneSocket
)

// throughput is what many callers at once do: each with a socket of the pool, or all in one request.
func (c *clients) throughput() *contest {
	return &contest{title: "acknowledged updates by 64 callers" + c.site.where, contestants: []*contestant{
		manySockets: {name: "official, 64 sockets", run: func(n int) error { return callers(endless, c.officialColl, n) }},
		oneSocket:   {name: "one request, one socket", run: func(n int) error { return callers(c.request, c.oursColl, n) }},
	}}
}

// callers has so many updates done by callerCount goroutines, which it waits for. Each updates a
// counter of its own, so that none waits for another's document.
func callers(ctx context.Context, coll *mongo.Collection, operations int) error {
	var running sync.WaitGroup
	var done atomic.Int64
	errs := make([]error, callerCount)
	for caller := range callerCount {
		running.Go(func() {
			for done.Add(1) <= int64(operations) && errs[caller] == nil {
				_, errs[caller] = coll.UpdateOne(ctx, counters[caller], increment, upsert)
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}
