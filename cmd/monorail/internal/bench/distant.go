package bench

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
