package bench

import (
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// unacknowledgedMost is how many unacknowledged writes one turn has at a server that executes them:
// some 500 kB, which network and server buffer, so that what is measured is the client and not how
// long the server makes it wait.
const unacknowledgedMost = 2000

// The contestants of unacknowledgedWrites.
const (
	writeOfficial = iota
	writeInRequest
	writeByLane
	writeDocuments
)

// unacknowledgedWrites are the ways to write without waiting, and the part of it that none can save.
func (c *clients) unacknowledgedWrites() (*contest, error) {
	// With one connection the ping behind the writes is behind all of them. One caller never uses more.
	client, release, err := c.site.official(1)
	if err != nil {
		return nil, err
	}
	c.site.ending = append(c.site.ending, release)
	settleOfficial := func() error { return client.Ping(endless, primary) }
	if err := settleOfficial(); err != nil {
		return nil, err
	}
	official := client.Database(c.site.database).Collection(collection, silent())
	plain := c.ours.Database(c.site.database).Collection(collection, silent())
	// An encoder that is reused and a writer that keeps nothing: the least that two documents cost.
	encoder := bson.NewEncoder(bson.NewDocumentWriter(io.Discard))
	most := unacknowledgedMost
	if c.site.sink {
		most = 0
	}
	return &contest{title: "unacknowledged update" + c.site.where, contestants: []*contestant{
		writeOfficial:  {name: "official w:0", run: each(func() error { return update(endless, official) }), settle: settleOfficial, most: most},
		writeInRequest: {name: "in a request, w:0", run: each(func() error { return update(c.request, plain) }), settle: c.pingRequest, most: most},
		writeByLane:    {name: "lane", run: each(c.laneWrite), settle: c.pingRequest, most: most},
		writeDocuments: {name: "its two documents alone", run: each(func() error {
			if err := encoder.Encode(counters[0]); err != nil {
				return err
			}
			return encoder.Encode(increment)
		})},
	}}, nil
}

func (c *clients) laneWrite() error {
	return c.lane.UpdateOne(c.request, counters[0], increment, upsert)
}
