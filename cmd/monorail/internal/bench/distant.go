package bench

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/mongo-monorail/monorail"
)

// startedTogether is how many acknowledged operations are independent of each other.
const startedTogether = 10

// The contestants of independent.
const (
	independentOfficial = iota
	independentGo
	independentRoundTrip
)

// independent are ten updates that do not need each other's results, and what one round trip takes.
func (c *clients) independent() *contest {
	updateOurs := func(ctx context.Context) (*mongo.UpdateResult, error) {
		return c.oursColl.UpdateOne(ctx, counters[0], increment, upsert)
	}
	return &contest{title: "ten independent updates" + c.site.where, contestants: []*contestant{
		independentOfficial: {name: "official, one after another", run: each(func() error {
			for range startedTogether {
				if err := update(endless, c.officialColl); err != nil {
					return err
				}
			}
			return nil
		})},
		independentGo: {name: "Go and Wait in a request", run: each(func() error {
			var futures [startedTogether]*monorail.Future[*mongo.UpdateResult]
			for i := range futures {
				futures[i] = monorail.Go(c.request, updateOurs)
			}
			for _, future := range futures {
				if _, err := future.Wait(endless); err != nil {
					return err
				}
			}
			return nil
		})},
		independentRoundTrip: {name: "one round trip (ping)", run: each(c.pingOfficial)},
	}}
}

// writesBeforeRead is how many unacknowledged writes go before the read.
const writesBeforeRead = 10

// The contestants of writesAndARead.
const (
	tenOfficial = iota
	tenByLane
	tenRoundTrip
)

// writesAndARead are ten writes and a read that sees them, and what one round trip takes.
func (c *clients) writesAndARead() *contest {
	return &contest{title: "ten writes and a read" + c.site.where, contestants: []*contestant{
		tenOfficial: {name: "official, acknowledged", run: each(func() error {
			for range writesBeforeRead {
				if err := update(endless, c.officialColl); err != nil {
					return err
				}
			}
			return find(endless, c.officialColl)
		})},
		tenByLane: {name: "lane in a request", run: each(func() error {
			for range writesBeforeRead {
				if err := c.laneWrite(); err != nil {
					return err
				}
			}
			return find(c.request, c.oursColl)
		})},
		tenRoundTrip: {name: "one round trip (ping)", run: each(c.pingOfficial)},
	}}
}
